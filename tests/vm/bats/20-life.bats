# SPDX-License-Identifier: GPL-2.0-only
# How connections are established, or are not: what watch shows, compared with the wire, ss and the kernel's counters.

load recorded
setup_file() { recorded; }

# Only listeners and TIME_WAITs are left on PORT.
over() { wait_until quiet_port "$PORT"; }

traffic_cleanup()
{
	nft delete table inet test 2>/dev/null
	sysctl -qw net.ipv4.tcp_syn_retries=6 net.ipv4.tcp_synack_retries=5
}

# ss shows a listener's backlog as Send-Q.
three_listen()
{
	LISTENERS=$(ss -Hltn sport = :9601 or sport = :9602)
	[[ $LISTENERS = *$'\n'*$'\n'* ]]
}

traffic_listeners()
{
	spawn four nc -l 127.0.0.1 9601
	spawn six nc -6 -l ::1 9601
	peer_start both
	ask both listen l :: 9602 7
	wait_until three_listen
	keep LISTENERS
	stop four || true
	stop six || true
	ask both close l
}

# send_queue ADDRESS: the Send-Q of a listener, according to ss
send_queue() { awk -v address="$1" '$4 == address { print $3 }' <<<"$LISTENERS"; }

@test "listeners begin and end, with their process" {
	judge listeners 9601 9602
	same "$(send_queue "*:9602")" 7
	said type=listen state=LISTEN family=4 saddr=127.0.0.1 sport=9601 comm=nc sendq="$(send_queue 127.0.0.1:9601)" recvq=0
	said type=listen state=CLOSE family=4 sport=9601 cookie="$(of cookie)" comm=nc
	said type=listen state=LISTEN family=6 saddr=::1 sport=9601 comm=nc
	said type=listen state=CLOSE family=6 saddr=::1 cookie="$(of cookie)"
	said type=listen state=LISTEN family=6 saddr=:: sport=9602 comm=peer pid="$(pid_of both)" \
		backlog_max=7 sendq=7
	said type=listen state=CLOSE saddr=:: cookie="$(of cookie)" pid="$(pid_of both)"
}

# The cookies according to ss, which prints them in hexadecimal.
both_established()
{
	ENDS=$(ss -Htane state established "( sport = :$PORT or dport = :$PORT )")
	[[ $ENDS = *$'\n'* ]]
}

# live ADDRESS LISTENING PORT: a handshake, data in both directions, a four-way close
live()
{
	PORT=$3
	peer_start client
	peer_start server
	ask server listen l "$2" "$PORT"
	ask client connect c "$1" "$PORT"
	PORT_OF_CLIENT=$ANSWER
	# accept() would not wait for it.
	wait_until both_established
	ask server accept s l
	same "$ANSWER" "$PORT_OF_CLIENT"
	ask client write c 1000
	ask server read s 1000
	ask server write s 20000
	ask client read c 20000
	ask client shutdown c wr
	wait_until client_is FIN-WAIT-2
	server_is CLOSE-WAIT
	ask server close s
	over
	client_is TIME-WAIT
	ask server close l
	keep PORT PORT_OF_CLIENT ENDS
}

