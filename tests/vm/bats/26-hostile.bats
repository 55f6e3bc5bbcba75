# SPDX-License-Identifier: GPL-2.0-only
# A network or a peer at its worst: full queues, floods, loss, namespaces that are deleted, ports that are taken over.

load recorded
setup_file() { recorded; }

# A hit that interrupts its own BPF program is missed, and reported: at level queue always one in some thousands.
[[ $SOURCE != bpf ]] || RECORD_LEVEL=life
# A flood is not compared segment by segment. It comes from all kinds of ports.
SEGMENTS_OF="host 127.0.0.1 and tcp port 9801"
LOAD_WITH=ring=65536
# One of these tests removes the module, another one makes a recording of its own.
UNRECORDED=(reloaded bad_network)

traffic_cleanup()
{
	echo 1 >/proc/sys/net/ipv4/tcp_syncookies
	echo 2 >/proc/sys/net/ipv4/tcp_tw_reuse
	echo 1000 >/proc/sys/user/max_net_namespaces
}

# at_listener COUNT BACKLOG: COUNT children wait for accept(), according to ss
at_listener() { [[ $(ss -Hltn "sport = :$PORT" | awk '{ print $2, $3 }') = "$1 $2" ]]; }

traffic_overrun()
{
	local n port=()
	counted_from_here
	PORT=9801
	peer_start server
	peer_start client
	ask server listen l 127.0.0.1 $PORT 1
	# The queue holds one more than the backlog.
	for n in 0 1; do
		ask client start c$n 127.0.0.1 $PORT
		port[n]=$ANSWER
	done
	wait_until at_listener 2 1
	ask client start c2 127.0.0.1 $PORT
	FIRST=${port[0]} THIRD=$ANSWER
	keep PORT FIRST THIRD
	ss_state SYN-SENT "sport = :$THIRD"
	is "$(counted TcpExtListenOverflows) >= 1"
	ask server accept s0 l
	# Its SYN is retransmitted after a second.
	wait_until ss_state ESTAB "sport = :$THIRD"
	for n in 1 2; do
		ask server accept s$n l
	done
	for n in 0 1 2; do
		ask client close c$n
		ask server eof s$n
		ask server close s$n
	done
	wait_until quiet_port $PORT
}

@test "a backlog of 1, overrun: who is kept out is seen as waiting, and comes in when there is room" {
	judge overrun
	witnesses one_sided=1
	same "$(picked "$EVENTS" type=request op=acked | grep -oE ' backlog=[0-9]+ backlog_max=[0-9]+' | head -n 2)" "\
 backlog=0 backlog_max=1
 backlog=1 backlog_max=1"
	in_order "type=connect sport=$THIRD" "type=accept dport=$FIRST" "type=request op=open dport=$THIRD" \
		"type=state sport=$THIRD old=SYN_SENT new=ESTABLISHED"
	said type=request op=open dport="$THIRD"
	said type=verdict dport="$THIRD"
	said type=verdict sport="$THIRD"
	is "$(of retransmits) >= 1"
}

# flood PORT BACKLOG COUNTER: a listener, and 10 000 SYNs from as many addresses and ports. OPENED is how many became
# half-open: the kernel counted the others. On a slow machine the first ones end before the last SYN arrives.
flood()
{
	local half_open
	PORT=$1
	# What the device delivers waits there until a slow kernel has time.
	sysctl -qw net.core.netdev_max_backlog=20000
	counted_from_here
	peer_start server
	wire_start
	ask server listen l 10.7.0.1 "$1" "$2"
	ask wire flood "$1" 10000
	wait_until enough TcpInSegs 10000
	half_open=$(ss -Htan state syn-recv "sport = :$1" | grep -c .)
	OPENED=$((10000 - $(counted "$3")))
	keep PORT OPENED
	is "half_open > 50 && half_open <= 129 && OPENED >= half_open"
}

traffic_no_cookies()
{
	sysctl -qw net.ipv4.tcp_syncookies=0
	flood 9802 128 TcpExtListenDrops
	# A half-open connection ends by its timer: see traffic_floods_over.
	ask server close l
}

@test "10 000 SYNs, no cookies: each half-open connection is seen, the others leave nothing" {
	judge no_cookies
	same "$(lines "$EVENTS" type=request op=open sport=9802)" "$OPENED"
	# They end with their listener, or earlier by their timer.
	is "$(lines "$EVENTS" type=request op=dropped sport=9802) + $(lines "$EVENTS" type=request op=timedout sport=9802) == OPENED"
	same "$(picked "$EVENTS" type=request op=open sport=9802 | grep -oE ' cookie=[0-9]+' | sort -u | grep -c .)" "$OPENED"
	said type=listen state=CLOSE
	silent type=accept
}

