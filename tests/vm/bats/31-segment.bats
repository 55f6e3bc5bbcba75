# SPDX-License-Identifier: GPL-2.0-only
# Level segment: each segment once where it is sent and once where it is received, compared with tcpdump.

load recorded
setup_file() { recorded; }

RECORD_LEVEL=segment
UNRECORDED=nothing_armed

# begin PORT ADDRESS [CLIENT-ADDRESS]: connects the client's socket c and the server's s; the kernel's counters count
# from here
begin()
{
	PORT=$1
	counted_from_here
	peer_start client
	peer_start server
	ask server listen l "$2" "$PORT"
	ask client connect c "${3-$2}" "$PORT"
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
	keep PORT
}

# Only listeners and TIME_WAITs are left on PORT, and counting ends.
over()
{
	wait_until quiet_port "$PORT"
	counted_until_here
}

# end: the client closes first
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
	[[ $(</sys/class/net/lo/mtu) = 65536 ]] || ip link set lo mtu 65536
	[[ ! ${DROPPING-} ]] || nft delete table inet test
}

# How many segments the rule dropped, which contains `counter`. It drops from drop_counted until no_more_drops.
drop_counted()
{
	DROPPING=1
	drop "$@"
}
no_more_drops()
{
	nft insert rule inet test input accept
	DROPPED=$(nft list table inet test | sed -nE 's/.* counter packets ([0-9]+) .*/\1/p')
	dropped_no_more
	DROPPING=''
	keep DROPPED
}

# compare_with_wire [VARIABLE=VALUE...]: variables of wire.awk. WIRE is what tcpdump saw on PORT, with each segment's
# sequence number and all options; what the kernel merged is what it counted.
compare_with_wire()
{
	WIRE=$BATS_TEST_TMPDIR/wire
	tcpdump -n -S -vv -r "$RECORDED/segments.pcap" "tcp port $PORT" >"$WIRE" 2>"$WIRE.err"
	compare_with "$WIRE" merged="$(counted TcpExtTCPBacklogCoalesce)" "$@"
}

# compare_with FILE [VARIABLE=VALUE...]
compare_with()
{
	local arguments=() argument
	for argument in "${@:2}"; do
		arguments+=(-v "$argument")
	done
	awk -f "$BATS_TEST_DIRNAME/wire.awk" "${arguments[@]}" "$1" "$EVENTS"
}

# Ten segments with data, and any number of pure ACKs.
talk()
{
	local n
	for n in 1 10 100 1000 5000; do
		ask client write c $n
		ask server read s $n
		ask server write s $((n * 3))
		ask client read c $((n * 3))
	done
}

traffic_four()
{
	begin 9701 127.0.0.1
	talk
	end
}

@test "a whole connection: IPv4" {
	judge four
	compare_with_wire wanted=30
	# Which sockets the segments belonged to, with the options that tcpdump shows.
	of_syn mss
	of_syn wscale
	said type=segment dir=out flags=SYN mss=$MSS wscale=$WSCALE state=SYN_SENT
	said type=segment dir=in flags=SYN mss=$MSS wscale=$WSCALE state=LISTEN cookie=0
	said type=segment dir=out flags=SYN,ACK mss=$MSS wscale=$WSCALE state=SYN_RECV
	in_order "type=segment dir=in flags=SYN" "type=request op=open" "type=segment dir=out flags=SYN,ACK" \
		"type=segment dir=in flags=SYN,ACK" "type=state new=ESTABLISHED"
	# The window, scaled: ss shows the peer's window as the socket knows it.
	SAID=$(picked "$EVENTS" type=segment dir=in flags=ACK | head -n 1)
	is "$(of win_scaled) == $(of win) << $WSCALE"
}