# whole_life FAMILY-OF-CLIENT FAMILY-OF-SERVER: checks the connection made by live()
whole_life()
{
	local client="sport=$PORT_OF_CLIENT dport=$PORT family=$1" server="sport=$PORT dport=$PORT_OF_CLIENT family=$2"
	witnesses
	in_order "type=listen sport=$PORT state=LISTEN" \
		"type=connect $client state=SYN_SENT flags=SYN dir=out pid=$(pid_of client) comm=peer" \
		"type=request op=open $server old=LISTEN new=SYN_RECV flags=SYN dir=in" \
		"type=state $client old=SYN_SENT new=ESTABLISHED flags=SYN,ACK dir=in" \
		"type=request op=acked $server flags=ACK dir=in" \
		"type=state $server old=SYN_RECV new=ESTABLISHED" \
		"type=accept $server pid=$(pid_of server) comm=peer" \
		"type=shutdown op=shut_wr $client pid=$(pid_of client)" \
		"type=state $client old=ESTABLISHED new=FIN_WAIT1 flags=FIN,ACK dir=out" \
		"type=state $server old=ESTABLISHED new=CLOSE_WAIT flags=FIN,ACK dir=in" \
		"type=state $client old=FIN_WAIT1 new=FIN_WAIT2 flags=ACK dir=in" \
		"type=shutdown op=close $server pid=$(pid_of server)" \
		"type=state $server old=CLOSE_WAIT new=LAST_ACK flags=FIN,ACK dir=out" \
		"type=timewait op=begin $client old=FIN_WAIT2 new=TIME_WAIT flags=FIN,ACK dir=in timeout_ms=(60000|599[0-9][0-9])" \
		"type=state $server old=LAST_ACK new=CLOSE flags=ACK dir=in" \
		"type=listen sport=$PORT state=CLOSE"
	# Each of these appears once. An endpoint has the same cookie throughout, the one that ss shows.
	said type=connect
	like "$ENDS" "*:$PORT *$(printf ' sk:%x ' "$(of cookie)")*"
	is "$(lines "$EVENTS" "sport=$PORT_OF_CLIENT" cookie="$(of cookie)") == $(lines "$EVENTS" "sport=$PORT_OF_CLIENT")"
	said type=request op=open
	like "$ENDS" "*$(printf ' sk:%x ' "$(of cookie)")*"
	is "$(lines "$EVENTS" "dport=$PORT_OF_CLIENT" cookie="$(of cookie)") == $(lines "$EVENTS" "dport=$PORT_OF_CLIENT")"
	said type=request op=acked
	said type=accept
	said type=verdict "sport=$PORT_OF_CLIENT" how=four-way closed_by=local closed_pid="$(pid_of client)" \
		bytes_out=1000 bytes_in=20000 pid="$(pid_of client)"
	said type=verdict "sport=$PORT" how=four-way closed_by=remote closed_pid="$(pid_of client)" \
		bytes_in=1000 bytes_out=20000 pid="$(pid_of server)"
}

traffic_life_4()
{
	live 127.0.0.1 127.0.0.1 9611
}

@test "a whole life over IPv4" {
	judge life_4
	whole_life 4 4
}

traffic_life_6()
{
	live ::1 ::1 9612
}

@test "a whole life over IPv6" {
	judge life_6
	whole_life 6 6
}

traffic_life_4_at_6()
{
	live 127.0.0.1 :: 9613
}

@test "a whole life of an IPv4 client at an IPv6 listener" {
	judge life_4_at_6
	whole_life 4 6
	# The child is an IPv6 socket with IPv4-mapped addresses.
	is "$(lines "$EVENTS" sport=9613 saddr=::ffff:127.0.0.1 daddr=::ffff:127.0.0.1) > 5"
}

traffic_life_mapped()
{
	live ::ffff:127.0.0.1 127.0.0.1 9614
}

@test "a whole life of a mapped client at an IPv4 listener" {
	judge life_mapped
	whole_life 6 4
	is "$(lines "$EVENTS" dport=9614 saddr=::ffff:127.0.0.1 daddr=::ffff:127.0.0.1) > 5"
}

traffic_two_nc()
{
	local to_server to_client
	PORT=9615
	mkfifo "$BATS_TEST_TMPDIR"/{server,client}.say
	exec {to_server}<>"$BATS_TEST_TMPDIR/server.say" {to_client}<>"$BATS_TEST_TMPDIR/client.say"
	nc -l 127.0.0.1 9615 <"$BATS_TEST_TMPDIR/server.say" >"$BATS_TEST_TMPDIR/server.got" 3>&- &
	JOBS[server]=$!
	wait_until ss_has state listening sport = :9615
	nc 127.0.0.1 9615 <"$BATS_TEST_TMPDIR/client.say" >"$BATS_TEST_TMPDIR/client.got" 3>&- &
	JOBS[client]=$!
	echo "hello, server" >&"$to_client"
	wait_until has_line "$BATS_TEST_TMPDIR/server.got" "hello, server"
	PROCESSES=$(ss -Htnp state established "( sport = :9615 or dport = :9615 )")
	PID_client=$(pid_of client) PID_server=$(pid_of server)
	keep PORT PROCESSES PID_client PID_server
	# The kernel closes the sockets of a killed process.
	stop client TERM || true
	finish server || true
	over
}

