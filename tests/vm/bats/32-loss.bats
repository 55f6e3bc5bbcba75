# SPDX-License-Identifier: GPL-2.0-only
# Retransmissions and their reasons, what a listener refuses, and probes, compared with the kernel's own counters.

load recorded
setup_file() { recorded; }

UNRECORDED=syn_again

# begin PORT: connects the client's socket c and the server's s; the kernel's counters count from here
begin()
{
	counted_from_here
	connected "$1"
}

# Only listeners and TIME_WAITs are left on PORT, and counting ends.
over()
{
	wait_until quiet_port "$PORT"
	counted_until_here
}

end()
{
	ask client close c
	ask server eof s
	ask server close s
	over
}

# It starts no program if nothing was left.
traffic_cleanup()
{
	echo 3 >/proc/sys/net/ipv4/tcp_early_retrans
	echo 1 >/proc/sys/net/ipv4/tcp_syncookies
	[[ $(</sys/class/net/lo/mtu) = 65536 ]] || ip link set lo mtu 65536
	[[ ! ${DROPPING-} ]] || nft delete table inet test
}

# drop_these RULE, until drop_none
drop_these()
{
	DROPPING=1
	drop "$@"
}
drop_none()
{
	dropped_no_more
	DROPPING=''
}

# sum KEY WORD...: the sum over all events with these words
sum()
{
	picked "$EVENTS" "${@:2}" | awk -v key=" $1=" '{ at = index($0, key); sum += substr($0, at + length(key)) } END { print sum + 0 }'
}

traffic_timer()
{
	begin 9721
	ask client write c 100
	ask server read s 100
	drop_these tcp dport 9721 drop
	ask client write c 200
	wait_until enough TcpExtTCPTimeouts 3
	# This socket's total, according to ss.
	TOTAL=$(ss -Htin dport = :9721 | grep -oE 'retrans:[0-9]+/[0-9]+')
	keep TOTAL
	drop_none
	ask server read s 200
	end
}

@test "retransmitted when no ACK is received: the timer, and a tail-loss probe before it" {
	judge timer
	same "$(sum segments type=retransmit)" "$(counted TcpRetransSegs)" "all"
	same "$(lines "$EVENTS" type=retransmit op=rto)" "$(counted TcpExtTCPTimeouts)" "by the timer"
	is "$(counted TcpExtTCPTimeouts) >= 3"
	is "$(lines "$EVENTS" type=retransmit op=tlp) <= $(counted TcpExtTCPLossProbes)"
	is "$(lines "$EVENTS" type=retransmit op=tlp len=200) == 1"
	is "$(lines "$EVENTS" type=retransmit len=200 dport=9721) >= ${TOTAL##*/}"
	said type=verdict dport=9721 retransmits="$(sum segments type=retransmit dport=9721)"
	# The server sends no data; on a slow machine its FIN is retransmitted.
	same "$(lines "$EVENTS" type=retransmit sport=9721)" "$(lines "$EVENTS" type=retransmit sport=9721 len=0)"
}

traffic_lost()
{
	begin 9722
	ip link set lo mtu 1500
	drop_these 'tcp dport 9722 meta length > 500 numgen inc mod 11 == 5 drop'
	tell client write c 200000
	ask server read s 200000
	hear client
	like "$ANSWER" "ok *"
	drop_none
	end
}

@test "retransmitted because ACKs show it lost" {
	judge lost
	same "$(sum segments type=retransmit)" "$(counted TcpRetransSegs)" "all"
	same "$(sum segments type=retransmit op=fast)" "$(counted TcpExtTCPFastRetrans)" "fast"
	same "$(sum segments type=retransmit op=loss)" "$(counted TcpExtTCPSlowStartRetrans)" "after a timeout"
	same "$(lines "$EVENTS" type=retransmit op=rto)" "$(counted TcpExtTCPTimeouts)" "by the timer"
	is "$(counted TcpExtTCPFastRetrans) > 0"
}

# How often the kernel detected that a retransmission was spurious, over all ways to detect it.
undone()
{
	local name sum=0
	for name in TcpExtTCP{Full,Partial,DSACK,Loss}Undo; do
		sum=$((sum + $(counted "$name")))
	done
	echo $sum
}

# begin_with_wire PORT: the wire, with SACK, connects to the application, whose socket s writes four segments, which
# arrive
begin_with_wire()
{
	PORT=$1
	keep PORT
	counted_from_here
	peer_start app
	wire_start
	ask wire sacks
	ip route replace 10.7.0.0/16 dev wire0 proto kernel scope link src 10.7.0.1 rto_min "${RTO_MIN-200ms}"
	# Without a tail loss probe.
	echo 0 >/proc/sys/net/ipv4/tcp_early_retrans
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
	over
}

traffic_late_ack()
{
	begin_with_wire 9724
	# Only the first one is retransmitted: whoever has all of them had received them before (F-RTO).
	ask wire ack -2144
	ask wire expect A 536
	ask wire ack 1608
	ask wire send A
	wait_until enough TcpExtTCPSpuriousRTOs 1
	end_with_wire
}

