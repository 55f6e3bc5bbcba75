# SPDX-License-Identifier: GPL-2.0-only
# Level segment: each segment once where it is sent and once where it comes, as tcpdump has it.

load helper
load watch
setup()
{
	common_setup
	load_source
	counted_from_here
}
teardown()
{
	ip link set lo mtu 65536
	watch_teardown
}

# Each segment's sequence number, and its options in full.
SEGMENTS_AS=-vv

# begin PORT ADDRESS [CLIENT'S-ADDRESS]: client's socket c and server's s are connected, watched and captured
begin()
{
	PORT=$1
	witnesses_start
	peer_start client
	peer_start server
	watch_start --level=segment "$PORT"
	ask server listen l "$2" "$PORT"
	ask client connect c "${3-$2}" "$PORT"
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
}

# end: the client closes first
end()
{
	ask client close c
	ask server eof s
	ask server close s
	wait_until seen type=verdict sport="$PORT"
}

# compare_with_wire [VARIABLE=VALUE...]: of wire.awk; what the kernel merged is this namespace's, if none else is named
compare_with_wire()
{
	local arguments=() argument
	wait_until quiet_port "$PORT"
	watch_stop
	stop segments INT
	grep -q '^0 packets dropped by kernel' "$BATS_TEST_TMPDIR/segments.err"
	for argument in merged="$(counted TcpExtTCPBacklogCoalesce)" "$@"; do
		arguments+=(-v "$argument")
	done
	awk -f "$BATS_TEST_DIRNAME/wire.awk" "${arguments[@]}" "$(out_of segments)" "$EVENTS"
}

talk()
{
	local n
	for n in 1 100 5000; do
		ask client write c $n
		ask server read s $n
		ask server write s $((n * 3))
		ask client read c $((n * 3))
	done
}

@test "a whole connection: IPv4" {
	begin 9701 127.0.0.1
	talk
	end
	compare_with_wire wanted=30
	# Which sockets they were of, with the options that tcpdump has.
	of_syn mss
	of_syn wscale
	said type=segment dir=out flags=SYN mss=$MSS wscale=$WSCALE state=SYN_SENT
	said type=segment dir=in flags=SYN mss=$MSS wscale=$WSCALE state=LISTEN cookie=0
	said type=segment dir=out flags=SYN,ACK mss=$MSS wscale=$WSCALE state=SYN_RECV
	in_order "type=segment dir=in flags=SYN" "type=request op=open" "type=segment dir=out flags=SYN,ACK" \
		"type=segment dir=in flags=SYN,ACK" "type=state new=ESTABLISHED"
	# The window, scaled: what ss has for it, which is the peer's as the socket knows it.
	SAID=$(picked "$EVENTS" type=segment dir=in flags=ACK | head -n 1)
	is "$(of win_scaled) == $(of win) << $WSCALE"
}