@test "two nc: processes by name and pid, as ss has them" {
	judge two_nc
	witnesses
	like "$PROCESSES" "*127.0.0.1:9615 *:((\"nc\",pid=$(pid_of server),*"
	like "$PROCESSES" "*:9615 *:((\"nc\",pid=$(pid_of client),*"
	said type=listen state=LISTEN comm=nc pid="$(pid_of server)"
	said type=connect comm=nc pid="$(pid_of client)"
	said type=accept comm=nc pid="$(pid_of server)"
	said type=recv op=read bytes=14 comm=nc pid="$(pid_of server)"
	said type=shutdown op=close dport=9615 comm=nc pid="$(pid_of client)"
	said type=verdict dport=9615 closed_by=local closed_comm=nc closed_pid="$(pid_of client)" bytes_out=14
	said type=verdict sport=9615 closed_by=remote closed_pid="$(pid_of client)" comm=nc pid="$(pid_of server)" bytes_in=14
}

# Live, not from the recording: existing sockets are shown first.
traffic_text()
{
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9616
	spawn text tcptrace-ctl watch --source="$SOURCE" --absolute-seq 9616
	wait_until has_line "$(out_of text)" 'TIME *'
	ask client connect c 127.0.0.1 9616
	PORT=9616 PORT_OF_CLIENT=$ANSWER
	keep PORT PORT_OF_CLIENT
	# accept() would not wait for it.
	wait_until server_is ESTAB
	ask server accept s l
	ask client write c 5
	ask server read s 5
	ask client close c
	ask server eof s
	ask server close s
	wait_until has_line "$(out_of text)" "*== 127.0.0.1:9616 *"
	stop text INT
}

# of_segment FLAGS NAME: a number of the first segment with these flags, according to tcpdump
of_segment() { segments | grep -F " Flags [$1]," | head -n 1 | grep -oE "$2 [0-9]+" | cut -d ' ' -f 2; }

@test "the text says what the JSON says, with the segments of tcpdump" {
	local text before syn synack wscale win queue='*, accept queue 0/128 '
	judge text
	text=$(<"$(out_of text)")
	# The existing sockets come first, with their processes.
	before=${text%%CLOSE -> SYN_SENT*}
	like "$before" "*LISTEN * 0 *128 127.0.0.1:9616 *\** peer/$(pid_of server)"$'\n*'
	syn=$(of_segment S seq)
	synack=$(of_segment S. seq)
	wscale=$(of_segment S wscale)
	win=$(of_segment . win)
	is "syn && synack && wscale && win"
	local there="127.0.0.1:$PORT_OF_CLIENT > 127.0.0.1:9616" here="127.0.0.1:9616  < 127.0.0.1:$PORT_OF_CLIENT"
	like "$text" "*$there *CLOSE -> SYN_SENT *send SYN seq=$syn *peer/$(pid_of client)
*$here *LISTEN -> SYN_RECV *recv SYN seq=$syn mss=65495 wscale=$wscale, send SYN,ACK seq=$synack ack=$((syn + 1))
*$there *SYN_SENT -> ESTABLISHED *recv SYN,ACK seq=$synack ack=$((syn + 1)) win=65483 wscale=$wscale, send ACK *
*$here *SYN_RECV -> ESTABLISHED *recv ACK ack=$((synack + 1)) win=$win*
*$here * accept(), waited ${queue}*peer/$(pid_of server)
*$there * ESTABLISHED *0 *5 wrote 5 bytes*
*$here * 5 *0 received 5 bytes*
*$here * read 5 bytes, waited *
*$there *close()*
*$there *ESTABLISHED -> FIN_WAIT1 *send FIN,ACK seq=$((syn + 6)) ack=$((synack + 1)) *
*$here *ESTABLISHED -> CLOSE_WAIT *recv FIN,ACK seq=$((syn + 6)) *
*-- [1-9]* events from *, 0 lost"
	# No line has two commas in a row, and no number is missing.
	fails grep -E ', ,|, *$|\?' "$(out_of text)"
}

# waiting_are N: N connections are in the accept queue of 5, according to ss
waiting_are()
{
	local word
	read -ra word < <(ss -Hltn "sport = :$PORT")
	[[ ${word[*]:1:2} = "$1 5" ]]
}

