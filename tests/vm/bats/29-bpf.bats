# SPDX-License-Identifier: GPL-2.0-only
# The second source: that it says what the module says, that it is chosen as promised, and what it cannot do it says.

load helper
load watch
setup() { common_setup; }
teardown() { watch_teardown; }

# refused PATTERN COMMAND...: ends with status 1 and one line on standard error like that
refused()
{
	local status=0 lines
	"${@:2}" >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" || status=$?
	mapfile -t lines <"$BATS_TEST_TMPDIR/stderr"
	same "$status" 1 "the status of: ${*:2}"
	same "${#lines[@]}" 1 "lines on standard error: ${lines[*]}"
	like "${lines[0]}" "$1"
}

# by_end FILE: the events of a recording as they came, each end for itself; without those of the probes that have no
# twin yet (userspace/bpf/missing.h)
NO_TWIN=' type=(retransmit|drop|segment) | op=(probe|keepalive|cookie) '
by_end() { recording "$1" | grep -vE "$NO_TWIN" | busybox sort -s -k 1,1; }

# connections of every kind, from both families
scenario()
{
	local family n=0
	for family in 4 6 mapped; do
		n=$((n + 10))
		connections -f $family -p $((9500 + n)) -n 3 -b 1000
		connections -f $family -p $((9501 + n)) -n 2 -e server
		connections -f $family -p $((9502 + n)) -n 2 -e reset
	done
	# Refused, and a half-open one that is reset.
	fails nc -z 127.0.0.1 9599
	fails nc -z ::1 9599
	spawn_ready full connections -H -p 9540 -n 1 -s 3000000
	stop full || true
	spawn_ready orphan connections -H -p 9541 -n 1 -o
	stop orphan || true
}

# both_record: the scenario, by both at once; a filter that both take into the kernel
both_record()
{
	local module=$BATS_TEST_TMPDIR/module.tct bpf=$BATS_TEST_TMPDIR/bpf.tct
	local filter='sport >= :9500 and sport <= :9599 or dport >= :9500 and dport <= :9599'
	load_module
	spawn bpf tcptrace-ctl record --quiet --source=bpf --level=queue "$bpf" "$filter"
	wait_until armed tcp_set_state
	spawn module tcptrace-ctl record --quiet --source=module --level=queue "$module" "$filter"
	wait_until asking_are 1
	scenario
	wait_until quiet_port 9541
	stop module INT
	stop bpf INT
	same "$(<"$BATS_TEST_TMPDIR/bpf.err")$(<"$BATS_TEST_TMPDIR/module.err")" ""
	by_end "$module" >"$BATS_TEST_TMPDIR/by-module"
	by_end "$bpf" >"$BATS_TEST_TMPDIR/by-bpf"
	# It is of something: each connection of the scenario is there.
	is "$(lines "$BATS_TEST_TMPDIR/by-module" type=connect) >= 25"
	is "$(lines "$BATS_TEST_TMPDIR/by-module" type=ack) >= 20"
	same "$(<"$BATS_TEST_TMPDIR/by-bpf")" "$(<"$BATS_TEST_TMPDIR/by-module")" "BPF against the module"
}

@test "both sources at once record the same of each end, to the byte" {
	both_record
}

@test "and so they do where BPF has to attach by kprobe" {
	export TCPTRACE_BPF_KPROBE=1
	both_record
}

@test "auto takes the module where it is loaded, else BPF, and says so" {
	tcptrace-ctl watch --once 2>"$BATS_TEST_TMPDIR/err"
	like "$(<"$BATS_TEST_TMPDIR/err")" '*not loaded*BPF*'
	load_module
	tcptrace-ctl watch --once 2>"$BATS_TEST_TMPDIR/err"
	same "$(<"$BATS_TEST_TMPDIR/err")" ""
}

@test "without the right: one line that says which" {
	refused '*root*CAP_SYS_ADMIN*' setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
		tcptrace-ctl watch --source=bpf 9090
	refused '*root*CAP_SYS_ADMIN*' unshare --user --map-root-user tcptrace-ctl watch --source=bpf 9090
}