# of_syn OPTION: of the SYN, into a variable of its name in capitals
of_syn() { printf -v "${1^^}" %s "$(sed -nE "s/.* Flags \[S\],.*[ [,]$1 ([0-9]+).*/\1/p" "$(out_of segments)")"; }

@test "a whole connection: IPv6" {
	begin 9702 ::1
	talk
	end
	compare_with_wire wanted=30
}

@test "a whole connection: IPv4 of IPv6 sockets" {
	begin 9703 :: ::ffff:127.0.0.1
	talk
	end
	compare_with_wire wanted=30
	silent type=segment family=4
}

# How many the rule dropped, which has `counter` in it; it drops none from now on.
no_more_drops()
{
	nft insert rule inet test input accept
	DROPPED=$(nft list table inet test | sed -nE 's/.* counter packets ([0-9]+) .*/\1/p')
	dropped_no_more
}

@test "much data, and a window that closes" {
	# With the loopback's own MTU two full segments are more than a device takes at once: it would cut them, behind IP.
	ip link set lo mtu 1500
	begin 9704 127.0.0.1
	ask client fill c
	local written=$ANSWER
	wait_until grep -q ' win 0,' "$(out_of segments)"
	wait_until probes_are 2
	ask server read s "$written"
	end
	compare_with_wire wanted=20
	is "$(lines "$EVENTS" type=segment dir=in win=0 win_scaled=0) > 0"
	is "$(lines "$EVENTS" type=segment dir=out win=0 win_scaled=0 sport=9704) > 0"
	# Its probes, where they come.
	same "$(lines "$EVENTS" type=segment dir=in probe=true sport=9704)" "$(counted TcpExtTCPWinProbe)"
	said type=verdict sport=9704 bytes_in="$written"
}
probes_are() { (($(counted TcpExtTCPWinProbe) >= $1)); }

@test "reset, refused, and what comes to nobody" {
	begin 9705 127.0.0.1
	ask client write c 10
	wait_until seen type=recv op=queued sport=9705
	ask server close s
	wait_until seen type=verdict dport=9705
	ask server close l
	asked_fails ECONNREFUSED client connect d 127.0.0.1 9705
	# The SYN found no socket.
	compare_with_wire unheard=1 wanted=14
	said type=segment dir=out flags=RST,ACK
	is "$(lines "$EVENTS" type=segment dir=in 'flags=RST,ACK') == 2"
	said type=reset op=replied
}

@test "a request socket: SYN and SYN-ACK again, an ACK that is lost" {
	witnesses_start
	peer_start client
	peer_start server
	watch_start --level=segment 9706
	PORT=9706
	ask server listen l 127.0.0.1 9706
	# The SYN-ACKs come to nobody, so both are sent again.
	drop 'tcp sport 9706 tcp flags & (syn | ack) == (syn | ack) counter drop'
	tell client connect c 127.0.0.1 9706
	wait_until has_line "$(out_of segments)" '*Flags \[S\]*'
	wait_until again
	no_more_drops
	hear client
	like "$ANSWER" "ok *"
	PORT_OF_CLIENT=${ANSWER#ok }
	ask server accept s l
	end
	compare_with_wire unheard=$DROPPED wanted=12
	is "$(lines "$EVENTS" type=segment dir=out flags=SYN,ACK state=SYN_RECV) >= 2"
	# The second SYN came to the request socket.
	is "$(lines "$EVENTS" type=segment dir=in flags=SYN state=SYN_RECV duplicate=1) >= 1"
}
again() { is "$(lines_of_wire 'Flags \[S\]') >= 2 && $(lines_of_wire 'Flags \[S\.\]') >= 2" >/dev/null; }
lines_of_wire() { grep -c "$1" "$(out_of segments)" || true; }

@test "a timewait socket: the FIN again" {
	begin 9707 127.0.0.1
	# The last ACK comes to nobody: the FIN is sent again, to TIME_WAIT.
	ask client shutdown c wr
	ask server eof s
	drop 'tcp dport 9707 tcp flags & (fin | syn | rst | ack) == ack counter drop'
	ask server close s
	wait_until seen type=timewait op=restart
	no_more_drops
	ask client close c
	wait_until seen type=verdict sport=9707
	compare_with_wire unheard=$DROPPED wanted=10
	is "$(lines "$EVENTS" type=segment dir=in flags=FIN,ACK state=TIME_WAIT duplicate=1) >= 1"
	is "$(lines "$EVENTS" type=segment dir=out flags=ACK state=TIME_WAIT) >= 1"
}

@test "a timewait socket of IPv6, and its reuse by a SYN" {
	local first
	begin 9708 ::1
	ask client write c 5
	ask server read s 5
	# The server closes first, so that its end is in TIME_WAIT.
	ask server close s
	ask client eof c
	ask client close c
	wait_until seen type=verdict sport=9708
	first=$PORT_OF_CLIENT
	ask client reuse
	ask client connect d ::1 9708 "$first"
	ask server accept s l
	ask client close d
	ask server eof s
	ask server close s
	wait_until quiet_port 9708
	compare_with_wire wanted=24
	said type=timewait op=killed
	# It came to the timewait socket, which handed it over.
	said type=segment dir=in flags=SYN state=TIME_WAIT
}

@test "lost, out of order, twice: SACK" {
	begin 9709 127.0.0.1
	# Segments of one MSS each, as on a network.
	ip link set lo mtu 1500
	ask client set c sndbuf 200000
	drop 'tcp dport 9709 meta length > 500 numgen inc mod 11 == 5 counter drop'
	tell client write c 100000
	ask server read s 100000
	hear client
	no_more_drops
	end
	is "$DROPPED > 0"
	compare_with_wire unheard=$DROPPED wanted=40
	is "$(lines "$EVENTS" type=segment dir=in 'gap=[0-9]+') > 0"
	is "$(lines "$EVENTS" type=segment dir=out 'sacks=[0-9]') > 0"
	# Each SACK that came, as tcpdump has it, by its first block.
	same "$(sed -nE 's/.*[ ,]sack [0-9]+ \{([0-9]+):([0-9]+)\}.*/\1 \2/p' "$(out_of segments)" | sort -u)" \
		"$(picked "$EVENTS" type=segment dir=in 'sacks=[0-9]' | sed -nE 's/.* sack_from=([0-9]+) sack_to=([0-9]+) .*/\1 \2/p' | sort -u)"
}

@test "out of order and twice, as who sends it knows, and the DSACKs that tell it" {
	local first
	PORT=9712
	peer_start app
	wire_start
	witnesses_start wire0
	watch_start --level=segment 9712
	ask app listen l 10.7.0.1 9712
	ask wire ports 40000 9712
	ask wire sacks
	ask wire send S
	ask wire expect SA
	ask wire send A
	ask app accept s l
	# The second hundred bytes come first and twice, and then the first, twice.
	ask wire seq 100
	ask wire send A 100
	ask wire again
	ask wire seq -200
	ask wire send A 100
	first=$ANSWER
	ask wire again
	ask app read s 200
	ask app close s
	ask wire expect FA
	ask wire seq 100
	ask wire send FA
	ask wire expect A
	wait_until seen type=verdict sport=9712
	compare_with_wire here=10.7.0.1 wanted=12
	same "$(lines "$EVENTS" type=segment dir=in len=100 gap=100)" 2
	same "$(lines "$EVENTS" type=segment dir=in len=100 duplicate=100)" 1
	same "$(counted TcpExtTCPOFOQueue)" 2
	same "$(counted TcpExtTCPDSACKOfoSent) $(counted TcpExtTCPDSACKOldSent)" "1 1"
	said type=segment dir=out dsack=true sack_from="$first" sack_to=$((first + 100))
}

@test "in two namespaces, over veth" {
	add_netns a
	add_netns b
	ip -n a link add v0 type veth peer name v0 netns b
	ip -n a addr add 10.7.0.1/24 dev v0
	ip -n b addr add 10.7.0.2/24 dev v0
	ip -n a link set v0 up
	ip -n b link set v0 up
	# What is too long for the link stays in one piece, as IP had it.
	ip netns exec a ethtool -K v0 gro off >/dev/null 2>&1 || true
	ip netns exec b ethtool -K v0 gro off >/dev/null 2>&1 || true
	PORT=9710
	watch_start --level=segment 9710
	spawn segments nsenter "$(netns b)" tcpdump -i v0 -n -S -vv -l --immediate-mode -B 8192 tcp
	wait_until has_line "$BATS_TEST_TMPDIR/segments.err" '*listening on *'
	nsenter "$(netns b)" nc -l 10.7.0.2 9710 >"$BATS_TEST_TMPDIR/got" 3>&- &
	JOBS[server]=$!
	wait_until b_listens
	head -c 20000 /dev/zero | nsenter "$(netns a)" nc -N 10.7.0.2 9710 3>&-
	wait_until seen type=verdict sport=9710
	finish server
	compare_with_wire wanted=16 merged=$(($(merged_in a) + $(merged_in b)))
	same "$(picked "$EVENTS" type=segment sport=9710 | grep -oE ' netns=[0-9]+' | sort -u)" " netns=$(netns_inode b)"
	same "$(picked "$EVENTS" type=segment dport=9710 | grep -oE ' netns=[0-9]+' | sort -u)" " netns=$(netns_inode a)"
}

merged_in() { nsenter "$(netns "$1")" nstat -asz TcpExtTCPBacklogCoalesce | awk '/Coalesce/ { print $2 }'; }
b_listens() { [[ -n $(nsenter "$(netns b)" ss -Htln sport = :9710) ]]; }

@test "nothing of this level is armed for who asks for less" {
	watch_start --level=queue 9711
	fails armed tcp_v4_do_rcv
	fails armed ip_queue_xmit
	spawn other tcptrace-ctl watch --json --level=segment 9711
	wait_until asking_are 2
	armed tcp_v4_do_rcv
	armed ip_queue_xmit
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9711
	ask client connect c 127.0.0.1 9711
	ask server accept s l
	ask client close c
	ask server eof s
	ask server close s
	wait_until seen type=verdict sport=9711
	stop other INT
	watch_stop
	silent type=segment
	fails armed tcp_v4_do_rcv
	grep -q '"type":"segment"' "$(out_of other)"
}