traffic_accept_queue()
{
	local n
	PORT=9617
	keep PORT
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9617 5
	for n in 1 2 3; do
		ask client connect "c$n" 127.0.0.1 9617
	done
	wait_until waiting_are 3
	ask server accept s1 l
	ask server accept s2 l
	waiting_are 1
	ask server close l
}

@test "the accept queue, as ss has it" {
	judge accept_queue
	said type=listen state=CLOSE recvq=1 sendq=5
	# A request's own child is not counted, nor is an accepted one.
	same "$(picked "$EVENTS" type=request op=acked | grep -oE ' backlog=[0-9]+ backlog_max=[0-9]+')" "\
 backlog=0 backlog_max=5
 backlog=1 backlog_max=5
 backlog=2 backlog_max=5"
	same "$(picked "$EVENTS" type=accept 'listener=[1-9].*' | grep -oE ' backlog=[0-9]+')" " backlog=2
 backlog=1"
}

# half_open PORT: the client is connected, but its ACK does not reach the server
LAST_OF_HANDSHAKE="tcp flags & (syn | ack | rst | fin) == ack drop"
half_open()
{
	PORT=$1
	peer_start client
	peer_start server
	drop "tcp dport $PORT $LAST_OF_HANDSHAKE"
	half_connect
}
half_connect()
{
	ask server listen l 127.0.0.1 "$PORT"
	ask client connect c 127.0.0.1 "$PORT"
	PORT_OF_CLIENT=$ANSWER
	keep PORT PORT_OF_CLIENT
}

traffic_half_open()
{
	half_open 9621
	HALF_OPEN=$(ss -Htan state syn-recv sport = :9621)
	keep HALF_OPEN
	# A reader that starts later sees it, too.
	tcptrace-ctl watch --source="$SOURCE" --once --json 9621 >"$BATS_TEST_TMPDIR/once"
	server_is SYN-RECV
	dropped_no_more
	# The SYN-ACK is retransmitted, and this time its ACK arrives.
	ask server accept s l
	ask server close s
	ask client eof c
	ask client close c
	over
}

@test "half-open: SYN_RECV is there for ss and for watch, and goes on when the ACK comes" {
	local once=$BATS_TEST_TMPDIR/once opened
	judge half_open
	witnesses
	same "$(awk '{ print $1, $2, $3, $4 }' <<<"$HALF_OPEN")" "0 0 127.0.0.1:9621 127.0.0.1:$PORT_OF_CLIENT"
	# The reader that started later saw the same states as ss.
	json_lines "$KEPT/once" >"$once"
	is "$(lines "$once" type=snapshot state=SYN_RECV sport=9621 dport="$PORT_OF_CLIENT" recvq=0 sendq=0) == 1"
	is "$(lines "$once" type=snapshot state=ESTABLISHED dport=9621) == 1"
	is "$(lines "$once" type=snapshot) == 3"
	said type=request op=open
	opened=$(of cookie)
	said type=request op=acked cookie="$opened"
	is "$(of retransmits) >= 1"
	said type=verdict sport=9621 cookie="$opened" how="(three-way|four-way)" closed_by=local
	said type=accept
}

# Connections whose SYN is not answered, all at once, because each takes seconds. An ICMP error that arrives while
# connect() still holds the socket does not end it; the one in reply to the second SYN does.
traffic_timeouts()
{
	PORT=9622
	sysctl -qw net.ipv4.tcp_syn_retries=1 net.ipv4.tcp_synack_retries=1
	drop "tcp dport 9625 drop
		tcp dport 9626 reject with icmpx type host-unreachable
		tcp dport 9622 $LAST_OF_HANDSHAKE"
	peer_start client
	peer_start server
	half_connect
	peer_start late
	tell late connect c 127.0.0.1 9625
	wait_until ss_state SYN-SENT "dport = :9625"
	asked_fails EHOSTUNREACH client connect c2 127.0.0.1 9626
	hear late
	same "$ANSWER" "error ETIMEDOUT"
	wait_until fails ss_has state syn-recv sport = :9622
	ask client close c
	over
}

