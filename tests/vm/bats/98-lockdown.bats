# SPDX-License-Identifier: GPL-2.0-only
# A locked-down kernel. That cannot be undone, so nothing else may run in this guest afterwards.

load helper
load watch
setup()
{
	common_setup
	[[ -e $LOCKDOWN ]] || mount -t securityfs none /sys/kernel/security
	[[ -e $LOCKDOWN ]] || skip "this kernel has no lockdown"
}
teardown() { common_teardown; }

LOCKDOWN=/sys/kernel/security/lockdown

@test "locked down for integrity: no module, but BPF" {
	echo integrity >$LOCKDOWN
	like "$(<$LOCKDOWN)" '*[[]integrity]*'
	fails insmod "$KO"
	spawn_ready hold connections -H -p 9801
	tcptrace-ctl watch --once --json --source=bpf 9801 | json_lines >"$BATS_TEST_TMPDIR/once"
	same "$(lines "$BATS_TEST_TMPDIR/once" type=snapshot)" "$(ss -Htan '( sport = :9801 or dport = :9801 )' | grep -c .)"
	spawn watch tcptrace-ctl watch --json --source=bpf 9802
	wait_until attached_are 1
	connections -p 9802
	stop watch INT
	json_lines "$(out_of watch)" >"$BATS_TEST_TMPDIR/watched"
	same "$(lines "$BATS_TEST_TMPDIR/watched" type=accept)" 1
}

@test "locked down for confidentiality: one line that says what to do" {
	local status=0
	echo confidentiality >$LOCKDOWN
	tcptrace-ctl watch --source=bpf --duration=5 9803 >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" || status=$?
	same "$status" 1
	same "$(<"$BATS_TEST_TMPDIR/stdout")" ""
	same "$(grep -c . "$BATS_TEST_TMPDIR/stderr")" 1 "lines: $(<"$BATS_TEST_TMPDIR/stderr")"
	like "$(<"$BATS_TEST_TMPDIR/stderr")" 'tcptrace-ctl: BPF: lockdown mode is confidentiality*lockdown=integrity'
}
