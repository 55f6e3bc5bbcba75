# SPDX-License-Identifier: GPL-2.0-only
# Drops with the kernel's reason, and unusual connections: of MPTCP, to oneself, with deferred accept.

load recorded
setup_file() { recorded; }

# shellcheck disable=SC2034 # of traffic.bash
RECORD_LEVEL=segment

# over: the client closes first
over()
{
	ask client close c
	ask server eof s
	ask server close s
	wait_until quiet_port "$PORT"
}

# The tracepoint skb:kfree_skb knows no ports, so it is enabled only while no other segments are under way.
DROPS=$TRACE/events/skb/kfree_skb/enable

traffic_cleanup()
{
	nft delete table inet test
	tc qdisc del dev lo root
	echo 0 >"$DROPS"
} 2>/dev/null

# drops_begin, drops_end: from one to the other the tracepoint is recorded, for this traffic alone; then in the file freed
drops_begin()
{
	DROPS_BEFORE=$(grep -c kfree_skb: $TRACE/trace) || true
	echo 1 >"$DROPS"
}
drops_end()
{
	echo 0 >"$DROPS"
	grep kfree_skb: $TRACE/trace | tail -n +$((DROPS_BEFORE + 1)) >"$BATS_TEST_TMPDIR/freed"
}

# freed TRACE REASON: how often the tracepoint gave this reason, for IPv4
freed() { grep -cE "protocol=2048 .*reason: $2\$" "$1" || true; }
freed_so() { (($(freed $TRACE/trace "$1") >= $2)); }

traffic_dropped()
{
	grep -q ' reason;' /sys/kernel/tracing/events/skb/kfree_skb/format || skip "this kernel drops without a reason (until 5.16)"
	drops_begin
	connected 9731
	ask client write c 100
	ask server read s 100
	# By a rule; and then, what was already there.
	drop tcp sport 9731 drop
	ask client write c 1000
	wait_until freed_so TCP_OLD_DATA 1
	dropped_no_more
	ask server read s 1000
	over
	ask server close l
	asked_fails ECONNREFUSED client connect e 127.0.0.1 9731
	wait_until freed_so NO_SOCKET 1
	drops_end
}

@test "dropped, and the kernel's reason" {
	local reason
	judge dropped
	for reason in NETFILTER_DROP TCP_OLD_DATA NO_SOCKET; do
		same "$(lines "$EVENTS" type=drop op=segment reason=$reason)" "$(freed "$KEPT/freed" $reason)" $reason
		is "$(freed "$KEPT/freed" $reason) > 0"
	done
	silent type=drop reason=QUEUE_PURGE
	# The SYN that nobody accepted, as it arrived.
	said type=drop op=segment reason=NO_SOCKET flags=SYN sport=9731 dir=in
}

traffic_disciplined()
{
	grep -q ' reason;' /sys/kernel/tracing/events/skb/kfree_skb/format || skip "this kernel drops without a reason (until 5.16)"
	connected 9732
	# It holds two segments, and frees the others as a list.
	tc qdisc add dev lo root netem limit 2 delay 100ms
	drops_begin
	tell client write c 500000
	ask server read s 500000
	hear client
	DISCARDED=$(tc -s qdisc show dev lo | sed -n 's/.*(dropped \([0-9]*\),.*/\1/p')
	drops_end
	tc qdisc del dev lo root
	keep DISCARDED
	over
}

@test "dropped by the sender's queueing discipline" {
	judge disciplined
	is "$(freed "$KEPT/freed" QDISC_DROP) > 0"
	same "$(lines "$EVENTS" type=drop op=segment reason=QDISC_DROP)" "$(freed "$KEPT/freed" QDISC_DROP)"
	# A segment may stand for many, which the discipline counts.
	is "DISCARDED >= $(freed "$KEPT/freed" QDISC_DROP)"
	# Each of the endpoint that sent it.
	same "$(lines "$EVENTS" type=drop op=segment reason=QDISC_DROP dir=out)" "$(lines "$EVENTS" type=drop op=segment reason=QDISC_DROP)"
	is "$(lines "$EVENTS" type=drop op=segment reason=QDISC_DROP dport=9732 dir=out) > 0"
}

traffic_mptcp()
{
	[[ -e /proc/sys/net/mptcp/enabled ]] || skip "this kernel has no MPTCP"
	peer_start client
	peer_start server
	ask client mptcp
	ask server mptcp
	connected 9733
	ask client write c 100
	ask server read s 100
	BY_SS=$(ss -Htni dport = :9733)
	keep BY_SS
	over
}

@test "subflows of MPTCP are told apart" {
	judge mptcp
	# According to ss, too, it is one of MPTCP.
	like "$BY_SS" "*tcp-ulp-mptcp*"
	is "$(lines "$EVENTS" type=segment mptcp=true sport=9733) > 0"
	is "$(lines "$EVENTS" type=segment mptcp=true dport=9733) > 0"
	is "$(lines "$EVENTS" type=state mptcp=true new=ESTABLISHED) == 2"
	said type=verdict sport=9733
}

traffic_plain()
{
	connected 9734
	over
}

@test "plain TCP is not MPTCP" {
	judge plain
	said type=verdict $SERVER
	silent mptcp=true
}

traffic_itself()
{
	PORT=9735
	counted_from_here
	peer_start client
	ask client connect c 127.0.0.1 9735 9735
	ask client write c 10
	ask client read c 10
	ask client close c
	wait_until quiet_port 9735
	MERGED=$(counted TcpExtTCPBacklogCoalesce)
	keep PORT MERGED
}

@test "a socket that connects to itself" {
	judge itself
	# With -vv, tcpdump prints each segment's sequence number.
	tcpdump -n -S -vv -r "$RECORDED/segments.pcap" tcp port 9735 >"$BATS_TEST_TMPDIR/segments" 2>/dev/null
	awk -f "$BATS_TEST_DIRNAME/wire.awk" -v wanted=10 -v merged="$MERGED" "$BATS_TEST_TMPDIR/segments" "$EVENTS"
	said type=verdict sport=9735 dport=9735 how=simultaneous
	same "$(picked "$EVENTS" cookie='[1-9][0-9]*' | grep -oE ' cookie=[0-9]+' | sort -u | awk 'END { print NR }')" 1
}

# The kernel has counted an ACK that does not establish a connection yet.
deferred() { (($(counted TcpExtTCPDeferAcceptDrop) > 0)); }

traffic_deferred()
{
	PORT=9736
	keep PORT
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9736
	ask server set l defer 30
	counted_from_here
	ask client connect c 127.0.0.1 9736
	wait_until deferred
	# The client is connected, the server's connection is half-open.
	ss_has state syn-recv sport = :9736
	ss_has state established dport = :9736
	ask client write c 10
	ask server accept s l
	ask server read s 10
	over
}

@test "accept deferred until data come" {
	judge deferred
	in_order "type=request op=open" "type=segment dir=in flags=ACK state=SYN_RECV len=0 sport=9736" \
		"type=segment dir=in state=SYN_RECV len=10" "type=request op=acked sport=9736" "type=accept"
	# Not before that.
	said type=request op=acked sport=9736
}
