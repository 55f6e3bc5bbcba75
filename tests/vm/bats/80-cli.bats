# SPDX-License-Identifier: GPL-2.0-only
# The program when things go wrong, when it is told to stop, and when it reads recordings.

load helper
load watch
setup() { common_setup; }
teardown() { watch_teardown; }

# refuses STATUS PATTERN COMMAND...: ends with STATUS and one line on standard error that matches PATTERN, and prints
# nothing else
refuses()
{
	local wanted=$1 pattern=$2 got=0 lines
	shift 2
	"$@" >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" </dev/null || got=$?
	mapfile -t lines <"$BATS_TEST_TMPDIR/stderr"
	same "$got" "$wanted" "the status of: $*"
	same "$(<"$BATS_TEST_TMPDIR/stdout")" "" "standard output of: $*"
	same "${#lines[@]}" 1 "lines on standard error: ${lines[*]}"
	like "${lines[0]}" "$pattern"
}

@test "without the module: one line that says what to do" {
	module_only "whether it is loaded"
	refuses 1 '*not loaded*tcptrace-ctl load*' tcptrace-ctl watch --source=module 9090
	refuses 1 '*not loaded*tcptrace-ctl load*' tcptrace-ctl record --source=module "$BATS_TEST_TMPDIR/none"
	refuses 1 '*not loaded*' tcptrace-ctl status
	refuses 1 '*not loaded*' tcptrace-ctl status -q
	refuses 2 '*x: unexpected argument*' tcptrace-ctl status x
	refuses 2 '*x: unexpected argument*' tcptrace-ctl doctor x
	[[ ! -e $BATS_TEST_TMPDIR/none ]]
}

@test "without the right: one line that says which" {
	module_only "its rights; 28-bpf-live has those of BPF"
	load_module
	local command both='*CAP_NET_ADMIN and CAP_PERFMON (or CAP_SYS_ADMIN) are *' doctor=$BATS_TEST_TMPDIR/doctor
	for command in "watch 9090" "watch --once" status; do
		# shellcheck disable=SC2086 # words they are
		{
			refuses 1 "$both" as_nobody tcptrace-ctl $command
			refuses 1 "$both" unshare -Ur tcptrace-ctl $command
			refuses 1 '*: CAP_NET_ADMIN is missing*' with sys_admin tcptrace-ctl $command
			refuses 1 '*: CAP_PERFMON (or CAP_SYS_ADMIN) is missing*' with net_admin tcptrace-ctl $command
		}
	done
	fails with net_admin tcptrace-ctl doctor >"$doctor"
	has_line "$doctor" 'fail  rights * CAP_PERFMON (or CAP_SYS_ADMIN) is missing*'
	with net_admin,perfmon tcptrace-ctl doctor >"$doctor" || cat "$doctor"
	has_line "$doctor" 'ok    rights *'
	with net_admin,perfmon tcptrace-ctl watch --once >/dev/null
}

@test "a bad filter: the word, and ss's own status" {
	load_source
	local filter ours theirs
	for filter in 'sport = ' '( sport = :1' 'frobnicate' 'state nowhere' 'src 1.2.3.4.5' 'dport = :nosuchservice'; do
		theirs=0
		# shellcheck disable=SC2086 # words they are
		ss -tan $filter >/dev/null 2>&1 || theirs=$?
		# shellcheck disable=SC2086
		refuses "$theirs" 'tcptrace-ctl: *' tcptrace-ctl watch $filter
		is "theirs != 0"
	done
}

@test "a module of another ABI is refused: one line with both numbers" {
	module_only "its ABI"
	local other=${KO%/*}-abi/${KO##*/}
	[[ -e $other ]] || skip "no such module was built for this kernel (make other-abi)"
	insmod "$other"
	refuses 1 'tcptrace-ctl: *ABI 99*' tcptrace-ctl watch 9090
	refuses 1 'tcptrace-ctl: *ABI 99*' tcptrace-ctl watch --once
	refuses 1 'tcptrace-ctl: *ABI 99*' tcptrace-ctl record "$BATS_TEST_TMPDIR/none"
	[[ ! -e $BATS_TEST_TMPDIR/none ]]
	fails tcptrace-ctl doctor >"$BATS_TEST_TMPDIR/doctor"
	has_line "$BATS_TEST_TMPDIR/doctor" '*ABI 99*'
	none_armed
}