@test "half-open: without an ACK it times out" {
	judge timeouts
	witnesses one_sided=1
	in_order "type=request op=open sport=9622 new=SYN_RECV" \
		"type=request op=timedout sport=9622 old=SYN_RECV new=CLOSE retransmits=1" \
		"type=verdict sport=9622 dport=$PORT_OF_CLIENT how=timeout error=ETIMEDOUT state=CLOSE"
	# According to the wire, two were sent.
	is "$(segments | grep -c 'Flags \[S\.\]') == 2"
	silent type=accept
	silent type=state sport=9622
}

traffic_half_open_reset()
{
	half_open 9623
	ask client set c linger 0
	ask client close c
	wait_until fails ss_has state syn-recv sport = :9623
}

@test "half-open: a RST ends it" {
	judge half_open_reset
	witnesses
	in_order "type=request op=open sport=9623" \
		"type=reset op=sent dport=9623 by=local why=linger" \
		"type=request op=dropped sport=9623 old=SYN_RECV new=CLOSE"
	said type=verdict sport=9623 state=CLOSE how=reset closed_by=remote closed_pid="$(pid_of client)"
	said type=verdict dport=9623 how=reset closed_by=local why=linger closed_pid="$(pid_of client)"
}

traffic_refused()
{
	local address
	PORT=9624
	keep PORT
	peer_start client
	for address in 127.0.0.1 ::1 ::ffff:127.0.0.1; do
		asked_fails ECONNREFUSED client connect "c$address" "$address" 9624
	done
}

@test "refused: the RST that answers, and the verdict" {
	local address port
	judge refused
	witnesses
	is "$(lines "$EVENTS" type=verdict how=refused closed_by=remote error=ECONNREFUSED) == 3"
	for address in 127.0.0.1 ::1 ::ffff:127.0.0.1; do
		said type=connect saddr="$address"
		port=$(of sport)
		in_order "type=connect sport=$port pid=$(pid_of client)" \
			"type=reset op=replied sport=9624 dport=$port by=local flags=RST,ACK dir=out cookie=0" \
			"type=reset op=received sport=$port by=remote" \
			"type=state sport=$port old=SYN_SENT new=CLOSE error=ECONNREFUSED" \
			"type=verdict sport=$port how=refused"
	done
}

@test "connect times out" {
	judge timeouts 9625
	witnesses one_sided=1
	said type=state dport=9625 old=SYN_SENT new=CLOSE error=ETIMEDOUT
	said type=verdict dport=9625 how=timeout error=ETIMEDOUT
	is "$(of retransmits) == $(segments | grep -c 'Flags \[S\]') - 1"
}

@test "unreachable, by what ICMP says" {
	judge timeouts 9626
	witnesses one_sided=1
	said type=state dport=9626 old=SYN_SENT new=CLOSE error=EHOSTUNREACH
	said type=verdict dport=9626 how=unreachable error=EHOSTUNREACH
}

traffic_given_up()
{
	PORT=9627
	keep PORT
	peer_start client
	drop tcp dport 9627 drop
	ask client start c 127.0.0.1 9627
	client_is SYN-SENT
	ask client close c
}

@test "given up while it connects" {
	judge given_up
	witnesses one_sided=1
	said type=shutdown op=close dport=9627 state=SYN_SENT pid="$(pid_of client)"
	said type=verdict dport=9627 how=aborted closed_by=local closed_pid="$(pid_of client)"
}

traffic_itself()
{
	PORT=9628
	keep PORT
	peer_start client
	ask client connect c 127.0.0.1 9628 9628
	ask client write c 10
	ask client read c 10
	ask client close c
	over
}

@test "to itself: one socket opens and closes as both endpoints at once" {
	judge itself
	witnesses crossed=1
	in_order "type=connect sport=9628 dport=9628" \
		"type=state old=SYN_SENT new=SYN_RECV flags=SYN dir=in" \
		"type=state old=SYN_RECV new=ESTABLISHED" \
		"type=verdict sport=9628 how=simultaneous closed_by=both bytes_in=10 bytes_out=10"
	said type=verdict
}

quiet_in() { fails ss_has -N "$1" state connected exclude time-wait; }

