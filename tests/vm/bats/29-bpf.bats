# SPDX-License-Identifier: GPL-2.0-only
# BPF records what the module records: three readers record the same traffic at once, and each endpoint's records are
# compared byte for byte. What needs readers of its own is in 28-bpf-live.

load recorded
setup_file() { recorded; }

# All readers pass it to the kernel. It covers all ports of the listeners below but one.
RECORD_FILTER='sport >= :9500 and sport <= :9599 or dport >= :9500 and dport <= :9599'

# recording_also: besides the module's reader, one of BPF, which attaches by trampolines where the kernel has them, and
# one that has to attach by kprobe
recording_also()
{
	spawn bpf tcptrace-ctl record --quiet --source=bpf --level=queue "$RECORDED/bpf" "$RECORD_FILTER"
	TCPTRACE_BPF_KPROBE=1 spawn kprobe tcptrace-ctl record --quiet --source=bpf --level=queue "$RECORDED/kprobe" \
		"$RECORD_FILTER"
	wait_until records bpf
	wait_until records kprobe
	trampolines bpf >"$RECORDED/trampolines"
	trampolines kprobe >>"$RECORDED/trampolines"
}

# trampolines NAME: the number of that reader's programs that are attached by trampoline, as the kernel says of its files
trampolines() { awk '/^link_type:\ttracing$/ { n++ } END { print n + 0 }' "/proc/${JOBS[$1]}/fdinfo/"*; }

# records NAME: the shell has become the reader, and waits for records
records()
{
	local comm
	read -r comm <"/proc/${JOBS[$1]}/comm"
	[[ $comm = tcptrace-ctl ]] && begun "$1"
}

recording_also_end()
{
	kill -INT "${JOBS[bpf]}"
	stop kprobe INT
	finish bpf
}

# ---- traffic ----

traffic_cleanup()
{
	[[ ! ${DELAYED-} ]] || tc qdisc del dev lo root
	[[ ! ${HURRIED-} ]] || sysctl -qw net.ipv4.tcp_fin_timeout=60
}

# From all families, closed by either endpoint, and by a reset.
traffic_families()
{
	local family n=0
	for family in 4 6 mapped; do
		n=$((n + 10))
		connections -f $family -p $((9500 + n)) -n 3 -b 1000
		connections -f $family -p $((9501 + n)) -n 2 -e server
		connections -f $family -p $((9502 + n)) -n 2 -e reset
	done
	# Nothing of this one is recorded.
	connections -p 9600
	wait_until quiet_port 9600
}

# Nobody listens.
traffic_refused()
{
	peer_start client
	asked_fails ECONNREFUSED client connect four 127.0.0.1 9599
	asked_fails ECONNREFUSED client connect six ::1 9598
}

# With full queues, and with the client closed: the kernel closes what is left.
traffic_held()
{
	spawn full connections -H -p 9540 -n 1 -s 3000000
	spawn orphan connections -H -p 9541 -n 1 -o
	wait_until ready full
	wait_until ready orphan
	stop full || true
	stop orphan || true
	wait_until quiet_port 9540
	wait_until quiet_port 9541
}

traffic_half_closed()
{
	connected 9543
	ask client write c 500
	ask server read s 500
	ask client shutdown c wr
	ask server eof s
	ask server write s 30000
	ask client read c 30000
	ask server close s
	ask client eof c
	ask client close c
	wait_until quiet_port 9543
}

traffic_three_way()
{
	local port
	for port in {9545..9548}; do
		closed_at_once "$port"
	done
}

# One process closes both endpoints while segments are delayed: both FINs are sent before one arrives.
traffic_simultaneous()
{
	local n
	modprobe -q sch_netem || true
	peer_start both
	for n in 1 2 3; do
		ask both listen "l$n" 127.0.0.1 $((9550 + n))
		ask both connect "c$n" 127.0.0.1 $((9550 + n))
		ask both accept "s$n" "l$n"
		ask both write "c$n" 500
		ask both read "s$n" 500
	done
	DELAYED=1
	tc qdisc add dev lo root netem delay 500ms
	tell both $'close c1\nclose s1\nclose c2\nclose s2\nclose c3\nclose s3'
	for n in 1 2 3 4 5 6; do
		hear both
	done
	for n in 1 2 3; do
		wait_until quiet_port $((9550 + n))
	done
}

accept_queue_is() { [[ $(ss -Hltn "sport = :$1" | awk '{ print $2 }') = "$2" ]]; }
overflown() { (($(counted TcpExtListenOverflows) >= $1)); }

# More connections than the listener has room for: their SYNs are dropped until it accepts.
traffic_overrun()
{
	local n
	peer_start client
	peer_start server
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
	# Those that had to retry may be accepted in any order.
	for n in 1 2 3 4; do
		ask client close "o$n"
	done
	for n in 1 2 3 4; do
		ask server eof "a$n"
		ask server close "a$n"
	done
	ask server close o
	wait_until quiet_port 9544
}

