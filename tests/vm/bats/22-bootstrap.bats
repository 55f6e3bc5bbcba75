# SPDX-License-Identifier: GPL-2.0-only
# A watch that starts while connections come and go: each endpoint is shown exactly once, in its state, and then
# everything that happens to it. Compared with the application's own list, the kernel's tracepoint and /proc/net/tcp at
# a moment without traffic.

load helper
load watch
setup()
{
	common_setup
	# Several readers, one after the other, in an emulated guest: none may lose anything.
	load_source ring=16384
}
teardown() { watch_teardown; }

# The module misses no hit. From 5.12 on a BPF program misses a hit while it is already running on that CPU. With
# thousands of changes a second this happens now and then, and has to be counted.
MISSED=0
[[ $SOURCE != bpf ]] || MISSED='*'

# in_ns: CLOCK_MONOTONIC in nanoseconds, as the kernel shows it, to a hundredth of a second
in_ns()
{
	local up
	read -r up _ </proc/uptime
	echo "${up/./}0000000"
}

# spoke NAME: whether it has printed anything yet; the existing sockets come first, all at once
spoke() { [[ -s $(out_of "$1") ]]; }

# under_way: enough connections are open, and others have ended
under_way()
{
	local line word
	while read -r line; do
		read -ra word <<<"$line"
		[[ $line != TCP:* ]] || (("${word[2]}" >= 30 && "${word[6]}" >= 10)) || return 1
	done </proc/net/sockstat
}

# went_on NAME: whether it has shown enough connections that began after it started
went_on() { [[ $(grep -c '"type":"connect"' "$(out_of "$1")") -ge 15 ]]; }

quiet_again()
{
	QUIET=$(tail -n 1 "$(out_of storm)")
	[[ $QUIET = '# quiet '* && $QUIET != "$1" ]]
}

# calm: the storm pauses, and its list of connections is in $BATS_TEST_TMPDIR/made
calm()
{
	kill -USR1 "${JOBS[storm]}"
	wait_until quiet_again "$QUIET"
	# Each list is longer than the previous one; the last one is complete.
	tail -n $((${QUIET#\# quiet } + 1)) "$(out_of storm)" >"$BATS_TEST_TMPDIR/made"
}

# starts PORT ROUNDS ARGUMENT...: in each round three watches start one after the other during the storm, and all of
# them see the quiet moment at its end
starts()
{
	local port=$1 rounds=$2 round n spawned ready last missed QUIET='' before=$BATS_TEST_TMPDIR/before after=$BATS_TEST_TMPDIR/after
	shift 2
	mkdir -p $TRACE
	echo mono >$TRACE/trace_clock
	echo 8192 >$TRACE/buffer_size_kb
	echo 1 >$TRACE/events/sock/inet_sock_set_state/enable
	spawn_ready storm storm -p "$port" --seed "$port" --pause 1000
	for ((round = 0; round < rounds; round++)); do
		: >$TRACE/trace
		((round == 0)) || kill -USR1 "${JOBS[storm]}"
		# Something has to exist when the first one starts.
		wait_until under_way
		spawned=() ready=()
		for n in 0 1 2; do
			spawned[n]=$(in_ns)
			spawn watch$n tcptrace-ctl watch --json "$@" "$port"
			wait_until spoke watch$n
			# The hundredth of a second that may be missing.
			ready[n]=$(($(in_ns) + 10000000))
			wait_until went_on watch$n
		done
		calm
		cat /proc/net/tcp >"$before"
		for n in 0 1 2; do
			stop watch$n INT
			same "$(<"$BATS_TEST_TMPDIR/watch$n.err")" ""
		done
		cat /proc/net/tcp >"$after"
		cat $TRACE/trace >"$BATS_TEST_TMPDIR/changes"
		for n in 0 1 2; do
			json_lines "$(out_of watch$n)" >"$BATS_TEST_TMPDIR/shown"
			last=$(tail -n 1 "$BATS_TEST_TMPDIR/shown")
			like "$last" "*type=lost * lost=0 unknown=0 missed=$MISSED *"
			missed=${last##* missed=} missed=${missed%% *}
			is "missed <= 10"
			# Not busybox's, which is slow on thousands of lines.
			command awk -v port="$port" -v spawned="${spawned[n]}" -v ready="${ready[n]}" -v missed="$missed" \
				-f "$BATS_TEST_DIRNAME/bootstrap.awk" "$BATS_TEST_TMPDIR"/{made,changes,before,after,shown}
		done
	done
	stop storm
}

@test "nine starts in a storm, level life: each endpoint exactly once" {
	starts 9711 3 --level=life
}

@test "six starts in a storm, level queue: each endpoint exactly once" {
	starts 9712 2 --level=queue
}

# has STATE LOCAL REMOTE: whether a socket with these ports exists. ss is not used: it would create the cookies.
has()
{
	local state=$1 local=$2 remote=$3
	grep -qiE "$(printf '^ *[0-9]+: [0-9A-F]+:%04X [0-9A-F]+:%04X %s ' "$local" "$remote" "$state")" /proc/net/tcp
}

asked() { [[ $(asking) = "$1" ]]; }

@test "a socket that has no cookie yet takes one for itself and for its timewait socket" {
	local port=9713 own before cookie
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 $port
	ask client connect c 127.0.0.1 $port
	own=$ANSWER
	ask server accept s l
	ask client shutdown c wr
	wait_until has 05 "$own" $port
	# Opening the FIFO waits for its reader: by then the probes are armed, and no socket has been read.
	mkfifo "$BATS_TEST_TMPDIR/held"
	before=$(asking)
	spawn record tcptrace-ctl record --source="$SOURCE" "$BATS_TEST_TMPDIR/held" $port
	wait_until asked $((before + 1))
	ask server close s
	wait_until has 06 "$own" $port
	spawn kept cat "$BATS_TEST_TMPDIR/held"
	wait_until spoke kept
	stop record INT
	finish kept
	recording "$(out_of kept)" >"$BATS_TEST_TMPDIR/text"
	cookie=$(ss -Htane state time-wait "( sport = :$own and dport = :$port )" | grep -oE 'sk:[0-9a-f]+')
	same "$(lines "$BATS_TEST_TMPDIR/text" "sport=$own" "cookie=${cookie#sk:}" type=timewait op=begin)" 1
	same "$(lines "$BATS_TEST_TMPDIR/text" "sport=$own" "cookie=${cookie#sk:}" type=state old=FIN_WAIT2 new=CLOSE)" 1
}