# Both as LOCAL-PORT PEER-PORT, sorted; a listener has no peer.
# With a single state selected, there is no column of states.
ports_by_ss() { awk '{ for (i = NF - 1; i <= NF; i++) sub(/.*:/, "", $i); print $(NF - 1), $NF }' | sort; }
ports_by_us()
{
	json_lines | awk '/ type=snapshot / {
		for (i = 1; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
		print value["sport"], value["dport"] == 0 ? "*" : value["dport"]
	}' | sort
}

# TIME_WAITs of an earlier test may end between the two readings.
time_waits_are_over() { [[ -z $(ss -Htan state time-wait) ]]; }

@test "-4, -6, negations and states choose what ss chooses" {
	local filter theirs chosen
	load_source
	wait_until time_waits_are_over
	spawn_ready hold connections -H -p 9811 -n 2 + -H -p 9812 -n 2 -f 6 + -H -p 9813 -n 2 -f mapped + -H -p 9814 -n 1 -c
	while read -r filter; do
		# shellcheck disable=SC2086 # words they are
		theirs=$(ss -Htan $filter | ports_by_ss)
		# Each selects some, but not all.
		mapfile -t chosen <<<"$theirs"
		is "${#theirs} > 0 && ${#chosen[@]} < 18"
		# shellcheck disable=SC2086
		same "$(tcptrace-ctl watch --once --json $filter | ports_by_us)" "$theirs" "$filter"
	done <<-'END'
		-4
		-6
		-4 sport = :9811 or dport = :9811
		-6 ( sport = :9813 or dport = :9813 )
		not sport = :9811
		! ( sport = :9811 or dport = :9812 )
		sport != :9811
		sport neq :9811 and dport neq :9811
		not dst 127.0.0.1
		not ( dst 127.0.0.0/8 or src [::1] )
		-4 not ( sport = :9811 or dport = :9811 )
		state established not dport = :9811
		exclude established
		exclude listening dport = :9812
		exclude established exclude listening
	END
}

@test "ftrace switched off: one line with the remedy" {
	module_only "its probes"
	load_module
	sysctl -qw kernel.ftrace_enabled=0
	refuses 1 '*kernel.ftrace_enabled*' tcptrace-ctl watch 9090
	sysctl -qw kernel.ftrace_enabled=1
}

@test "kprobes switched off: one line with the remedy, and status and doctor say so" {
	module_only "its probes"
	load_module
	kprobes off
	refuses 1 "*echo 1 | sudo tee $KPROBES_ENABLED" tcptrace-ctl watch 9090
	run -0 tcptrace-ctl status
	like "$output" "*WARNING  kprobes are switched off as a whole*echo 1 | sudo tee $KPROBES_ENABLED*"
	run -0 tcptrace-ctl status --json
	like "$output" '*"kprobes_off":true*'
	run -1 tcptrace-ctl doctor -q
	like "$output" "*fail*kprobes*switched off as a whole*-> echo 1 | sudo tee $KPROBES_ENABLED*"
	kprobes on
	run -0 tcptrace-ctl status --json
	like "$output" '*"kprobes_off":false*'
	run -0 tcptrace-ctl status
	fails like "$output" '*WARNING*' >/dev/null
}

shows_events() { [[ $(grep -c 9801 "$(out_of watch)") -gt 10 ]]; }