@test "retransmitted in vain by the timer: the ACK was only late" {
	judge late_ack
	same "$(lines "$EVENTS" type=retransmit op=spurious)" "$(undone)" "found to be in vain"
	same "$(counted TcpExtTCPSpuriousRTOs) $(counted TcpExtTCPLossUndo) $(undone)" "1 1 1"
	in_order "type=retransmit op=rto sport=9724" "type=retransmit op=spurious sport=9724"
	silent type=retransmit op=fast
}

traffic_late_segment()
{
	RTO_MIN=60s
	begin_with_wire 9720
	overtaken
	# DSACK: the retransmission arrives second, which the ACK of everything reports at once,
	ask wire ack 1608
	ask wire sack -2144 -1608
	ask wire send A
	wait_until enough TcpExtTCPFullUndo 1
	# or only later.
	four_segments
	overtaken
	ask wire ack 1608
	ask wire send A
	ask wire sack -2144 -1608
	ask wire send A
	wait_until enough TcpExtTCPDSACKUndo 1
	end_with_wire
}
# Three duplicate ACKs lack the first of four segments, which is then retransmitted.
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

@test "retransmitted in vain because of SACKs: the first copy was only late" {
	judge late_segment
	same "$(lines "$EVENTS" type=retransmit op=spurious)" "$(undone)" "found to be in vain"
	same "$(counted TcpExtTCPFullUndo) $(counted TcpExtTCPDSACKUndo) $(undone)" "1 1 2"
	same "$(sum segments type=retransmit op=fast)" "$(counted TcpExtTCPFastRetrans)" "fast"
	silent type=retransmit op=rto
	in_order "type=retransmit op=fast" "type=retransmit op=spurious" "type=retransmit op=fast" "type=retransmit op=spurious"
}

# The kernel counts each retransmitted SYN and SYN-ACK, and each timer that retransmitted one: a SYN-ACK without a timer
# answers a retransmitted SYN.
answered_again() { (($(counted TcpRetransSegs) > $(counted TcpExtTCPTimeouts))); }

# Level life, in a recording of its own, for which no other level is armed.
traffic_syn_again()
{
	PORT=9723
	keep PORT
	spawn life tcptrace-ctl record --quiet --source="$SOURCE" --level=life "$BATS_TEST_TMPDIR/recording"
	wait_until asking_are 1
	fails armed tcp_ack
	counted_from_here
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9723
	drop_these 'tcp sport 9723 tcp flags & (syn | ack) == (syn | ack) drop'
	tell client connect c 127.0.0.1 9723
	wait_until answered_again
	drop_none
	hear client
	like "$ANSWER" "ok *"
	ask server accept s l
	end
	stop life INT
}

@test "SYN and SYN-ACK retransmitted" {
	judge syn_again
	RECORDED=$KEPT events "$(of_ports)" >"$EVENTS"
	is "$(lines "$EVENTS" type=lost lost=0 unknown=0 missed=0 model_full=0) == 1"
	same "$(sum segments type=retransmit)" "$(counted TcpRetransSegs)" "all"
	same "$(lines "$EVENTS" type=retransmit 'op=syn(ack)?')" "$(counted TcpExtTCPSynRetrans)" "SYN and SYN-ACK"
	is "$(lines "$EVENTS" type=retransmit op=syn dport=9723 state=SYN_SENT) >= 1"
	is "$(lines "$EVENTS" type=retransmit op=synack sport=9723 state=SYN_RECV) >= 1"
}

# It waits for the window, according to the kernel.
persists() { [[ $(ss -Htno dport = ":$PORT") = *"timer:(persist,"* ]]; }

traffic_window()
{
	begin 9725
	ask client fill c
	WRITTEN=$ANSWER
	keep WRITTEN
	wait_until enough TcpExtTCPWinProbe 2
	wait_until persists
	ask server read s "$WRITTEN"
	end
}

@test "a closed window, its probes, and that it opens" {
	judge window
	same "$(lines "$EVENTS" type=window op=probe)" "$(counted TcpExtTCPWinProbe)"
	is "$(counted TcpExtTCPWinProbe) >= 2"
	in_order "op=closed snd_wnd=0 dport=9725" "type=window op=probe dport=9725" "op=opened dport=9725"
	# An ACK of data is reported as such, whatever the window does.
	same "$(sum bytes type=ack dport=9725)" "$WRITTEN"
}

traffic_keepalive()
{
	begin 9726
	ask client set c keepalive 1
	wait_until enough TcpExtTCPKeepAlive 2
	ask client set c keepalive 0
	end
}

@test "keepalives" {
	judge keepalive
	same "$(lines "$EVENTS" type=window op=keepalive dport=9726)" "$(counted TcpExtTCPKeepAlive)"
	is "$(counted TcpExtTCPKeepAlive) >= 2"
	same "$(counted TcpExtTCPWinProbe)" 0
	silent type=window op=probe
}