traffic_cookies()
{
	sysctl -qw net.ipv4.tcp_syncookies=1
	flood 9803 128 TcpExtSyncookiesSent
	# One of the clients is a real one.
	ask wire ports 41000 9803
	# The SYN-ACKs of the flood fill the device.
	ask wire silence
	# It gets a cookie even if the flood took so long that half-open connections have ended.
	sysctl -qw net.ipv4.tcp_syncookies=2
	ask wire send S
	ask wire expect SA
	ask wire send A
	ask server accept s l
	same "$ANSWER" 41000
	same "$(counted TcpExtSyncookiesRecv)" 1
	sysctl -qw net.ipv4.tcp_syncookies=1
	ask wire send R
	wait_until fails ss_has state established sport = :9803
	ask server close s
	ask server close l
}

@test "10 000 SYNs with cookies: what has no socket is not seen until its ACK comes" {
	judge cookies
	same "$(lines "$EVENTS" type=request op=open sport=9803)" "$OPENED"
	silent type=request op=open dport=41000
	in_order "type=request op=acked sport=9803 dport=41000" "type=state sport=9803 dport=41000 old=SYN_RECV new=ESTABLISHED" \
		"type=accept dport=41000 pid=$(pid_of server)" "type=verdict dport=41000 how=reset closed_by=remote"
	said type=listen state=CLOSE
}

# flooded: the kernel has answered 1000 SYNs since the last question
flooded()
{
	local answered
	answered=$(counted TcpExtSyncookiesSent)
	((answered >= ANSWERED + 1000)) || return
	ANSWERED=$answered
}

# The flood does not end by itself: it continues while the module is unloaded and loaded.
traffic_reloaded()
{
	module_only "loading and unloading"
	ANSWERED=0
	PORT=9804
	keep PORT
	counted_from_here
	peer_start server
	wire_start
	ask server listen l 10.7.0.1 $PORT 128
	spawn watch tcptrace-ctl watch --json $PORT
	wait_until asking_are 1
	tell wire flood $PORT 100000000
	wait_until flooded
	stop watch INT
	unload_module
	wait_until flooded
	load_module flight=queue
	wait_until flooded
	unload_module
	load_module "$LOAD_WITH"
	wait_until flooded
	running wire
	fails read -rt 0 -u "${PEER_OUT[wire]}"
}

@test "the module goes and comes in the middle of a flood" {
	judge reloaded
}

# limit_namespaces: from now on there is room for another one only when all are gone. The kernel counts a namespace
# until its last socket and everything else in it is gone.
limit_namespaces() { sysctl -qw user.max_net_namespaces=1; }
namespaces_gone() { unshare -n true 2>/dev/null; }

# sockets_now: writes the existing sockets, according to watch, into a file
sockets_now() { tcptrace-ctl watch --source="$SOURCE" --once --json >"$BATS_TEST_TMPDIR/once"; }
# now WORD...: how many of them have these words
now() { json_lines "$KEPT/once" >"$BATS_TEST_TMPDIR/once" && lines "$BATS_TEST_TMPDIR/once" "$@"; }

traffic_torn_down()
{
	add_netns gone
	PORT=9805 INODE=$(netns_inode gone)
	keep PORT INODE
	nsenter "$(netns gone)" connections -p $PORT -n 5
	same "$(nsenter "$(netns gone)" ss -Htan state time-wait | grep -c .)" 5
	limit_namespaces
	ip netns del gone
	NETNS=()
	wait_until namespaces_gone
	sockets_now
}

@test "a namespace is torn down: its sockets in TIME_WAIT end with it" {
	judge torn_down
	same "$(lines "$EVENTS" type=timewait op=begin netns="$INODE")" 5
	same "$(lines "$EVENTS" type=timewait op=killed netns="$INODE" old=TIME_WAIT new=CLOSE)" 5
	same "$(lines "$EVENTS" type=verdict netns="$INODE")" 10
	is "$(now) > 0 && $(now netns="$INODE") == 0"
}

traffic_outlived()
{
	add_netns held
	PORT=9806 INODE=$(netns_inode held)
	keep PORT INODE
	spawn_ready holder nsenter "$(netns held)" connections -H -p $PORT -n 2
	ip netns del held
	NETNS=()
	# Only through its process can anybody still enter it.
	same "$(nsenter --net=/proc/"$(pid_of holder)"/ns/net ss -Htan state established | grep -c .)" 4
	sockets_now
	limit_namespaces
	stop holder
	wait_until namespaces_gone
}

