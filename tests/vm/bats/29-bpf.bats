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

# by_end FILE: the events of a recording as they came, each end for itself
by_end() { recording "$1" | busybox sort -s -k 1,1; }

# talk LISTENER: client's socket c and server's s are connected, and have said something
talk()
{
	ask client connect c 127.0.0.1 "$1"
	ask server accept s l
	ask client write c 500
	ask server read s 500
}

half_closed()
{
	talk 9543
	ask client shutdown c wr
	ask server eof s
	ask server write s 30000
	ask client read c 30000
	ask server close s
	ask client eof c
	ask client close c
}

# A FIN that is answered with the peer's own: whether the ACK waits for it is up to the time that close() takes.
three_way()
{
	local try
	for try in 1 2 3 4 5; do
		ask client connect c 127.0.0.1 9543
		ask server accept s l
		tell server end s
		ask client close c
		hear server
	done
}

# What is sent stays on its way for long enough that both close.
simultaneous()
{
	local try
	for try in 1 2; do
		talk 9543
		tc qdisc add dev lo root netem delay 500ms
		tell client close c
		tell server close s
		hear client
		hear server
		wait_until quiet_port 9543
		tc qdisc del dev lo root
	done
}

accept_queue_is() { [[ $(ss -Hltn "sport = :$1" | awk '{ print $2 }') = "$2" ]]; }
overflown() { (($(counted TcpExtListenOverflows) >= $1)); }

