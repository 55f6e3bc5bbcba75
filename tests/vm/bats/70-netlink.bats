# SPDX-License-Identifier: GPL-2.0-only
# The generic netlink family: it reports what status, the files and the events report.

load helper
load kernel
load peers
setup() { common_setup; }
teardown()
{
	dropped_no_more 2>/dev/null || true
	sysctl -qw net.ipv4.tcp_syn_retries=6 net.ipv4.tcp_synack_retries=5
	witness_end
	common_teardown
}

# ---- a witness: what the kernel was doing meanwhile, by tracefs ----

TRACING=/sys/kernel/tracing

# witness_begin PROBE...: each as in kprobe_events, "p:NAME FUNCTION" or "r:NAME FUNCTION"
witness_begin()
{
	local probe
	for probe; do
		echo "${probe%%:*}:witness/${probe#*:}" >>$TRACING/kprobe_events
	done
	echo 8192 >$TRACING/buffer_size_kb
	echo >$TRACING/trace
	echo 1 >$TRACING/events/witness/enable
}
# When probes are being armed, and each time that a reader is reported to somebody.
witness_arming_and_readers()
{
	witness_begin "p:arming tcptrace_probe_arm" "r:armed tcptrace_probe_arm" "r:told tcptrace_filter_each"
}
witness_end()
{
	local event
	for event in witness workqueue; do
		[[ ! -e $TRACING/events/$event ]] || echo 0 >$TRACING/events/$event/enable
	done
	echo >$TRACING/kprobe_events
	echo >$TRACING/trace
}

@test "the family is there, with its commands and its group" {
	load_module
	run -0 genl ctrl get name tcptrace
	like "$output" "*Name: tcptrace*Version: 0x1*"
	like "$output" "*multicast groups:*name: life*"
	# INFO, PROBE, CPU and FILTER_GET; the notification is no request.
	is "$(grep -cE '#[0-9]+: +ID-0x[1-4] *$' <<<"$output") == 4"
}

@test "the information is that of the parameters, of the mapping and of status" {
	local info boot
	load_module ring=256
	info=$(nlfamily info)
	echo "$info"
	same "$(value version "$info")" "$(<"$TREE/VERSION")"
	same "$(value abi "$info").$(value types_version "$info")" "$(awk 'NR == 1 { print $4 }' $STATUS)"
	same "$(value record_size "$info")" 192
	same "$(value cpus "$info")" "$(possible_cpus)"
	same "$(value slots "$info")" 256
	same "$(value map_size "$info")" "$(stat -c %s /proc/tcptrace/events)"
	same "$(value level "$info") $(value flight "$info") $(value readers "$info") $(value subscribers "$info")" "0 0 0 0"
	boot=$(value boot "$info")

	spawn one ringdump
	spawn_ready two ringdump --level queue
	wait_until ready one
	info=$(nlfamily info)
	same "$(value level "$info") $(value readers "$info") $(value rings "$info")" "2 2 $(online_cpus)"
	stop one
	stop two
	unload_module
	load_module
	fails same "$(value boot "$(nlfamily info)")" "$boot" >/dev/null
}

