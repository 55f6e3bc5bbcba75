# SPDX-License-Identifier: GPL-2.0-only
# What is sent again and why, what a listener refuses, and who probes: as the kernel counts it itself.

load helper
load watch
setup()
{
	common_setup
	load_source
	declare -gA BEFORE=()
}
teardown()
{
	sysctl -qw net.ipv4.tcp_syncookies=1 net.ipv4.tcp_early_retrans=3 || true
	ip link set lo mtu 65536
	watch_teardown
}

# count_from NAME...: the kernel's counters begin here; counted NAME: since then. This namespace's, all connections.
counter_of() { nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'; }
count_from() { local name; for name; do BEFORE[$name]=$(counter_of "$name"); done; }
counted() { echo $(($(counter_of "$1") - BEFORE[$1])); }

# begin PORT: client's socket c and server's s are connected, and watched
begin()
{
	PORT=$1
	peer_start client
	peer_start server
	watch_start "$PORT"
	ask server listen l 127.0.0.1 "$PORT"
	ask client connect c 127.0.0.1 "$PORT"
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
}

end()
{
	ask client close c
	ask server eof s
	ask server close s
	wait_until seen type=verdict sport="$PORT"
	wait_until quiet_port "$PORT"
	watch_stop
}

# sum KEY WORD...: over all events with these words
sum()
{
	picked "$EVENTS" "${@:2}" | awk -v key=" $1=" '{ at = index($0, key); sum += substr($0, at + length(key)) } END { print sum + 0 }'
}

# enough COUNTER N: by the kernel's count
enough() { (($(counted "$1") >= $2)); }

@test "sent again when no ACK came: the timer, and a tail-loss probe before it" {
	local total
	count_from TcpRetransSegs TcpExtTCPTimeouts TcpExtTCPLossProbes
	begin 9721
	ask client write c 100
	ask server read s 100
	drop tcp dport 9721 drop
	ask client write c 200
	wait_until enough TcpExtTCPTimeouts 3
	# The total of ss for this socket.
	total=$(ss -Htin dport = :9721 | grep -oE 'retrans:[0-9]+/[0-9]+')
	dropped_no_more
	ask server read s 200
	end
	same "$(sum segments type=retransmit)" "$(counted TcpRetransSegs)" "all"
	same "$(lines "$EVENTS" type=retransmit op=rto)" "$(counted TcpExtTCPTimeouts)" "by the timer"
	is "$(lines "$EVENTS" type=retransmit op=tlp) <= $(counted TcpExtTCPLossProbes)"
	is "$(lines "$EVENTS" type=retransmit op=tlp len=200) == 1"
	is "$(lines "$EVENTS" type=retransmit len=200 dport=9721) >= ${total##*/}"
	said type=verdict dport=9721 retransmits="$(counted TcpRetransSegs)"
	silent type=retransmit sport=9721
}

@test "sent again because ACKs show it lost" {
	count_from TcpRetransSegs TcpExtTCPFastRetrans TcpExtTCPSlowStartRetrans TcpExtTCPTimeouts
	begin 9722
	ip link set lo mtu 1500
	drop 'tcp dport 9722 meta length > 500 numgen inc mod 11 == 5 drop'
	tell client write c 200000
	ask server read s 200000
	hear client
	dropped_no_more
	end
	same "$(sum segments type=retransmit)" "$(counted TcpRetransSegs)" "all"
	same "$(sum segments type=retransmit op=fast)" "$(counted TcpExtTCPFastRetrans)" "fast"
	same "$(sum segments type=retransmit op=loss)" "$(counted TcpExtTCPSlowStartRetrans)" "after a timeout"
	same "$(lines "$EVENTS" type=retransmit op=rto)" "$(counted TcpExtTCPTimeouts)" "by the timer"
	is "$(counted TcpExtTCPFastRetrans) > 0"
}

# How often the kernel found that what it had held lost was not, by all its ways to find that.
UNDONE=(TcpExtTCPFullUndo TcpExtTCPPartialUndo TcpExtTCPDSACKUndo TcpExtTCPLossUndo)
undone()
{
	local name sum=0
	for name in "${UNDONE[@]}"; do
		sum=$((sum + $(counted "$name")))
	done
	echo $sum
}

# begin_with_wire PORT: the wire, with SACK, connects to the application, whose socket s writes four segments, which come
begin_with_wire()
{
	PORT=$1
	peer_start app
	wire_start
	ask wire sacks
	ip route replace 10.7.0.0/16 dev wire0 proto kernel scope link src 10.7.0.1 rto_min "${RTO_MIN-200ms}"
	# No tail-loss probe beside.
	sysctl -qw net.ipv4.tcp_early_retrans=0
	watch_start "$PORT"
	wire_connects "$PORT"
	four_segments
}
four_segments()
{
	ask app write s 2144
	for _ in 1 2 3 4; do
		ask wire expect A 536
	done
}

end_with_wire()
{
	ask app set s linger 0
	ask app close s
	wait_until seen type=verdict sport="$PORT"
	watch_stop
	same "$(lines "$EVENTS" type=retransmit op=spurious)" "$(undone)" "found to be in vain"
}

@test "sent again in vain by the timer: the ACK was only late" {
	count_from "${UNDONE[@]}" TcpExtTCPSpuriousRTOs
	begin_with_wire 9724
	# Only the first one is sent again: whoever has all of them had got them before (F-RTO).
	ask wire ack -2144
	ask wire expect A 536
	ask wire ack 1608
	ask wire send A
	wait_until enough TcpExtTCPSpuriousRTOs 1
	end_with_wire
	same "$(counted TcpExtTCPLossUndo) $(undone)" "1 1"
	in_order "type=retransmit op=rto sport=9724" "type=retransmit op=spurious sport=9724"
	silent type=retransmit op=fast
}

@test "sent again in vain because of SACKs: the first copy was only late" {
	count_from "${UNDONE[@]}" TcpExtTCPFastRetrans
	RTO_MIN=60s
	begin_with_wire 9720
	overtaken
	# DSACK: the retransmission is the second copy, which the ACK of all says at once,
	ask wire ack 1608
	ask wire sack -2144 -1608
	ask wire send A
	wait_until enough TcpExtTCPFullUndo 1
	# and another time only later.
	four_segments
	overtaken
	ask wire ack 1608
	ask wire send A
	ask wire sack -2144 -1608
	ask wire send A
	wait_until enough TcpExtTCPDSACKUndo 1
	end_with_wire
	same "$(undone)" 2
	same "$(sum segments type=retransmit op=fast)" "$(counted TcpExtTCPFastRetrans)" "fast"
	silent type=retransmit op=rto
	in_order "type=retransmit op=fast" "type=retransmit op=spurious" "type=retransmit op=fast" "type=retransmit op=spurious"
}
# Three ACKs without the first of four segments, which is sent again then.
overtaken()
{
	local to
	ask wire ack -2144
	for to in 1072 1608 2144; do
		ask wire sack 536 $to
		ask wire send A
	done
	ask wire expect A 536
}

@test "SYN and SYN-ACK again" {
	count_from TcpRetransSegs TcpExtTCPSynRetrans
	peer_start client
	peer_start server
	# Level life: this is of a connection's life.
	watch_start --level=life 9723
	PORT=9723
	ask server listen l 127.0.0.1 9723
	drop 'tcp sport 9723 tcp flags & (syn | ack) == (syn | ack) drop'
	tell client connect c 127.0.0.1 9723
	wait_until enough TcpExtTCPSynRetrans 4
	dropped_no_more
	hear client
	ask server accept s l
	end
	same "$(sum segments type=retransmit)" "$(counted TcpRetransSegs)" "all"
	same "$(lines "$EVENTS" type=retransmit 'op=syn(ack)?')" "$(counted TcpExtTCPSynRetrans)" "SYN and SYN-ACK"
	is "$(lines "$EVENTS" type=retransmit op=syn dport=9723 state=SYN_SENT) >= 1"
	is "$(lines "$EVENTS" type=retransmit op=synack sport=9723 state=SYN_RECV) >= 1"
}

@test "a closed window, its probes, and that it opens" {
	local written
	count_from TcpExtTCPWinProbe TcpExtTCPKeepAlive
	begin 9725
	ask client fill c
	written=$ANSWER
	wait_until enough TcpExtTCPWinProbe 2
	wait_until seen snd_wnd=0 op=closed dport=9725
	# It waits for the window, by the kernel's own word.
	like "$(ss -Htno dport = :9725)" "*timer:(persist,*"
	ask server read s "$written"
	wait_until seen op=opened dport=9725
	end
	same "$(lines "$EVENTS" type=window op=probe)" "$(counted TcpExtTCPWinProbe)"
	in_order "op=closed snd_wnd=0 dport=9725" "type=window op=probe dport=9725" "op=opened dport=9725"
	# Who acknowledges data says so, whatever the window does.
	same "$(sum bytes type=ack dport=9725)" "$written"
}

@test "keepalives" {
	count_from TcpExtTCPKeepAlive TcpExtTCPWinProbe
	begin 9726
	ask client set c keepalive 1
	wait_until enough TcpExtTCPKeepAlive 2
	ask client set c keepalive 0
	end
	same "$(lines "$EVENTS" type=window op=keepalive dport=9726)" "$(counted TcpExtTCPKeepAlive)"
	silent type=window op=probe
}

@test "a backlog of one, overrun by SYNs and by third segments" {
	local n cookie
	count_from TcpExtListenOverflows TcpExtListenDrops
	peer_start client
	peer_start server
	watch_start 9727
	# A backlog of 1 holds two.
	ask server listen l 127.0.0.1 9727 1
	ask client connect a 127.0.0.1 9727
	wait_until seen type=request op=acked
	# Two half-open ones, whose ACKs come to nobody.
	drop 'tcp dport 9727 tcp flags & (syn | ack) == ack drop'
	ask client connect b 127.0.0.1 9727
	ask client connect c 127.0.0.1 9727
	wait_until seen type=retransmit op=synack
	dropped_no_more
	# The next SYN-ACKs are acknowledged: one fits, the other is refused, and so are SYNs.
	wait_until enough TcpExtListenOverflows 1
	ask client start d 127.0.0.1 9727
	wait_until enough TcpExtListenOverflows 3
	same "$(ss -Htln sport = :9727 | awk '{ print $2, $3 }')" "2 1"
	for n in 1 2 3; do
		ask server accept s$n l
	done
	wait_until listen_is_still
	watch_stop
	same "$(lines "$EVENTS" type=drop op=accept_queue)" "$(counted TcpExtListenOverflows)"
	same "$(lines "$EVENTS" type=drop)" "$(counted TcpExtListenDrops)"
	is "$(lines "$EVENTS" type=drop op=accept_queue state=SYN_RECV backlog=2 backlog_max=1) >= 1"
	is "$(lines "$EVENTS" type=drop op=accept_queue state=LISTEN backlog=2 backlog_max=1) >= 1"
	# The listener, by its cookie.
	cookie=$(ss -Htlne sport = :9727 | grep -oE 'sk:[0-9a-f]+')
	SAID=$(picked "$EVENTS" type=drop | head -n 1)
	same "$(of listener)" $((16#${cookie#sk:}))
}
listen_is_still() { ! ss_has state syn-sent dport = :9727; }

@test "a SYN queue that is full: SYN cookies, and none" {
	local n
	peer_start client
	peer_start server
	# No SYN-ACK comes to anybody.
	drop 'tcp sport 9728 tcp flags & (syn | ack) == (syn | ack) drop'
	sysctl -qw net.ipv4.tcp_syncookies=0
	count_from TcpExtTCPReqQFullDrop TcpExtTCPReqQFullDoCookies
	watch_start 9728
	ask server listen l 127.0.0.1 9728 3
	for n in 1 2 3 4 5 6 7; do
		ask client start c$n 127.0.0.1 9728
	done
	wait_until enough TcpExtTCPReqQFullDrop 3
	sysctl -qw net.ipv4.tcp_syncookies=1
	for n in 1 2 3; do
		ask client start d$n 127.0.0.1 9728
	done
	wait_until enough TcpExtTCPReqQFullDoCookies 3
	for n in 1 2 3 4 5 6 7; do
		ask client close c$n
	done
	for n in 1 2 3; do
		ask client close d$n
	done
	watch_stop
	same "$(lines "$EVENTS" type=drop op=syn_queue state=LISTEN)" "$(counted TcpExtTCPReqQFullDrop)"
	same "$(lines "$EVENTS" type=request op=cookie state=LISTEN cookie=0)" "$(counted TcpExtTCPReqQFullDoCookies)"
	SAID=$(picked "$EVENTS" type=drop op=syn_queue | head -n 1)
	same "$(of syn_backlog) $(of backlog_max)" "4 3"
}

@test "as text" {
	begin 9729
	spawn text tcptrace-ctl watch 9729
	wait_until asking_are 2
	ask client write c 100
	ask server read s 100
	drop tcp dport 9729 drop
	ask client write c 200
	wait_until seen type=retransmit op=rto
	dropped_no_more
	ask server read s 200
	end
	stop text INT
	grep -E ' sends again seq=[0-9?]+ len=200: no ACK came in time, [0-9.]+(ms|s) ' "$(out_of text)" ||
		{ cat "$(out_of text)"; return 1; }
}