# queued NUMBER: connections in the accept queue, according to ss
queued() { [[ $(ss -Hltn "sport = :$PORT") = "LISTEN $1 "* ]]; }

traffic_backlog()
{
	local n
	PORT=9727
	counted_from_here
	peer_start client
	peer_start server
	# A backlog of 1 holds two connections.
	ask server listen l 127.0.0.1 9727 1
	ask client connect a 127.0.0.1 9727
	wait_until queued 1
	# Two half-open ones, whose ACKs are lost.
	drop_these 'tcp dport 9727 tcp flags & (syn | ack) == ack drop'
	ask client connect b 127.0.0.1 9727
	ask client connect c 127.0.0.1 9727
	drop_none
	# The next SYN-ACKs are acknowledged: one child fits, the other is refused.
	wait_until enough TcpExtListenOverflows 1
	# So is a SYN.
	ask client start d 127.0.0.1 9727
	wait_until enough TcpExtListenOverflows 2
	LISTENER=$(ss -Htlne sport = :9727)
	for n in 1 2 3; do
		ask server accept s$n l
	done
	wait_until fails ss_has state syn-sent dport = :9727
	counted_until_here
	keep PORT LISTENER
}

@test "a backlog of one, overrun by SYNs and by third segments" {
	local cookie
	judge backlog
	same "$(awk '{ print $2, $3 }' <<<"$LISTENER")" "2 1"
	same "$(lines "$EVENTS" type=drop op=accept_queue)" "$(counted TcpExtListenOverflows)"
	same "$(lines "$EVENTS" type=drop)" "$(counted TcpExtListenDrops)"
	is "$(lines "$EVENTS" type=drop op=accept_queue state=SYN_RECV backlog=2 backlog_max=1) >= 1"
	is "$(lines "$EVENTS" type=drop op=accept_queue state=LISTEN backlog=2 backlog_max=1) >= 1"
	# The listener, by its cookie.
	cookie=$(grep -oE 'sk:[0-9a-f]+' <<<"$LISTENER")
	SAID=$(picked "$EVENTS" type=drop | head -n 1)
	same "$(of listener)" $((16#${cookie#sk:}))
}

traffic_syn_queue()
{
	local n
	PORT=9728
	keep PORT
	peer_start client
	peer_start server
	# No SYN-ACK arrives.
	drop_these 'tcp sport 9728 tcp flags & (syn | ack) == (syn | ack) drop'
	echo 0 >/proc/sys/net/ipv4/tcp_syncookies
	counted_from_here
	ask server listen l 127.0.0.1 9728 3
	for n in 1 2 3 4 5 6 7; do
		ask client start c$n 127.0.0.1 9728
	done
	wait_until enough TcpExtTCPReqQFullDrop 3
	echo 1 >/proc/sys/net/ipv4/tcp_syncookies
	for n in 1 2 3; do
		ask client start d$n 127.0.0.1 9728
	done
	wait_until enough TcpExtTCPReqQFullDoCookies 3
	# The listener closes first: from then on no SYN is counted.
	ask server close l
	for n in c1 c2 c3 c4 c5 c6 c7 d1 d2 d3; do
		ask client close $n
	done
	over
	drop_none
}

@test "a SYN queue that is full: SYN cookies, and none" {
	judge syn_queue
	same "$(lines "$EVENTS" type=drop op=syn_queue state=LISTEN)" "$(counted TcpExtTCPReqQFullDrop)"
	same "$(lines "$EVENTS" type=request op=cookie state=LISTEN cookie=0)" "$(counted TcpExtTCPReqQFullDoCookies)"
	is "$(counted TcpExtTCPReqQFullDrop) >= 3 && $(counted TcpExtTCPReqQFullDoCookies) >= 3"
	SAID=$(picked "$EVENTS" type=drop op=syn_queue | head -n 1)
	same "$(of syn_backlog) $(of backlog_max)" "4 3"
}

# The connection whose second segment was retransmitted.
@test "as text" {
	local text=$BATS_TEST_TMPDIR/text
	judge timer
	tcptrace-ctl watch --source="$RECORDED/recording" "$PORT" >"$text"
	grep -E ' retransmits seq=[0-9?]+ len=200: RTO expired, [0-9.]+(ms|s) ' "$text" || { cat "$text"; return 1; }
}

# The router has a smaller MTU: 552 bytes, the least that this host believes.
traffic_pmtu()
{
	begin_with_wire 9733
	ask wire ack -2144
	ask wire unreachable 4 552
	ask wire expect A 512
	ask wire ack 1632
	ask wire send A
	end_with_wire
}

@test "retransmitted because the path's MTU is smaller: no loss, and no timeout" {
	judge pmtu
	is "$(lines "$EVENTS" type=retransmit op=pmtu) > 0"
	is "$(sum segments type=retransmit) == $(counted TcpRetransSegs)"
	same "$(lines "$EVENTS" type=retransmit "op=(loss|rto|fast)") $(counted TcpExtTCPTimeouts)" "0 0"
}