@test "a namespace is torn down while a process holds sockets in it, and these live on" {
	judge outlived
	same "$(now netns="$INODE" state=ESTABLISHED)" 4
	said type=listen state=CLOSE netns="$INODE"
	same "$(lines "$EVENTS" type=verdict netns="$INODE")" 4
}

reconnects()
{
	tell client connect c 127.0.0.1 9807 19807
	hear client
	[[ $ANSWER = "ok 19807" ]] && return
	ask client close c
	return 1
}

traffic_reused()
{
	sysctl -qw net.ipv4.tcp_tw_reuse=1
	counted_from_here
	PORT=9807
	keep PORT
	peer_start server
	peer_start client
	ask server listen l 127.0.0.1 9807
	ask client reuse
	ask client connect c 127.0.0.1 9807 19807
	ask server accept s l
	ask client close c
	ask server eof s
	ask server close s
	wait_until ss_state TIME-WAIT "sport = :19807"
	# Not before its timestamp clock has ticked, which takes a second.
	wait_until reconnects
	ask server accept s l
	is "$(counted TcpExtTWRecycled) == 1"
	ask client set c linger 0
	ask client close c
	wait_until quiet_port 9807
}

@test "tcp_tw_reuse: a TIME_WAIT gives its port to the next connection" {
	judge reused
	in_order "type=verdict sport=19807 how=(four|three)-way" "type=timewait op=killed sport=19807 old=TIME_WAIT new=CLOSE" \
		"type=connect sport=19807" "type=state sport=19807 old=SYN_SENT new=ESTABLISHED" \
		"type=verdict sport=19807 how=reset"
	in_order "type=reset op=received sport=9807"
	same "$(picked "$EVENTS" type=connect sport=19807 | grep -oE ' cookie=[0-9]+' | sort -u | grep -c .)" 2
}

traffic_floods_over()
{
	wait_until fails ss_has "sport = :9802 or sport = :9803"
}

# over_bad_network: 12 recorded connections; MISSED is how many hits BPF's programs missed
over_bad_network()
{
	local port ports=({9811..9814})
	rm -f "$BATS_TEST_TMPDIR/recording"
	: >$TRACE/trace
	spawn record tcptrace-ctl record --quiet --source="$SOURCE" --level="${RECORD_LEVEL-queue}" "$BATS_TEST_TMPDIR/recording"
	wait_until asking_are 1
	tc qdisc add dev lo root netem delay 3ms 3ms loss 3% duplicate 10% reorder 25%
	for port in "${ports[@]}"; do
		spawn "made$port" connections -p "$port" -n 3 -b 50000
	done
	for port in "${ports[@]}"; do
		finish "made$port"
		has_line "$(out_of "made$port")" 'connections=3 errors=0'
	done
	for port in "${ports[@]}"; do
		wait_until quiet_port "$port"
	done
	tc qdisc del dev lo root
	stop record INT
	cat $TRACE/trace >"$BATS_TEST_TMPDIR/trace"
	MISSED=0
	[[ $SOURCE != bpf ]] ||
		MISSED=$(tcptrace-ctl watch --source="$BATS_TEST_TMPDIR/recording" --json | tail -n 1 | json_lines | grep -oE ' missed=[0-9]+')
	MISSED=${MISSED#*=}
}

traffic_bad_network()
{
	local try
	modprobe -q sch_netem || true
	counted_from_here
	for try in 1 2 3 4; do
		over_bad_network
		[[ $MISSED != 0 ]] || break
		echo "BPF's programs say that they missed $MISSED: once more"
	done
	is "$(counted TcpRetransSegs) >= 1"
}

@test "segments lost, delayed, doubled and out of order: nothing is seen twice, no byte is missing" {
	judge bad_network {9811..9814}
	RECORDED=$KEPT events >"$EVENTS"
	is "$(lines "$EVENTS" type=lost lost=0 unknown=0 missed=0 model_full=0) == 1"
	awk -f "$BATS_TEST_DIRNAME/states.awk" "$KEPT/trace" "$EVENTS"
	same "$(lines "$EVENTS" type=verdict bytes_in=50000 bytes_out=50000)" 24
	same "$(lines "$EVENTS" type=verdict 'how=(four-way|three-way|simultaneous)')" 24
	same "$(lines "$EVENTS" type=connect)" 12
	same "$(lines "$EVENTS" type=request op=open)" 12
	is "$(picked "$EVENTS" type=verdict | grep -oE ' retransmits=[1-9]' | grep -c .) >= 1"
}