traffic_namespaces()
{
	PORT=9629
	add_netns one
	add_netns two
	ip -n one -batch - <<-END
		link add veth1 type veth peer name veth2 netns two
		addr add 10.9.0.1/24 dev veth1
		link set veth1 up
	END
	ip -n two -batch - <<-END
		addr add 10.9.0.2/24 dev veth2
		link set veth2 up
	END
	ONE=$(netns_inode one) TWO=$(netns_inode two)
	keep PORT ONE TWO
	spawn server ip netns exec two nc -l 10.9.0.2 9629
	wait_until ss_has -N two state listening sport = :9629
	echo hello | ip netns exec one nc -N 10.9.0.2 9629
	finish server
	same "$(<"$(out_of server)")" hello
	wait_until quiet_in two
	wait_until quiet_in one
}

@test "two namespaces: each endpoint has its own" {
	judge namespaces
	said type=connect netns="$ONE" saddr=10.9.0.1 daddr=10.9.0.2 dport=9629
	said type=request op=open netns="$TWO" saddr=10.9.0.2 daddr=10.9.0.1
	said type=verdict netns="$ONE" closed_by=local bytes_out=6 saddr=10.9.0.1
	# The two are one connection: the server's endpoint knows who closed.
	said type=verdict netns="$TWO" closed_by=remote bytes_in=6 closed_comm=nc
}

# The recording at level queue comes later, with its own tcpdump.
UNRECORDED=(level_life)
traffic_level_life()
{
	spawn segments tcpdump -i lo -s 160 -n -S -l --immediate-mode "tcp or udp port $LAST_PORT"
	watch_start --level=life 9619
	wait_until has_line "$BATS_TEST_TMPDIR/segments.err" '*listening on *'
	connected 9619
	ask client write c 100000
	ask server read s 100000
	ask server close s
	ask client eof c
	ask client close c
	over
	ask server close l
	wait_until seen type=verdict dport=9619
	stop watch INT
	# tcpdump has seen everything that was sent before this datagram.
	echo last >/dev/udp/127.0.0.1/$LAST_PORT
	wait_until has_line "$(out_of segments)" "*.$LAST_PORT: UDP*"
	stop segments INT
}

@test "level life alone says the same of a life, and nothing of queues" {
	judge level_life
	json_lines "$(out_of watch)" >"$EVENTS"
	same "$(<"$KEPT/watch.err")" ""
	is "$(lines "$EVENTS" type=lost lost=0 unknown=0 missed=0 model_full=0) == 1"
	is "$(grep -c '^0 packets dropped by kernel' "$KEPT/segments.err") == 1"
	segments() { cat "$(out_of segments)"; }
	witnesses
	silent "type=(send|recv|ack)"
	# The kernel's totals are complete, no matter who was watching.
	said type=verdict sport=9619 bytes_in=100000 bytes_out=0 closed_by=local closed_pid="$(pid_of server)"
	said type=verdict dport=9619 bytes_out=100000 bytes_in=0 closed_by=remote closed_pid="$(pid_of server)"
}