@test "the snapshot is what ss shows, in each namespace" {
	local name
	add_netns one
	add_netns two
	for name in one two; do
		spawn_ready "v4$name" nsenter "$(netns "$name")" connections -H -p 9551 -n 2 -u 1000
		spawn_ready "v6$name" nsenter "$(netns "$name")" connections -H -f 6 -p 9552 -n 1 -s 3000000
		spawn_ready "half$name" nsenter "$(netns "$name")" connections -H -p 9553 -n 1 -c
		nsenter "$(netns "$name")" "$(command -v connections)" -p 9554
	done
	drop tcp dport 9555 tcp flags '&' '(syn|ack)' == ack drop
	spawn_ready half_open connections -H -p 9555 -n 0 -w 2
	for name in 1 one two; do
		[[ $name = 1 ]] && run_in=() || run_in=(nsenter "$(netns "$name")")
		"${run_in[@]}" ss -tanHOe
	done | ss_lines >"$BATS_TEST_TMPDIR/ss"
	tcptrace-ctl watch --source=bpf --once --json | json_lines | awk '/type=snapshot/ {
		for (i = 1; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
		printf "%s %s %s %s %s %x\n", value["state"], value["recvq"], value["sendq"], value["sport"],
			value["dport"], value["cookie"]
	}' | sort >"$BATS_TEST_TMPDIR/ours"
	is "$(grep -c TIME_WAIT "$BATS_TEST_TMPDIR/ss") >= 2"
	is "$(grep -c SYN_RECV "$BATS_TEST_TMPDIR/ss") >= 2"
	same "$(<"$BATS_TEST_TMPDIR/ours")" "$(<"$BATS_TEST_TMPDIR/ss")" "snapshot against ss"
}

# STATE RECV-Q SEND-Q PORT PEER-PORT COOKIE
ss_lines()
{
	awk '
		BEGIN {
			n = split("ESTAB=ESTABLISHED SYN-SENT=SYN_SENT SYN-RECV=SYN_RECV FIN-WAIT-1=FIN_WAIT1 " \
				"FIN-WAIT-2=FIN_WAIT2 TIME-WAIT=TIME_WAIT CLOSE-WAIT=CLOSE_WAIT LAST-ACK=LAST_ACK " \
				"LISTEN=LISTEN CLOSING=CLOSING", words, " ")
			for (i = 1; i <= n; i++) { split(words[i], pair, "="); state[pair[1]] = pair[2] }
		}
		function port(text) { sub(/.*:/, "", text); return text == "*" ? 0 : text }
		{
			for (i = 6; i <= NF; i++) if ($i ~ /^sk:/) cookie = substr($i, 4)
			print state[$1], $2, $3, port($4), port($5), cookie
		}' | sort
}

@test "what finds no room is counted, and the rest is whole" {
	local made events lost
	spawn record tcptrace-ctl record --source=bpf --json --level=queue "$BATS_TEST_TMPDIR/tct" 9560
	wait_until armed tcp_set_state
	# A reader that is stopped reads nothing; the buffer holds 41 943 records.
	kill -STOP "${JOBS[record]}"
	connections -p 9560 -n 3000 -b 100 >"$BATS_TEST_TMPDIR/made"
	kill -CONT "${JOBS[record]}"
	stop record INT
	json_lines "$(out_of record)" >"$BATS_TEST_TMPDIR/tally"
	lost=$(value lost "$(<"$BATS_TEST_TMPDIR/tally")")
	events=$(value events "$(<"$BATS_TEST_TMPDIR/tally")")
	made=$(value connections "$(<"$BATS_TEST_TMPDIR/made")")
	same "$made" 3000
	is "$lost > 0"
	is "$events >= 41943"
	recording "$BATS_TEST_TMPDIR/tct" >"$BATS_TEST_TMPDIR/text"
	same "$(grep -c . "$BATS_TEST_TMPDIR/text")" "$events"
}