@test "Ctrl-C, a count and a duration each end with the tally" {
	local ending
	load_source
	spawn flood connections -p 9801 -n 0 -b 1000 --pause 3000
	for ending in INT TERM; do
		spawn watch tcptrace-ctl watch 9801
		wait_until asking_are 1
		wait_until shows_events
		stop watch $ending
		like "$(tail -n 1 "$(out_of watch)")" '-- * events*, 0 lost*'
		same "$(<"$BATS_TEST_TMPDIR/watch.err")" ""
		wait_until no_readers
	done
	tcptrace-ctl watch --count=5 9801 >"$BATS_TEST_TMPDIR/count"
	like "$(tail -n 1 "$BATS_TEST_TMPDIR/count")" '-- * lost*'
	tcptrace-ctl watch --duration=0.2 9801 >"$BATS_TEST_TMPDIR/duration"
	like "$(tail -n 1 "$BATS_TEST_TMPDIR/duration")" '-- * lost*'
	stop flood TERM
	none_armed
}

@test "a closed pipe ends it quietly" {
	load_source
	spawn flood connections -p 9802 -n 0 --pause 3000
	set +o pipefail
	tcptrace-ctl watch 9802 2>"$BATS_TEST_TMPDIR/err" | head -n 1
	set -o pipefail
	same "$(<"$BATS_TEST_TMPDIR/err")" ""
	wait_until no_readers
	stop flood TERM
}

@test "a filter keeps others out, in the kernel" {
	load_source
	watch_start 9803
	local made
	made=$(connections -p 9804 -n 20)
	connections -p 9803 -n 3
	like "$made" '*connections=20*'
	wait_until quiet_port 9803
	[[ $SOURCE = bpf ]] || like "$(tcptrace-ctl status)" '*9803*'
	watch_stop
	silent dport=9804
	silent sport=9804
	same "$(lines "$EVENTS" type=connect dport=9803)" 3
	[[ $SOURCE = bpf ]] || is "$(counter filtered) > 0"
}

@test "by process: all of its endpoints from their SYN on, what it had already, and nothing of others" {
	load_source
	local before after
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9687
	ask client connect c 127.0.0.1 9687
	before=$ANSWER
	ask server accept s l
	watch_start process "$(pid_of server)" and 9687
	spawn other tcptrace-ctl watch --source="$SOURCE" --json process = "$(pid_of client)" and 9687
	wait_until asking_are 2
	ask client connect d 127.0.0.1 9687
	after=$ANSWER
	ask server accept t l
	ask client close d
	ask server eof t
	ask server close t
	wait_until seen type=verdict sport=9687 dport="$after"
	stop other INT
	watch_stop
	# Before accept() only the listener's process has it.
	in_order "type=request op=open sport=9687 dport=$after" \
		"type=state sport=9687 dport=$after old=SYN_RECV new=ESTABLISHED" \
		"type=accept sport=9687 dport=$after pid=$(pid_of server)"
	said type=snapshot sport=9687 dport="$before" state=ESTABLISHED pid="$(pid_of server)"
	said type=snapshot sport=9687 state=LISTEN
	silent dport=9687
	json_lines "$(out_of other)" >"$EVENTS"
	said type=connect sport="$after" pid="$(pid_of client)"
	said type=snapshot sport="$before" dport=9687 state=ESTABLISHED pid="$(pid_of client)"
	said type=verdict sport="$after" closed_by=local
	silent sport=9687
}

@test "what was recorded is shown again, by anybody, without the module" {
	load_source
	watch_start 9805
	spawn record tcptrace-ctl record --quiet "$BATS_TEST_TMPDIR/kept" 9805
	wait_until asking_are 2
	connections -p 9805 -n 10 -b 3000 + -p 9805 -n 5 -f 6 -e reset
	wait_until quiet_port 9805
	stop record INT
	watch_stop
	unload_source
	chmod a+rx "$BATS_TEST_TMPDIR"
	chmod a+r "$BATS_TEST_TMPDIR/kept"
	# Other users may not read bats's folders, so the file is passed on standard input.
	as_nobody tcptrace-ctl watch --json --absolute-seq --source=- 9805 <"$BATS_TEST_TMPDIR/kept" |
		json_lines >"$BATS_TEST_TMPDIR/again"
	# What both have in common: everything except the sockets that existed at their start, and the tally.
	grep -v 'type=lost' "$EVENTS" | untimed | sort >"$BATS_TEST_TMPDIR/live.sorted"
	grep -v 'type=lost' "$BATS_TEST_TMPDIR/again" | untimed | sort >"$BATS_TEST_TMPDIR/again.sorted"
	is "$(grep -c type=verdict "$BATS_TEST_TMPDIR/again.sorted") == 30"
	diff "$BATS_TEST_TMPDIR/live.sorted" "$BATS_TEST_TMPDIR/again.sorted"
}