# Of the two ways in which a timewait socket ends, this one can be waited for: an orphan in FIN_WAIT2 whose peer never
# closes.
traffic_orphan()
{
	HURRIED=1
	sysctl -qw net.ipv4.tcp_fin_timeout=1
	connected 9555
	ask client close c
	wait_until server_is CLOSE-WAIT
	wait_until fails ss_has dport = :9555
	ask server close s
	wait_until quiet_port 9555
}

# ---- judgement ----

# by_end FILE: its events in order, sorted by endpoint. The recordings end one after the other, and a TIME_WAIT may end
# in between, so the ends of TIME_WAITs are left out.
by_end() { recording "$1" | grep -v ' type=timewait op=end .* old=TIME_WAIT ' | sort -s -k 1,1; }

# ends_of FILE: how the connections of a recording ended, as "HOW N"
ends_of()
{
	tcptrace-ctl life --json --source="$1" | json_lines |
		awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^how=/) n[substr($i, 5)]++ } END { for (how in n) print how, n[how] }' | sort
}

# timeouts: BPF's records, to be compared with the module's. Up to 6.1 both read the duration of TIME_WAIT from a timer,
# one shortly after the other: the clock may have ticked in between, and an emulated CPU may have been away for some
# ticks. Later kernels pass it to the function.
timeouts()
{
	case $KERNEL in
	5.10 | 6.1) awk -v away=100 -f "$BATS_TEST_DIRNAME/timeouts.awk" "$BATS_TEST_TMPDIR/by-module" - ;;
	*) cat ;;
	esac
}

# same_records NAME MISSED: the recording's records, in by-NAME, are the module's. For a hit during another kprobe's
# handler BPF has no record, but nothing else may differ. A kernel before 6.7 does not count those hits.
same_records()
{
	local ours=$BATS_TEST_TMPDIR/by-$1 theirs=$BATS_TEST_TMPDIR/by-module missed=$2
	case $1-$KERNEL in
	kprobe-5.10 | kprobe-6.1) missed=$(($(grep -c . "$theirs") / 100)) ;;
	esac
	if ((missed > 0)); then
		same "$(diff "$ours" "$theirs" | grep '^<')" "" "what only BPF has"
		is "$(diff "$ours" "$theirs" | grep -c '^>') <= $missed"
	else
		same "$(<"$ours")" "$(<"$theirs")" "BPF against the module"
	fi
}

# same_as_module NAME: everything in that recording is as in the module's
same_as_module()
{
	local name how port missed three_way=0
	local module=$RECORDED/recording other=$RECORDED/$1
	for name in families refused held half_closed simultaneous overrun orphan; do
		judge "$name" 9500
	done
	# The module's recording is not empty: each connection is there.
	by_end "$module" >"$BATS_TEST_TMPDIR/by-module"
	is "$(lines "$BATS_TEST_TMPDIR/by-module" type=connect) >= 25"
	is "$(lines "$BATS_TEST_TMPDIR/by-module" type=ack) >= 20"
	is "$(lines "$BATS_TEST_TMPDIR/by-module" type=timewait op=end old=FIN_WAIT2 new=CLOSE dport=9555) == 1"
	ends_of "$module" >"$BATS_TEST_TMPDIR/ends"
	for how in four-way three-way simultaneous reset refused; do
		has_line "$BATS_TEST_TMPDIR/ends" "$how *"
	done
	for port in {9545..9548}; do
		judge three_way "$port"
		how=four-way
		[[ $(answers) != 1 ]] || { how=three-way && three_way=$((three_way + 1)); }
		said type=verdict dport="$port" how=$how
	done
	is "three_way > 0"
	same "$(grep -c '[ds]port=9600 ' "$BATS_TEST_TMPDIR/by-module")" 0 "what the filter leaves out"

	same "$(<"$RECORDED/record.err")$(<"$RECORDED/$1.err")" ""
	tcptrace-ctl watch --source="$other" --json | json_lines >"$BATS_TEST_TMPDIR/watched"
	is "$(lines "$BATS_TEST_TMPDIR/watched" type=lost lost=0 unknown=0) == 1"
	missed=$(value missed "$(picked "$BATS_TEST_TMPDIR/watched" type=lost)")
	[[ $1 = kprobe ]] || same "$missed" 0 "missed"
	by_end "$other" | timeouts >"$BATS_TEST_TMPDIR/by-$1"
	same_records "$1" "$missed"
	! cmp -s "$BATS_TEST_TMPDIR/by-$1" "$BATS_TEST_TMPDIR/by-module" ||
		same "$(ends_of "$other")" "$(<"$BATS_TEST_TMPDIR/ends")" "how they ended"
}

@test "where the kernel has trampolines, BPF attaches by them" {
	local by_default by_kprobe
	{ read -r by_default && read -r by_kprobe; } <"$RECORDED/trampolines"
	# tcp_ack and the like: for each hit there is a program.
	is "$by_default >= 15"
	is "$by_kprobe == 0"
}

@test "both sources at once record the same of each endpoint, to the byte" {
	same_as_module bpf
}

@test "and so they do where BPF has to attach by kprobe" {
	same_as_module kprobe
}