# connect() that sends nothing: no port is left, the tuple is taken, there is no route, a route forbids it or hides, an
# address needs a device, a BPF program of the cgroup forbids it.
traffic_failed()
{
	PORT=9640
	keep PORT
	add_netns few
	ip netns exec few ip link set lo up
	ip netns exec few sysctl -qw net.ipv4.ip_local_port_range='41000 41001'
	ip netns exec few ip route add unreachable 10.1.0.0/16
	ip netns exec few ip route add prohibit 10.2.0.0/16
	ip netns exec few ip route add blackhole 10.3.0.0/16
	mkdir -p "$BATS_TEST_TMPDIR/cgroup"
	mount -t cgroup2 none "$BATS_TEST_TMPDIR/cgroup"
	counted_from_here
	ip netns exec few python3 - "$BATS_TEST_TMPDIR/cgroup" >"$BATS_TEST_TMPDIR/failed" <<-'END'
		import ctypes, errno, os, struct, sys
		from socket import *
		l = create_server(('127.0.0.1', 9640)); kept = []
		def go(to='127.0.0.1', port=0, family=AF_INET, v6only=False):
		    s = socket(family); s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1); kept.append(s)
		    if port: s.bind(('127.0.0.1', port))
		    if v6only: s.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
		    try: s.connect((to, 9640))
		    except OSError as e: print(to, s.getsockname()[1], errno.errorcode[e.errno])
		def bpf(command, attributes):
		    at = ctypes.create_string_buffer(attributes)
		    fd = ctypes.CDLL(None, use_errno=True).syscall(321, command, at, len(attributes))
		    if fd < 0: raise OSError(ctypes.get_errno(), 'bpf()')
		    return fd
		def forbid(cgroup):
		    # r0 = 0; exit
		    code = ctypes.create_string_buffer(struct.pack('<QQ', 0xb7, 0x95)); licence = ctypes.create_string_buffer(b'GPL')
		    os.mkdir(cgroup); open(cgroup + '/cgroup.procs', 'w').write(str(os.getpid()))
		    fd = os.open(cgroup, os.O_RDONLY)
		    for attach in 10, 11: # BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT
		        program = bpf(5, struct.pack('<IIQQIIQII16sII', 18, 2, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0, 0, 0, b'', 0, attach))
		        bpf(8, struct.pack('<IIII', fd, program, attach, 0))
		for port in 0, 0, 0, 3001, 3001: go(port=port)
		go('10.1.0.1'); go('10.2.0.1'); go('10.3.0.1'); go('192.0.2.1')
		for to in '2001:db8::1', 'fe80::1', '::ffff:192.0.2.1', '::ffff:10.3.0.1': go(to, family=AF_INET6)
		go('::ffff:127.0.0.1', family=AF_INET6, v6only=True)
		forbid(sys.argv[1] + '/forbidden')
		go(); go('::1', family=AF_INET6); go('::ffff:127.0.0.1', family=AF_INET6)
		open(sys.argv[1] + '/cgroup.procs', 'w').write(str(os.getpid()))
		os.rmdir(sys.argv[1] + '/forbidden')
	END
	umount "$BATS_TEST_TMPDIR/cgroup"
	FAILED=$(<"$BATS_TEST_TMPDIR/failed")
	keep FAILED
}

@test "connect() that fails before its first segment: who, whereto, why, and no connection" {
	local address port error
	judge failed
	same "$(cut -d ' ' -f 3 <<<"$FAILED" | sort | uniq -c | xargs)" \
		"1 EACCES 2 EADDRNOTAVAIL 1 EHOSTUNREACH 3 EINVAL 4 ENETUNREACH 3 EPERM"
	while read -r address port error; do
		is "$(lines "$EVENTS" type=connect op=failed daddr="$address" sport="$port" dport=9640 error="$error" comm=python3) == \
			$(grep -cxF "$address $port $error" <<<"$FAILED")"
	done <<<"$FAILED"
	is "$(lines "$EVENTS" type=connect op=failed) == $(grep -c . <<<"$FAILED")"
	# Three were connected.
	is "$(lines "$EVENTS" type=connect state=SYN_SENT) == 3"
	silent type=state old=SYN_SENT new=CLOSE
	silent type=verdict how=aborted
}

# TCP_FASTOPEN_CONNECT: connect() returns at once, and the SYN would be sent with the first data.
traffic_deferred()
{
	PORT=9639
	keep PORT
	sysctl -qw net.ipv4.tcp_fastopen=3
	python3 - <<-'END'
		from socket import *
		l = socket(); l.setsockopt(IPPROTO_TCP, TCP_FASTOPEN, 5); l.bind(('127.0.0.1', 9639)); l.listen()
		def go(data):
		    c = socket(); c.setsockopt(IPPROTO_TCP, 30, 1); c.connect(('127.0.0.1', 9639))
		    if not data: c.close(); return
		    c.sendall(data); s, _ = l.accept(); s.recv(9); c.close(); s.recv(1); s.close()
		go(b'cookie'); go(b''); l.close()
	END
	sysctl -qw net.ipv4.tcp_fastopen=1
	over
}

@test "a SYN that fast open defers is told when it is sent, and not where it never is" {
	judge deferred
	is "$(lines "$EVENTS" type=connect) == $(segments | grep -c ' > 127.0.0.1.9639: Flags \[S\]')"
	said type=shutdown op=close dport=9639 state=SYN_SENT
	silent type=state old=SYN_SENT new=CLOSE
	silent type=verdict how=aborted
}