# of_syn OPTION: the SYN's option, into a variable with its name in capitals
of_syn() { printf -v "${1^^}" %s "$(sed -nE "s/.* Flags \[S\],.*[ [,]$1 ([0-9]+).*/\1/p" "$WIRE")"; }

traffic_six()
{
	begin 9702 ::1
	talk
	end
}

@test "a whole connection: IPv6" {
	judge six
	compare_with_wire wanted=30
}

traffic_mapped()
{
	begin 9703 :: ::ffff:127.0.0.1
	talk
	end
}

@test "a whole connection: IPv4 of IPv6 sockets" {
	judge mapped
	compare_with_wire wanted=30
	silent type=segment family=4
}

traffic_window()
{
	# With the loopback's own MTU, two full segments are more than a device takes at once: they would be cut below
	# IP.
	ip link set lo mtu 1500
	begin 9704 127.0.0.1
	ask client fill c
	WRITTEN=$ANSWER
	keep WRITTEN
	# It probes whether the window is open again.
	wait_until enough TcpExtTCPWinProbe 2
	ask server read s "$WRITTEN"
	end
}

@test "much data, and a window that closes" {
	judge window
	compare_with_wire wanted=20
	is "$(grep -c ' win 0,' "$WIRE") > 0"
	is "$(lines "$EVENTS" type=segment dir=in win=0 win_scaled=0) > 0"
	is "$(lines "$EVENTS" type=segment dir=out win=0 win_scaled=0 sport=9704) > 0"
	# Its probes, where they arrive.
	same "$(lines "$EVENTS" type=segment dir=in probe=true sport=9704)" "$(counted TcpExtTCPWinProbe)"
	is "$(counted TcpExtTCPWinProbe) >= 2"
	said type=verdict sport=9704 bytes_in="$WRITTEN"
}

# unread BYTES, acknowledged: according to the applications' own ioctl() calls
unread()
{
	ask server queues s
	[[ $ANSWER = "$1 "* ]]
}
acknowledged()
{
	ask client queues c
	[[ $ANSWER = "0 0 0" ]]
}

traffic_refused()
{
	begin 9705 127.0.0.1
	ask client write c 10
	wait_until unread 10
	wait_until acknowledged
	ask server close s
	wait_until quiet_port 9705
	ask server close l
	asked_fails ECONNREFUSED client connect d 127.0.0.1 9705
	over
}

@test "reset, refused, and what comes to nobody" {
	judge refused
	# The SYN found no socket.
	compare_with_wire unheard=1 wanted=14
	said type=segment dir=out flags=RST,ACK
	is "$(lines "$EVENTS" type=segment dir=in 'flags=RST,ACK') == 2"
	said type=reset op=replied
}

# The kernel counts each retransmitted SYN and SYN-ACK, and each timer that retransmitted one: a SYN-ACK without a timer
# answers a retransmitted SYN.
answered_again() { (($(counted TcpRetransSegs) > $(counted TcpExtTCPTimeouts))); }

traffic_request()
{
	PORT=9706
	keep PORT
	counted_from_here
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9706
	# The SYN-ACKs are lost, so both are retransmitted.
	drop_counted 'tcp sport 9706 tcp flags & (syn | ack) == (syn | ack) counter drop'
	tell client connect c 127.0.0.1 9706
	wait_until answered_again
	no_more_drops
	hear client
	like "$ANSWER" "ok *"
	ask server accept s l
	end
}

@test "a request socket: SYN and SYN-ACK retransmitted, an ACK that is lost" {
	judge request
	compare_with_wire unheard=$DROPPED wanted=12
	is "$(grep -c 'Flags \[S\]' "$WIRE") >= 2 && $(grep -c 'Flags \[S\.\]' "$WIRE") >= 2"
	is "$(lines "$EVENTS" type=segment dir=out flags=SYN,ACK state=SYN_RECV) >= 2"
	# The second SYN was received by the request socket.
	is "$(lines "$EVENTS" type=segment dir=in flags=SYN state=SYN_RECV duplicate=1) >= 1"
}

traffic_timewait()
{
	begin 9707 127.0.0.1
	# The last ACK is lost: the FIN is retransmitted to the TIME_WAIT.
	ask client shutdown c wr
	ask server eof s
	drop_counted 'tcp dport 9707 tcp flags & (fin | syn | rst | ack) == ack counter drop'
	ask server close s
	wait_until enough TcpRetransSegs 1
	no_more_drops
	ask client close c
	over
}

@test "a timewait socket: the FIN again" {
	judge timewait
	is "$DROPPED > 0"
	compare_with_wire unheard=$DROPPED wanted=10
	is "$(lines "$EVENTS" type=timewait op=restart) >= 1"
	is "$(lines "$EVENTS" type=segment dir=in flags=FIN,ACK state=TIME_WAIT duplicate=1) >= 1"
	is "$(lines "$EVENTS" type=segment dir=out flags=ACK state=TIME_WAIT) >= 1"
}

traffic_reuse()
{
	begin 9708 ::1
	ask client write c 5
	ask server read s 5
	# The server closes first, so that its endpoint is in TIME_WAIT.
	ask server close s
	ask client eof c
	ask client close c
	wait_until quiet_port 9708
	ask client reuse
	ask client connect d ::1 9708 "$PORT_OF_CLIENT"
	ask server accept s l
	ask client close d
	ask server eof s
	ask server close s
	over
}

@test "a timewait socket of IPv6, and its reuse by a SYN" {
	judge reuse
	compare_with_wire wanted=24
	said type=timewait op=killed
	# The timewait socket received it, and handed it over to the listener.
	said type=segment dir=in flags=SYN state=TIME_WAIT
}

traffic_lost()
{
	begin 9709 127.0.0.1
	# Segments of one MSS each, as on a network.
	ip link set lo mtu 1500
	ask client set c sndbuf 200000
	drop_counted 'tcp dport 9709 meta length > 500 numgen inc mod 11 == 5 counter drop'
	tell client write c 100000
	ask server read s 100000
	hear client
	no_more_drops
	end
}

@test "lost, out of order, twice: SACK" {
	judge lost
	is "$DROPPED > 0"
	compare_with_wire unheard=$DROPPED wanted=40
	is "$(lines "$EVENTS" type=segment dir=in 'gap=[0-9]+') > 0"
	is "$(lines "$EVENTS" type=segment dir=out 'sacks=[0-9]') > 0"
	# Each received SACK, according to tcpdump, by its first block.
	same "$(sed -nE 's/.*[ ,]sack [0-9]+ \{([0-9]+):([0-9]+)\}.*/\1 \2/p' "$WIRE" | sort -u)" \
		"$(picked "$EVENTS" type=segment dir=in 'sacks=[0-9]' | sed -nE 's/.* sack_from=([0-9]+) sack_to=([0-9]+) .*/\1 \2/p' | sort -u)"
}

traffic_disorder()
{
	PORT=9712
	counted_from_here
	peer_start app
	wire_start
	ask app listen l 10.7.0.1 9712
	ask wire ports 40000 9712
	ask wire sacks
	ask wire send S
	ask wire expect SA
	ask wire send A
	ask app accept s l
	# The second hundred bytes arrive first and twice, and then the first hundred, twice.
	ask wire seq 100
	ask wire send A 100
	ask wire again
	ask wire seq -200
	ask wire send A 100
	FIRST=$ANSWER
	keep PORT FIRST
	ask wire again
	ask app read s 200
	ask app close s
	ask wire expect FA
	ask wire seq 100
	ask wire send FA
	ask wire expect A
	over
}

@test "out of order and twice, as who sends it knows, and the DSACKs that tell it" {
	judge disorder
	compare_with_wire here=10.7.0.1 wanted=12
	same "$(lines "$EVENTS" type=segment dir=in len=100 gap=100)" 2
	same "$(lines "$EVENTS" type=segment dir=in len=100 duplicate=100)" 1
	same "$(counted TcpExtTCPOFOQueue)" 2
	same "$(counted TcpExtTCPDSACKOfoSent) $(counted TcpExtTCPDSACKOldSent)" "1 1"
	said type=segment dir=out dsack=true sack_from="$FIRST" sack_to=$((FIRST + 100))
}

# Only a and b use the link, so it has a tcpdump of its own, which ends when it has seen a last datagram.
traffic_namespaces()
{
	PORT=9710
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
	spawn wire nsenter "$(netns b)" tcpdump -i v0 -n -S -vv -s 160 -l --immediate-mode -B 8192 "tcp or udp port $LAST_PORT"
	peer_start client nsenter "$(netns a)" peer
	peer_start server nsenter "$(netns b)" peer
	wait_until has_line "$BATS_TEST_TMPDIR/wire.err" '*listening on *'
	ask server listen l 10.7.0.2 9710
	ask client connect c 10.7.0.2 9710
	ask server accept s l
	ask client write c 20000
	ask client close c
	ask server eof s
	ask server close s
	wait_until b_is_quiet
	nsenter "$(netns b)" bash -c "echo >/dev/udp/10.7.0.1/$LAST_PORT"
	wait_until has_line "$(out_of wire)" "*> 10.7.0.1.$LAST_PORT: *"
	stop wire INT
	MERGED=$(($(merged_in a) + $(merged_in b))) NETNS_A=$(netns_inode a) NETNS_B=$(netns_inode b)
	keep PORT MERGED NETNS_A NETNS_B
}

# No TIME_WAIT of a client is waited for: it is in a.
b_is_quiet() { [[ -z $(nsenter "$(netns b)" ss -Htn) ]]; }

# Everything that the namespace has counted.
merged_in() { nsenter "$(netns "$1")" busybox cat /proc/net/netstat | kernel_counter TcpExtTCPBacklogCoalesce; }

@test "in two namespaces, over veth" {
	judge namespaces
	grep -q '^0 packets dropped by kernel' "$KEPT/wire.err"
	compare_with "$(out_of wire)" wanted=16 merged="$MERGED"
	same "$(picked "$EVENTS" type=segment sport=9710 | grep -oE ' netns=[0-9]+' | sort -u)" " netns=$NETNS_B"
	same "$(picked "$EVENTS" type=segment dport=9710 | grep -oE ' netns=[0-9]+' | sort -u)" " netns=$NETNS_A"
}

# Two readers of its own, while nothing else is recorded.
traffic_nothing_armed()
{
	PORT=9711
	keep PORT
	watch_start --level=queue 9711
	fails armed tcp_v4_do_rcv
	fails armed ip_queue_xmit
	spawn other tcptrace-ctl watch --source="$SOURCE" --json --level=segment 9711
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
	wait_until quiet_port 9711
	stop other INT
	stop watch INT
	fails armed tcp_v4_do_rcv
}

@test "nothing of this level is armed for who asks for less" {
	judge nothing_armed
	# Here the recording starts only later.
	silent sport=9711
	same "$(<"$KEPT/watch.err")" ""
	json_lines "$(out_of watch)" >"$EVENTS"
	is "$(lines "$EVENTS" type=lost lost=0 unknown=0 missed=0 model_full=0) == 1"
	said type=verdict sport=9711
	silent type=segment
	grep -q '"type":"segment"' "$(out_of other)"
}