@test "probes and CPUs are as in status" {
	load_module
	spawn_ready reader ringdump --clause sport=9701
	connections -p 9701 -n 5 + -p 9702 -n 5
	# symbol, level, method, armed, hits, missed
	same "$(nlfamily probes | awk '
		BEGIN { split("life queue segment", level, " "); split("kprobe kretprobe ftrace tracepoint", method, " "); method[0] = "absent" }
		{
			delete value
			for (i = 2; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
			# They grow; a row that is a fallback or has one is left out.
			if (NR > 1 && value["index"] + 0 <= last) print "index", value["index"], "in line", NR
			last = value["index"] + 0
			print value["symbol"], level[value["level"]], method[value["method"]], \
				value["armed"] == "yes" ? "armed" : "disarmed", value["hits"], value["missed"]
		}')" "$(awk '$2 ~ /^(life|queue|segment)$/ && NF == 6 { print $1, $2, $3, $4, $5, $6 }' $STATUS)"
	same "$(nlfamily probes | grep -c ' required=yes ')" 1
	like "$(nlfamily probes)" "*symbol=tcp_set_state *required=yes*"
	same "$(nlfamily cpus | awk '{
			delete value
			for (i = 2; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
			print value["cpu"], value["hits"], value["published"], value["filtered"], value["ignored"], value["lost"]
		}')" "$(awk '$1 == "cpu" { cpus = 1; next } $1 == "id" { exit } cpus && NF { print $1, $2, $3, $4, $5, $6 }' $STATUS)"
	is "$(counter published) > 0 && $(counter filtered) > 0"
}

@test "filters are those that readers have written" {
	load_module
	spawn one ringdump --clause sport=80,saddr=10.0.0.0/8 --clause dport=1000-2000,family=6,netns=4026531840
	spawn two ringdump --level queue
	spawn_ready many filters
	wait_until ready one
	wait_until ready two
	run -0 nlfamily filters
	same "$(grep " pid=${JOBS[one]} " <<<"$output" | cut -d' ' -f3-)" "pid=${JOBS[one]} comm=ringdump level=1\
 clause=( saddr=::ffff:10.0.0.0 saddr_len=104 sport_min=80 sport_max=80 )\
 clause=( family=10 dport_min=1000 dport_max=2000 netns=4026531840 )" || same "$(grep " pid=${JOBS[one]} " <<<"$output" | cut -d' ' -f3-)" "pid=${JOBS[one]} comm=ringdump level=1\
 clause=( saddr=::ffff:10.0.0.0 saddr_len=104 sport_min=80 sport_max=80 )\
 clause=( dport_min=1000 dport_max=2000 family=10 netns=4026531840 )"
	same "$(grep " pid=${JOBS[two]} " <<<"$output" | cut -d' ' -f3-)" "pid=${JOBS[two]} comm=ringdump level=2"
	# All 32 clauses of one reader are in one message.
	is "$(grep " pid=${JOBS[many]} " <<<"$output" | grep -o 'clause=(' | grep -c .) == 32"
	is "$(grep -c . <<<"$output") == $(readers)"
	stop one
	is "$(nlfamily filters | grep -c .) == 2"
}

# Names that the kernel is given, how its file shows them, and how the program does.
CALLED=($'\e]0;pwned\a' $'a\nb 1 fake' $'\xff\xfe"bad' $'\xc2\x9b31mC1' $'cut-here-abcde\xc3\xa9' $'na\xc3\xafve C:\\x' '\x1b' ringdump)
IN_FILE=('\x1b]0;pwned\x07' 'a\x0ab 1 fake' '\xff\xfe"bad' '\xc2\x9b31mC1' 'cut-here-abcde\xc3' 'na\xc3\xafve C:\x5cx' '\x5cx1b' ringdump)
BY_US=("${IN_FILE[@]:0:5}" $'na\xc3\xafve C:\\x' "${IN_FILE[@]:6}")

@test "whatever readers call themselves, status, its file and unload show it harmless" {
	local LC_ALL=C i comm pids in_file="" by_us="" out=$BATS_TEST_TMPDIR/said
	load_module
	spawn_ready called called -f /proc/tcptrace/events "${CALLED[@]}"
	mapfile -t pids < <(sed -n 's/^pid=//p' "$(out_of called)")
	for i in "${!CALLED[@]}"; do
		IFS= read -rd '' comm <"/proc/${pids[i]}/comm" || true
		same "$comm" "${CALLED[i]:0:15}"$'\n' "the kernel has the name"
		in_file+="${pids[i]} off 0 ${IN_FILE[i]}"$'\n'
		by_us+="${pids[i]} ${BY_US[i]}"$'\n'
	done
	harmless $STATUS
	same "$(awk '$5 == "reader" { column = index($0, "reader"); next } column { print $2, $3, $4, substr($0, column) }' $STATUS)"$'\n' "$in_file"

	tcptrace-ctl status >"$out"
	harmless "$out"
	same "$(awk '$1 == "READER" { column = index($0, "COMMAND"); next }
		column { pid = $2; $0 = substr($0, column); sub(/ +off +nothing$/, ""); print pid, $0 }' "$out")"$'\n' "$by_us"
	tcptrace-ctl status --json >"$out"
	same "$(python3 -c 'import json, sys
for reader in json.loads(sys.stdin.buffer.read().decode())["readers"]:
	sys.stdout.buffer.write(("%d %s\n" % (reader["pid"], reader["comm"])).encode())' <"$out")"$'\n' "$by_us"

	run -1 tcptrace-ctl unload
	printf '%s\n' "$output" >"$out"
	harmless "$out"
	for i in "${!CALLED[@]}"; do
		[[ $output = *" ${BY_US[i]} (pid ${pids[i]})"* ]]
	done
	same "$(grep -c . "$out")" 1
	# It waits for all of them, whose files keep the module loaded.
	stop called
}

@test "more readers than one message holds are all told" {
	local n pids=()
	load_module
	for n in 1 2 3 4 5; do
		spawn_ready "many$n" filters
		pids+=("${JOBS[many$n]}")
	done
	same "$(nlfamily filters | awk '{ print $3 }')" "$(printf 'pid=%s\n' "${pids[@]}")"
	is "$(nlfamily filters | grep -o 'clause=(' | grep -c .) == 160"
}

@test "a request with an attribute is refused" {
	local request attribute
	load_module
	for request in info probes cpus filters; do
		for attribute in 1 2 99; do
			run -1 nlfamily --attribute $attribute $request
			same "$request $attribute $output" "$request $attribute refused: EINVAL"
		done
	done
}

# The functions of this kernel that write into its code: any change of a probe calls one of them.
PATCHING='text_poke|text_poke_queue|text_poke_bp_batch|smp_text_poke_batch_add|smp_text_poke_batch_finish'
patching() { grep -xE "$PATCHING" $TRACING/available_filter_functions | sed 's/.*/p:& &/'; }
# patched PROGRAM...: how often they have patched code
patched() { grep -cE "^ *($(tr ' ' '|' <<<"$*"))-[0-9]+ " $TRACING/trace; }

questions()
{
	cat $STATUS
	nlfamily info
	nlfamily probes
	nlfamily cpus
	nlfamily filters
	tcptrace-ctl status
} >/dev/null

@test "a question patches no code, whether anything is armed or not" {
	local patching
	mapfile -t patching < <(patching)
	is "${#patching[@]} > 0"
	load_module
	witness_begin "${patching[@]}"
	questions
	same "$(patched busybox nlfamily tcptrace-ctl)" 0
	spawn_ready reader ringdump
	questions
	same "$(patched busybox nlfamily tcptrace-ctl)" 0
	# Something calls these functions.
	is "$(patched ringdump) > 0"
}

# among EVENT PROGRAM: how often EVENT occurred between the beginning and the end of one arming by PROGRAM
among()
{
	awk -v event=" $1: " -v program="$2-" '
		/ arming: / { on = index($1, program) == 1; seen = 0 }
		/ armed: / { found += on * seen; on = 0 }
		index($0, event) { seen++ }
		END { print found + 0 }' $TRACING/trace
}
# Something that reads comes and goes: was anybody answered meanwhile?
file_comes_and_goes() { ringdump --once >/dev/null && (($(among told ringdump) > 0)); }
subscriber_comes_and_goes()
{
	spawn_ready life nlfamily life
	stop life
	# At the next event the module notices that it has gone.
	connections -p 9723 >/dev/null
	wait_until none_armed
	(($(among other nlfamily) > 0))
}

@test "questions are answered while the probes of a reader are armed" {
	load_module
	witness_arming_and_readers
	spawn questions bash -c 'while nlfamily info && nlfamily filters && cat "$0"; do :; done' $STATUS
	wait_until file_comes_and_goes
	stop questions || true
}

# comes_and_stays: a reader whose probes were being armed while both questions were answered, each of which walks
# through the readers; what was printed since it came is in the file `said`.
comes_and_stays()
{
	local from
	from=$(grep -c . "$(out_of questions)")
	spawn_ready reader ringdump
	if (($(among told ringdump) >= 3)); then
		stop questions || true
		tail -n +$((from + 1)) "$(out_of questions)" >"$BATS_TEST_TMPDIR/said"
		return 0
	fi
	stop reader
	wait_until none_armed
	return 1
}

@test "a reader is told with what it wants once that is recorded, not while its probes are armed" {
	# Which takes longer than with ftrace.
	load_module attach=kprobe
	witness_arming_and_readers
	spawn questions bash -c 'while nlfamily filters && nlfamily info; do :; done'
	wait_until comes_and_stays
	run -0 nlfamily filters
	like "$output" "* level=1*"
	# Nothing is armed: a moment before, nobody wants anything.
	same "$(awk '
		$2 ~ /^reader=/ { wanted = $0 ~ / level=[1-9]/ }
		/ abi=/ && wanted && / level=0 / { wrong++ }
		/ abi=/ { wanted = 0 }
		END { print wrong + 0 }' "$BATS_TEST_TMPDIR/said")" 0
	stop reader
}

@test "other families are answered while the probes of the first subscriber are armed" {
	load_module
	witness_begin "p:arming tcptrace_probe_arm" "r:armed tcptrace_probe_arm" "r:other ctrl_getfamily"
	spawn others bash -c 'while genl ctrl get name nlctrl; do :; done'
	wait_until subscriber_comes_and_goes
	stop others || true
}

# ---- the group life ----

# Enough for all events of a test in which none may be refused for want of room.
ROOMY=67108864

# times_and_cookies NAME: what identifies an event, of those with this port
times_and_cookies()
{
	grep -E '(^| )[sd]port=9710 ' "$(out_of "$1")" | awk '{
		for (i = 1; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
		print value["time"], value["cookie"], value["sport"], value["dport"]
	}' | sort
}
accepts() { lines "$(out_of "$1")" type=4 sport="$2"; }
has_accepts() { [[ $(accepts "$1" "$2") = "$3" ]]; }

@test "the group carries every event of each connection" {
	load_module
	spawn ring ringdump --level queue
	spawn_ready life nlfamily --rcvbuf $ROOMY life
	wait_until ready ring
	same "$(value subscribers "$(nlfamily info)")" 1
	has_line $STATUS 'netlink subscribers: yes'
	# The very last event, to know when all have arrived: nothing else tells.
	connections -p 9710 -n 50 + -p 9710 -n 20 -f 6 -e reset + -p 9711
	wait_until has_accepts life 9711 1
	stop life
	stop ring
	is "$(accepts life 9710) == 70"
	is "$(lines "$(out_of life)" type=5 dport=9710) == 70"
	# The same events as in the ring, except those of level queue, and none twice.
	grep -vE '^type=(send|recv|ack) ' "$(out_of ring)" >"$(out_of ringlife)"
	same "$(times_and_cookies life)" "$(times_and_cookies ringlife)"
	is "$(times_and_cookies life | grep -c .) > 700"
	fails grep -E 'lost=|ENOBUFS' "$(out_of life)"
}

# events NAME WORD...: how many have these words
events() { lines "$(out_of "$1")" "${@:2}"; }
has_event() { (($(events life "$@") > 0)); }

@test "the group carries SYNs and SYN-ACKs that are retransmitted, as the kernel counts them" {
	local again
	load_module
	sysctl -qw net.ipv4.tcp_syn_retries=2 net.ipv4.tcp_synack_retries=1
	spawn ring ringdump --level life
	spawn_ready life nlfamily --rcvbuf $ROOMY life
	wait_until ready ring
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9727
	drop 'tcp sport 9727 tcp flags & (syn | ack) == (syn | ack) drop'
	counted_from_here
	ask client start c 127.0.0.1 9727
	# REQUEST TIMEDOUT, and STATE to CLOSE: both have given up.
	wait_until has_event type=3 op=3 sport=9727
	wait_until has_event type=2 new=7 dport=9727
	again=$(counted TcpRetransSegs)
	# The very last event.
	connections -p 9711
	wait_until has_accepts life 9711 1
	stop life
	stop ring
	# The SYN (54) and the SYN-ACK (55), with how often each was.
	is "$(events life type=14 op=54 dport=9727) > 1 && $(events life type=14 op=55 sport=9727) > 1"
	same "$(events life type=14)" "$again"
	same "$(events life type=14 'retransmits=[1-9]')" "$again"
	same "$(events ring type=retransmit)" "$again"
}

@test "events come in the order of their time" {
	load_module
	spawn_ready life nlfamily --rcvbuf $ROOMY life
	spawn one connections -p 9712 -n 100
	spawn two connections -p 9713 -n 100 -f 6
	finish one
	finish two
	connections -p 9711
	wait_until has_accepts life 9711 1
	stop life
	awk '
		{ match($0, / time=[0-9]+/); time = substr($0, RSTART + 6, RLENGTH - 6) }
		!/^event/ { next }
		# As text: the numbers are too long for a double, and equally long.
		last != "" && (time "") < (last "") { print last " before " time; bad = 1 }
		{ last = time; n++ }
		END { print n " events"; exit bad || n < 2000 }' "$(out_of life)"
}

# runs: for each run of the worker, how many events it sent, and the name of its thread. If arming takes long, one has
# begun before tracing does.
runs()
{
	awk '
		{ match($0, /-[0-9]+ +\[/); thread = substr($0, RSTART + 1, RLENGTH - 1); name = $1 }
		/workqueue_execute_start: .* function tcptrace_life_drain/ { running[thread] = 1; sent[thread] = 0; next }
		/workqueue_execute_end: .* function tcptrace_life_drain/ {
			print sent[thread] + 0, name
			delete running[thread]
			sent[thread] = 0
			next
		}
		/ sent: / { sent[thread]++ }
		END { for (thread in running) print sent[thread], "" }' $TRACING/trace
}

@test "the worker sends a bounded number in each run, on no CPU of its own" {
	local events sending
	load_module
	spawn_ready life nlfamily --rcvbuf $ROOMY life
	# The second name replaces the first, except from 5.14 to 6.5.
	sending=$(grep -xE 'netlink_broadcast(_filtered)?' $TRACING/available_filter_functions | sort | tail -n 1)
	witness_begin "p:sent $sending"
	echo 1 >$TRACING/events/workqueue/workqueue_execute_start/enable
	echo 1 >$TRACING/events/workqueue/workqueue_execute_end/enable
	# The worker hardly ever runs while these do: all of them wait for it.
	spawn one chrt --fifo 1 connections -p 9724 -n 100
	spawn two chrt --fifo 1 connections -p 9725 -n 100 -f 6
	finish one
	finish two
	connections -p 9726
	wait_until has_accepts life 9726 1
	stop life
	runs >"$BATS_TEST_TMPDIR/runs"
	events=$(grep -c ^event "$(out_of life)")
	sort -n "$BATS_TEST_TMPDIR/runs" | tail -n 1
	is "$(awk '{ sum += $1 } END { print sum + 0 }' "$BATS_TEST_TMPDIR/runs") >= $events"
	is "$events > 2000"
	is "$(awk '$1 > max { max = $1 } END { print max + 0 }' "$BATS_TEST_TMPDIR/runs") <= 16"
	same "$(awk 'NF == 2 && $2 !~ /^kworker\/u/' "$BATS_TEST_TMPDIR/runs")" ""
}

@test "reading ends with the subscriber, at the next event" {
	load_module
	spawn_ready life nlfamily life
	armed tcp_set_state
	fails armed tcp_ack
	same "$(armed_level)" life
	stop life KILL || true
	connections -p 9714
	wait_until none_armed
	has_line $STATUS 'netlink subscribers: none'
	same "$(armed_level)" off
	is "$(readers) == 0"
	# The next one starts it again.
	spawn_ready life nlfamily life
	connections -p 9714
	wait_until has_accepts life 9714 1
}

@test "a subscriber that does not ask is told nothing, until somebody asks" {
	load_module
	spawn_ready life nlfamily --no-start life
	none_armed
	nlfamily info
	armed tcp_set_state
	connections -p 9715
	wait_until has_accepts life 9715 1
}

@test "two subscribers get the same, and one goes without the other" {
	load_module
	spawn one nlfamily life
	spawn_ready two nlfamily life
	wait_until ready one
	connections -p 9710 -n 10
	wait_until has_accepts one 9710 10
	wait_until has_accepts two 9710 10
	stop one
	connections -p 9711 -n 10
	wait_until has_accepts two 9711 10
	is "$(accepts one 9711) == 0"
	same "$(times_and_cookies one | head -n 100)" "$(times_and_cookies two | head -n 100)"
	armed tcp_set_state
}

@test "a subscriber that is too slow is told by ENOBUFS, and goes on" {
	load_module
	spawn_ready life nlfamily --rcvbuf 2048 life
	kill -STOP "${JOBS[life]}"
	connections -p 9716 -n 50
	# All of that was sent: it is in the ring, and the worker has nothing left to do when the probes are disarmed.
	spawn_ready other nlfamily life
	connections -p 9717
	wait_until has_accepts other 9717 1
	kill -CONT "${JOBS[life]}"
	wait_until has_line "$(out_of life)" '# ENOBUFS'
	is "$(accepts life 9716) < 50"
	wait_until goes_on
}
# Its buffer has no room for all events of one connection, so more than one may be needed.
goes_on()
{
	connections -p 9718
	nap
	is "$(lines "$(out_of life)" '[sd]port=9718') > 0"
}

# accounted: each published record is an event, or counted as lost in one, or refused by a full buffer
accounted()
{
	awk -v published="$(counter published)" '
		/^# ENOBUFS/ { full++ }
		!/^event/ { next }
		{ events++; if (match($0, / lost=[0-9]+/)) lost += substr($0, RSTART + 6, RLENGTH - 6) }
		END {
			printf "published %d, events %d, lost %d, ENOBUFS %d\n", published, events, lost, full
			exit !lost || (full ? events + lost > published : events + lost != published)
		}' "$(out_of life)"
}

@test "what the worker itself lost is in the next event" {
	load_module ring=64
	spawn_ready life nlfamily --rcvbuf $ROOMY life
	# The worker runs only when the kernel takes the CPU from these, so the rings overrun.
	spawn one chrt --fifo 1 connections -p 9719 -n 400
	spawn two chrt --fifo 1 connections -p 9720 -n 400 -f 6
	finish one
	finish two
	connections -p 9721
	wait_until has_accepts life 9721 1
	# The accepted connection ends after that, as do the TIME_WAITs of earlier ones.
	wait_until accounted || accounted
	stop life
}

@test "unloading with subscribers, under traffic" {
	local n
	spawn traffic connections -p 9722 -n 0 --pause 1000
	for n in 1 2 3 4; do
		load_module
		spawn life nlfamily life
		# It need not ask: the first one does, and the answer could be lost in a full buffer.
		spawn_ready other nlfamily --no-start life
		wait_until ready life
		wait_until enough 200
		unload_module
		stop life
		stop other
	done
	stop traffic
	like "$(<"$(out_of traffic)")" "connections=* errors=0"
	none_armed
}
enough() { (($(counter published) >= $1)); }