shows_9806()
{
	grep -q 9806 < <(tcptrace-ctl life -Hq --source="$1" 2>/dev/null)
}

@test "damaged recordings: one line, and not 0" {
	load_source
	spawn record tcptrace-ctl record --quiet "$BATS_TEST_TMPDIR/kept" 9806
	wait_until asking_are 1
	connections -p 9806 -n 3
	wait_until quiet_port 9806
	local kept=$BATS_TEST_TMPDIR/kept size
	# While it is being written, what is there is shown, and a message says that more may follow.
	wait_until shows_9806 "$kept"
	refuses 4 '*still being written*' tcptrace-ctl ss -H --source="$kept" 'sport = :1'
	stop record INT
	tcptrace-ctl ss -H --source="$kept" 'sport = :1'
	size=$(stat -c %s "$kept")

	: >"$BATS_TEST_TMPDIR/empty"
	refuses 4 '*empty*' tcptrace-ctl watch --source="$BATS_TEST_TMPDIR/empty"
	refuses 4 "*/etc/passwd*" tcptrace-ctl watch --source=/etc/passwd
	refuses 1 '*No such file*' tcptrace-ctl watch --source="$BATS_TEST_TMPDIR/missing"
	# A byte of the header, and one of a record behind those shown.
	cp "$kept" "$BATS_TEST_TMPDIR/header"
	printf '\x63' | dd of="$BATS_TEST_TMPDIR/header" bs=1 seek=16 conv=notrunc status=none
	refuses 4 '*byte 52: its header is damaged*' tcptrace-ctl watch --source="$BATS_TEST_TMPDIR/header"
	cp "$kept" "$BATS_TEST_TMPDIR/flipped"
	printf '\x63' | dd of="$BATS_TEST_TMPDIR/flipped" bs=1 seek=$((size - 200)) conv=notrunc status=none
	refuses 4 "*byte $((size - 384)): damaged*" tcptrace-ctl ss -H --source="$BATS_TEST_TMPDIR/flipped" 'sport = :1'
	# The intact part is shown, then the message says what is wrong.
	head -c $((size - 100)) "$kept" >"$BATS_TEST_TMPDIR/cut"
	local status=0
	tcptrace-ctl watch -q --source="$BATS_TEST_TMPDIR/cut" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	same "$status" 4
	like "$(<"$BATS_TEST_TMPDIR/err")" '*truncated*'
	is "$(grep -c 9806 "$BATS_TEST_TMPDIR/out") > 3"
	# A recording is not overwritten by accident.
	refuses 1 '*exists*' tcptrace-ctl record "$kept" 9806
	same "$(stat -c %s "$kept")" "$size"
}

@test "load, status, doctor and unload" {
	module_only "loading it"
	tcptrace-ctl load --module "$KO" ring=1024
	loaded
	same "$(</sys/module/tcptrace/parameters/ring)" 1024
	tcptrace-ctl load
	like "$(tcptrace-ctl status --json)" '*"tcp_set_state"*'
	tcptrace-ctl status -q >"$BATS_TEST_TMPDIR/quiet"
	same "$(<"$BATS_TEST_TMPDIR/quiet")" ""
	tcptrace-ctl doctor >"$BATS_TEST_TMPDIR/doctor" || { cat "$BATS_TEST_TMPDIR/doctor"; false; }
	has_line "$BATS_TEST_TMPDIR/doctor" 'ok *loaded*'
	# The message names who keeps it loaded.
	spawn watch tcptrace-ctl watch 9807
	wait_until asking_are 1
	refuses 1 "*${JOBS[watch]}*" tcptrace-ctl unload
	loaded
	stop watch INT
	tcptrace-ctl unload
	fails loaded
	refuses 1 'tcptrace-ctl: *' tcptrace-ctl load --module "$KO" ring=100
	fails loaded
}
