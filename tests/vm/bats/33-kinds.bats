# SPDX-License-Identifier: GPL-2.0-only
# Drops with the kernel's reason, and connections of unusual kinds: MPTCP's, one's own, with deferred accept.

load helper
load watch
setup()
{
	common_setup
	load_source
}
teardown()
{
	[[ ! -d $TRACE ]] || echo 0 >$TRACE/events/skb/kfree_skb/enable
	watch_teardown
}

# begin PORT: client's socket c and server's s are connected, and watched
begin()
{
	PORT=$1
	peer_start client
	peer_start server
	watch_start --level=segment "$PORT"
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
}

# How often the kernel's tracepoint had this reason, of IPv4.
freed() { grep -cE "protocol=2048 .*reason: $1\$" $TRACE/trace || true; }
freed_so() { (($(freed "$1") >= $2)); }

@test "dropped, and the kernel's reason" {
	local reason
	grep -q ' reason;' /sys/kernel/tracing/events/skb/kfree_skb/format || skip "this kernel drops without a reason (until 5.16)"
	mkdir -p $TRACE
	: >$TRACE/trace
	echo 1 >$TRACE/events/skb/kfree_skb/enable
	begin 9731
	ask client write c 100
	ask server read s 100
	# By a rule; and then, what was there already.
	drop tcp sport 9731 drop
	ask client write c 1000
	wait_until freed_so TCP_OLD_DATA 1
	dropped_no_more
	ask server read s 1000
	end
	ask server close l
	asked_fails ECONNREFUSED client connect e 127.0.0.1 9731
	wait_until freed_so NO_SOCKET 1
	watch_stop
	cat $TRACE/trace >"$BATS_TEST_TMPDIR/trace"
	for reason in NETFILTER_DROP TCP_OLD_DATA NO_SOCKET; do
		same "$(lines "$EVENTS" type=drop op=segment reason=$reason)" "$(freed $reason)" $reason
		is "$(freed $reason) > 0"
	done
	silent type=drop reason=QUEUE_PURGE
	# The SYN that nobody wanted, as it came.
	said type=drop op=segment reason=NO_SOCKET flags=SYN sport=9731 dir=in
}

@test "subflows of MPTCP are told apart" {
	[[ -e /proc/sys/net/mptcp/enabled ]] || skip "this kernel has no MPTCP"
	PORT=9733
	peer_start client
	peer_start server
	watch_start --level=segment 9733
	ask client mptcp
	ask server mptcp
	ask server listen l 127.0.0.1 9733
	ask client connect c 127.0.0.1 9733
	ask server accept s l
	ask client write c 100
	ask server read s 100
	# By ss, too, it is one of MPTCP.
	like "$(ss -Htni dport = :9733)" "*tcp-ulp-mptcp*"
	end
	watch_stop
	is "$(lines "$EVENTS" type=segment mptcp=true sport=9733) > 0"
	is "$(lines "$EVENTS" type=segment mptcp=true dport=9733) > 0"
	is "$(lines "$EVENTS" type=state mptcp=true new=ESTABLISHED) == 2"
	said type=verdict sport=9733
}

@test "plain TCP is not MPTCP" {
	begin 9734
	end
	watch_stop
	silent mptcp=true
}

@test "a socket that connects to itself" {
	PORT=9735
	counted_from_here
	SEGMENTS_AS=-vv witnesses_start
	peer_start client
	watch_start --level=segment 9735
	ask client connect c 127.0.0.1 9735 9735
	ask client write c 10
	ask client read c 10
	ask client close c
	wait_until quiet_port 9735
	wait_until seen type=verdict sport=9735
	watch_stop
	stop segments INT
	awk -f "$BATS_TEST_DIRNAME/wire.awk" -v wanted=10 -v merged="$(counted TcpExtTCPBacklogCoalesce)" "$(out_of segments)" "$EVENTS"
	said type=verdict sport=9735 dport=9735 how=simultaneous
	same "$(picked "$EVENTS" cookie='[1-9][0-9]*' | grep -oE ' cookie=[0-9]+' | sort -u | awk 'END { print NR }')" 1
}

@test "accept deferred until data come" {
	PORT=9736
	peer_start client
	peer_start server
	watch_start --level=segment 9736
	ask server listen l 127.0.0.1 9736
	ask server set l defer 30
	ask client connect c 127.0.0.1 9736
	wait_until seen type=segment dir=in flags=ACK sport=9736 state=SYN_RECV
	# The client believes to be connected, the server has half a connection.
	wait_until ss_has state syn-recv sport = :9736
	fails seen type=request op=acked sport=9736
	ask client write c 10
	wait_until seen type=request op=acked sport=9736
	ask server accept s l
	ask server read s 10
	end
	watch_stop
	in_order "type=request op=open" "type=segment dir=in flags=ACK state=SYN_RECV len=0" \
		"type=segment dir=in state=SYN_RECV len=10" "type=request op=acked" "type=accept"
}