# More connections than the listener has room for: their SYNs are refused until it accepts.
overrun()
{
	local n
	counted_from_here
	ask server listen o 127.0.0.1 9544 1
	for n in 1 2 3 4; do
		ask client start "o$n" 127.0.0.1 9544
	done
	wait_until accept_queue_is 9544 2
	wait_until overflown 2
	for n in 1 2 3 4; do
		ask server accept "a$n" o
	done
	# Those that had to try again may be accepted in any order.
	for n in 1 2 3 4; do
		ask client close "o$n"
	done
	for n in 1 2 3 4; do
		ask server eof "a$n"
		ask server close "a$n"
	done
	ask server close o
}

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
	modprobe -q sch_netem || true
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9543
	half_closed
	three_way
	simultaneous
	ask server close l
	overrun
	stop client || true
	stop server || true
	rm "$BATS_TEST_TMPDIR"/*.{say,hear}
}

# ends_of FILE: how the connections of a recording ended, "HOW N" each
ends_of()
{
	tcptrace-ctl life --json --source="$1" | json_lines |
		awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^how=/) n[substr($i, 5)]++ } END { for (how in n) print how, n[how] }' | sort
}

# timeouts: BPF's records, to be compared with the module's. Until 6.1 both ask a timer how long TIME_WAIT is, one a moment
# after the other: the clock may have ticked in between, and an emulated CPU been away for some ticks. Later the
# function says it.
timeouts()
{
	case $(</proc/sys/kernel/osrelease) in
	5.10.* | 6.1.*) awk -v away=100 -f "$BATS_TEST_DIRNAME/timeouts.awk" "$BATS_TEST_TMPDIR/by-module" - ;;
	*) cat ;;
	esac
}

# both_record: the scenario, by both at once; a filter that both take into the kernel
both_record()
{
	local module=$BATS_TEST_TMPDIR/module.tct bpf=$BATS_TEST_TMPDIR/bpf.tct how
	local filter='sport >= :9500 and sport <= :9599 or dport >= :9500 and dport <= :9599'
	load_module
	spawn bpf tcptrace-ctl record --quiet --source=bpf --level=queue "$bpf" "$filter"
	wait_until armed tcp_set_state
	spawn module tcptrace-ctl record --quiet --source=module --level=queue "$module" "$filter"
	wait_until asking_are 1
	scenario
	wait_until quiet_port 9541
	wait_until quiet_port 9543
	wait_until quiet_port 9544
	stop module INT
	stop bpf INT
	same "$(<"$BATS_TEST_TMPDIR/bpf.err")$(<"$BATS_TEST_TMPDIR/module.err")" ""
	by_end "$module" >"$BATS_TEST_TMPDIR/by-module"
	by_end "$bpf" | timeouts >"$BATS_TEST_TMPDIR/by-bpf"
	# It is of something: each connection of the scenario is there.
	is "$(lines "$BATS_TEST_TMPDIR/by-module" type=connect) >= 25"
	is "$(lines "$BATS_TEST_TMPDIR/by-module" type=ack) >= 20"
	ends_of "$module" >"$BATS_TEST_TMPDIR/ends"
	for how in four-way three-way simultaneous reset refused; do
		has_line "$BATS_TEST_TMPDIR/ends" "$how *"
	done
	same "$(<"$BATS_TEST_TMPDIR/by-bpf")" "$(<"$BATS_TEST_TMPDIR/by-module")" "BPF against the module"
	same "$(ends_of "$bpf")" "$(<"$BATS_TEST_TMPDIR/ends")" "how they ended"
}

@test "both sources at once record the same of each end, to the byte" {
	both_record
}

@test "and so they do where BPF has to attach by kprobe" {
	export TCPTRACE_BPF_KPROBE=1
	both_record
}

# said_source NAME: the last line of a view that nobody told a source, as text and as JSON, names it
said_source()
{
	like "$(tcptrace-ctl watch --duration=1 2>>"$BATS_TEST_TMPDIR/err" | tail -n 1)" "-- * from $1, 0 lost"
	same "$(tcptrace-ctl watch --json --duration=1 2>>"$BATS_TEST_TMPDIR/err" | json_lines | tail -n 1 | tr ' ' '\n' |
		grep ^source=)" "source=$1"
}

@test "auto takes the module where it is loaded, else BPF, and says so" {
	tcptrace-ctl watch --once 2>"$BATS_TEST_TMPDIR/err"
	like "$(<"$BATS_TEST_TMPDIR/err")" '*not loaded*BPF*'
	said_source bpf
	load_module
	: >"$BATS_TEST_TMPDIR/err"
	tcptrace-ctl watch --once 2>"$BATS_TEST_TMPDIR/err"
	said_source module
	same "$(<"$BATS_TEST_TMPDIR/err")" ""
}

@test "without the right: one line that says which" {
	refused '*root*CAP_SYS_ADMIN*' setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
		tcptrace-ctl watch --source=bpf 9090
	refused '*root*CAP_SYS_ADMIN*' unshare --user --map-root-user tcptrace-ctl watch --source=bpf 9090
}

# In a mount namespace of its own, where neither the kernel's file is nor another that libbpf would take instead.
without_btf()
{
	unshare --mount bash -c 'mount -t tmpfs none /sys/kernel/btf && mount -t tmpfs none /lib/modules && exec "$@"' - "$@"
}

@test "a kernel without type information: one line that says what to do" {
	refused 'tcptrace-ctl: BPF: this kernel has no type information*use the module*CONFIG_DEBUG_INFO_BTF*' \
		without_btf tcptrace-ctl watch --source=bpf --duration=5 9090
	refused '*the module is not loaded (sudo tcptrace-ctl load), and BPF: this kernel has no type information*' \
		without_btf tcptrace-ctl watch --duration=5 9090
}

@test "doctor knows whether BPF can stand in for the module" {
	local doctor=$BATS_TEST_TMPDIR/doctor
	tcptrace-ctl doctor >"$doctor"
	has_line "$doctor" 'ok    bpf *type information*'
	has_line "$doctor" 'warn  module *neither loaded nor installed*'
	fails without_btf tcptrace-ctl doctor >"$doctor"
	has_line "$doctor" 'warn  bpf *no type information*'
	has_line "$doctor" 'fail  module *neither loaded nor installed*'
}

@test "two readers each get what they asked for, and one that is killed leaves nothing behind" {
	spawn four tcptrace-ctl record --quiet --source=bpf --level=life "$BATS_TEST_TMPDIR/four.tct" -4 9561
	wait_until attached_are 1
	spawn six tcptrace-ctl record --quiet --source=bpf --level=life "$BATS_TEST_TMPDIR/six.tct" -6 9562
	wait_until attached_are 2
	connections -p 9561 -n 4
	connections -p 9562 -n 3 -f 6
	connections -p 9563 -n 2
	connections -p 9561 -n 2 -f 6
	stop six KILL || true
	wait_until attached_are 1
	connections -p 9561 -n 1
	stop four INT
	none_armed
	same "$(bpftool prog show name set_state)" ""
	recording "$BATS_TEST_TMPDIR/four.tct" >"$BATS_TEST_TMPDIR/four"
	same "$(lines "$BATS_TEST_TMPDIR/four" type=connect)" 5
	same "$(lines "$BATS_TEST_TMPDIR/four" type=accept sport=9561 family=4)" 5
	same "$(lines "$BATS_TEST_TMPDIR/four" family=6)" 0
	same "$(lines "$BATS_TEST_TMPDIR/four" '.port=956[23]')" 0
}

@test "each level attaches its own functions and no others" {
	local level
	for level in life queue segment; do
		spawn watch tcptrace-ctl watch --source=bpf --json --level=$level 9505
		wait_until attached_are 1
		armed tcp_connect
		[[ $level = life ]] || armed tcp_ack
		[[ $level != life ]] || fails armed tcp_ack
		[[ $level != segment ]] || armed ip_queue_xmit
		[[ $level = segment ]] || fails armed ip_queue_xmit
		stop watch INT
		none_armed
	done
}

# through ACCEPTS CONNECTS FAMILY FILTER: a connection to port 9504, seen by BPF that was asked for FILTER only
through()
{
	local shown=$BATS_TEST_TMPDIR/shown last
	echo "filter $4"
	spawn watch tcptrace-ctl watch --source=bpf --json --level=life "$4"
	wait_until attached_are 1
	connections -f "$3" -p 9504 -e reset
	stop watch INT
	json_lines "$(out_of watch)" >"$shown"
	last=$(tail -n 1 "$shown")
	like "$last" '*type=lost *'
	is "$(lines "$shown" type=accept) == $1"
	is "$(lines "$shown" type=connect) == $2"
	# Nothing else was even handed over, for the program to leave out.
	same "$(value events "$last")" "$(grep -cvE 'type=(snapshot|verdict|lost)' "$shown")" "records handed over"
}

@test "each part of a filter is in the programs, and nothing else comes out of them" {
	through 1 0 4 'sport = :9504'
	through 0 1 4 'dport = :9504'
	through 1 0 4 'sport >= :9500 and sport <= :9504'
	through 0 0 4 'sport = :9505 and dport = :9504'
	through 0 0 4 'sport = :9504 and src 127.0.0.2/31'
	through 1 1 4 'dst 127.0.0.0/8 and ( sport = :9504 or dport = :9504 )'
	through 0 1 4 '( sport = :1 and dport = :1 ) or ( dport = :9504 and dst 127.0.0.1 )'
	through 0 0 6 'dst 127.0.0.0/8 and ( sport = :9504 or dport = :9504 )'
	through 0 1 6 'dport = :9504 and dst ::/127'
	through 0 1 mapped 'dport = :9504 and dst 127.0.0.1'
}

# by_ss NAMESPACE...: the sockets of this one and of those
by_ss()
{
	local name
	{
		ss -tanHOe
		for name; do
			nsenter "$(netns "$name")" ss -tanHOe
		done
	} | ss_lines
}

by_bpf()
{
	tcptrace-ctl watch --source=bpf --once --json | json_lines | awk '/type=snapshot/ {
		for (i = 1; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
		printf "%s %s %s %s %s %x\n", value["state"], value["recvq"], value["sendq"], value["sport"],
			value["dport"], value["cookie"]
	}' | sort
}

@test "the snapshot is what ss shows, in each namespace" {
	local name try
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
	# TIME_WAITs that another test left may end between the two.
	for try in 1 2 3 4 5; do
		by_ss one two >"$BATS_TEST_TMPDIR/ss"
		by_bpf >"$BATS_TEST_TMPDIR/ours"
		! cmp -s "$BATS_TEST_TMPDIR/ss" "$BATS_TEST_TMPDIR/ours" || break
	done
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

# A kprobe that is hit while another one's handler runs is lost; the module, which ftrace calls, loses none.
@test "what kprobes miss is counted, where the kernel tells" {
	local tally lost=0 events missed all
	case $(</proc/sys/kernel/osrelease) in
	5.10.* | 6.1.*) skip "until 6.6 the kernel does not tell what the kprobes of a BPF program missed" ;;
	esac
	load_module ring=16384
	TCPTRACE_BPF_KPROBE=1 spawn bpf tcptrace-ctl record --json --source=bpf --level=queue "$BATS_TEST_TMPDIR/bpf.tct" 9571
	wait_until armed tcp_set_state
	spawn module tcptrace-ctl record --json --source=module --level=queue "$BATS_TEST_TMPDIR/module.tct" 9571
	wait_until asking_are 1
	spawn_ready storm storm -p 9571 --seed 1 --pause 1000
	nap 10
	stop storm
	wait_until quiet_port 9571
	stop module INT
	stop bpf INT
	tally=$(json_lines "$(out_of module)")
	like "$tally" '* lost=0 unknown=0 missed=0 *'
	all=$(value events "$tally")
	tally=$(json_lines "$(out_of bpf)")
	lost=$(value lost "$tally") events=$(value events "$tally") missed=$(value missed "$tally")
	echo "$all records of the module, $events of BPF, $missed missed"
	same "$lost" 0
	is "events < all"
	is "all - events <= missed"
}
