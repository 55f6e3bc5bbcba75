# SPDX-License-Identifier: GPL-2.0-only
# Arbitrary input to the module, valid or not: everything at once, under traffic. FUZZ_SECONDS is for how long;
# FUZZ_SEED repeats a failed run.

load helper
setup() { common_setup; }
teardown() { common_teardown; }

: "${FUZZ_SECONDS:=10}" "${FUZZ_SEED:=$RANDOM}"

@test "files and netlink, told whatever can be told" {
	local failed=0
	load_module ring=256
	spawn traffic connections -p 9620 -n 0 -b 3000 --pause 2000
	spawn files fuzz_procfs --seconds "$FUZZ_SECONDS" --seed "$FUZZ_SEED"
	spawn netlink "$TREE/tests/tools/fuzz_netlink" "$FUZZ_SECONDS" "$FUZZ_SEED"
	finish files || failed=1
	finish netlink || failed=1
	cat "$BATS_TEST_TMPDIR"/{files,netlink}.{out,err}
	is "failed == 0"
	stop traffic
	grep -qE '^connections=[1-9][0-9]* errors=0$' "$(out_of traffic)"
	no_readers
	wait_until counters_agree
	# It still works.
	spawn_ready reader ringdump --mine --clause sport=9621
	connections -p 9621 -n 5
	stop reader
	is "$(lines "$(out_of reader)" type=accept sport=9621) == 5"
	same "$(armed_level)" off
}
