# SPDX-License-Identifier: GPL-2.0-only
# How a connection comes to be, or does not: what watch says of it, and what was on the wire, in ss and in the kernel.

load helper
load watch
setup()
{
	common_setup
	load_source
}
teardown() { watch_teardown; }

# connect_pair ADDRESS PORT [LISTENING]: client's socket c with server's socket s; PORT_OF_CLIENT
connect_pair()
{
	ask server listen l "${3-$1}" "$2"
	ask client connect c "$1" "$2"
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
	same "$ANSWER" "$PORT_OF_CLIENT"
}

@test "listeners begin and end, with their process" {
	watch_start
	spawn four nc -l 127.0.0.1 9601
	spawn six nc -6 -l ::1 9601
	peer_start both
	ask both listen l :: 9602 7
	wait_until ss_has state listening sport = :9601 and src 127.0.0.1
	wait_until ss_has state listening sport = :9601 and src [::1]
	# What ss calls Send-Q of a listener is its backlog.
	local backlog_nc
	backlog_nc=$(ss -Hltn src 127.0.0.1:9601 | awk '{ print $3 }')
	same "$(ss -Hltn sport = :9602 | awk '{ print $3 }')" 7
	stop four || true
	stop six || true
	ask both close l
	wait_until seen type=listen state=CLOSE sport=9602
	watch_stop
	said type=listen state=LISTEN family=4 saddr=127.0.0.1 sport=9601 comm=nc sendq="$backlog_nc" recvq=0
	said type=listen state=CLOSE family=4 sport=9601 cookie="$(of cookie)" comm=nc
	said type=listen state=LISTEN family=6 saddr=::1 sport=9601 comm=nc
	said type=listen state=CLOSE family=6 saddr=::1 cookie="$(of cookie)"
	said type=listen state=LISTEN family=6 saddr=:: sport=9602 comm=peer pid="$(pid_of both)" \
		backlog_max=7 sendq=7
	said type=listen state=CLOSE saddr=:: cookie="$(of cookie)" pid="$(pid_of both)"
}

# whole_life ADDRESS LISTENING FAMILY-OF-CLIENT FAMILY-OF-SERVER PORT: handshake, data both ways, a four-way close
whole_life()
{
	local family=$3 family_of_server=$4 port=$5 client server ends
	peer_start client
	peer_start server
	witnesses_start
	watch_start "$port"
	connect_pair "$1" "$port" "$2"
	# What ss calls the sockets: its cookies are hexadecimal.
	ends=$(ss -Htane state established "( sport = :$port or dport = :$port )")
	ask client write c 1000
	ask server read s 1000
	ask server write s 20000
	ask client read c 20000
	ask client shutdown c wr
	wait_until ss_state FIN-WAIT-2 "dport = :$port"
	ss_state CLOSE-WAIT "( sport = :$port and dport = :$PORT_OF_CLIENT )"
	ask server close s
	wait_until ss_state TIME-WAIT "dport = :$port"
	ask server close l
	wait_until seen type=verdict sport="$port"
	watch_stop
	witnesses_stop

	client="sport=$PORT_OF_CLIENT dport=$port family=$family"
	server="sport=$port dport=$PORT_OF_CLIENT family=$family_of_server"
	in_order "type=listen sport=$port state=LISTEN" \
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
		"type=listen sport=$port state=CLOSE"
	# Each of these once, and one cookie for an end from its beginning on: that of ss.
	said type=connect
	like "$ends" "*:$port *$(printf ' sk:%x ' "$(of cookie)")*"
	is "$(lines "$EVENTS" "sport=$PORT_OF_CLIENT" cookie="$(of cookie)") == $(lines "$EVENTS" "sport=$PORT_OF_CLIENT")"
	said type=request op=open
	like "$ends" "*$(printf ' sk:%x ' "$(of cookie)")*"
	is "$(lines "$EVENTS" "dport=$PORT_OF_CLIENT" cookie="$(of cookie)") == $(lines "$EVENTS" "dport=$PORT_OF_CLIENT")"
	said type=request op=acked
	said type=accept
	said type=verdict "sport=$PORT_OF_CLIENT" how=four-way closed_by=local closed_pid="$(pid_of client)" \
		bytes_out=1000 bytes_in=20000 pid="$(pid_of client)"
	said type=verdict "sport=$port" how=four-way closed_by=remote closed_pid="$(pid_of client)" \
		bytes_in=1000 bytes_out=20000 pid="$(pid_of server)"
}

@test "a whole life over IPv4" {
	whole_life 127.0.0.1 127.0.0.1 4 4 9611
}

@test "a whole life over IPv6" {
	whole_life ::1 ::1 6 6 9612
}

@test "a whole life of an IPv4 client at an IPv6 listener" {
	whole_life 127.0.0.1 :: 4 6 9613
	# The child is an IPv6 socket with mapped addresses.
	is "$(lines "$EVENTS" sport=9613 saddr=::ffff:127.0.0.1 daddr=::ffff:127.0.0.1) > 5"
}

@test "a whole life of a mapped client at an IPv4 listener" {
	whole_life ::ffff:127.0.0.1 127.0.0.1 6 4 9614
	is "$(lines "$EVENTS" dport=9614 saddr=::ffff:127.0.0.1 daddr=::ffff:127.0.0.1) > 5"
}

@test "two nc: processes by name and pid, as ss has them" {
	local server client processes
	witnesses_start
	watch_start 9615
	mkfifo "$BATS_TEST_TMPDIR"/{to_server,to_client}
	exec {server}<>"$BATS_TEST_TMPDIR/to_server" {client}<>"$BATS_TEST_TMPDIR/to_client"
	nc -l 127.0.0.1 9615 <"$BATS_TEST_TMPDIR/to_server" >"$BATS_TEST_TMPDIR/server.got" 3>&- &
	JOBS[server]=$!
	wait_until ss_has state listening sport = :9615
	nc 127.0.0.1 9615 <"$BATS_TEST_TMPDIR/to_client" >"$BATS_TEST_TMPDIR/client.got" 3>&- &
	JOBS[client]=$!
	echo "hello, server" >&"$client"
	wait_until has_line "$BATS_TEST_TMPDIR/server.got" "hello, server"
	processes=$(ss -Htnp state established "( sport = :9615 or dport = :9615 )")
	like "$processes" "*127.0.0.1:9615 *:((\"nc\",pid=$(pid_of server),*"
	like "$processes" "*:9615 *:((\"nc\",pid=$(pid_of client),*"
	# Killed, it closes: the kernel does that for it.
	local pid_of_server pid_of_client
	pid_of_server=$(pid_of server) pid_of_client=$(pid_of client)
	stop client TERM || true
	finish server || true
	wait_until quiet_port 9615
	wait_until seen type=verdict sport=9615
	watch_stop
	witnesses_stop
	said type=listen state=LISTEN comm=nc pid="$pid_of_server"
	said type=connect comm=nc pid="$pid_of_client"
	said type=accept comm=nc pid="$pid_of_server"
	said type=recv op=read bytes=14 comm=nc pid="$pid_of_server"
	said type=shutdown op=close dport=9615 comm=nc pid="$pid_of_client"
	said type=verdict dport=9615 closed_by=local closed_comm=nc closed_pid="$pid_of_client" bytes_out=14
	said type=verdict sport=9615 closed_by=remote closed_pid="$pid_of_client" comm=nc pid="$pid_of_server" bytes_in=14
}

# of_segment FLAGS NAME: a number of the first segment with these flags, as tcpdump has it
of_segment() { grep -F " Flags [$1]," "$(out_of segments)" | head -n 1 | grep -oE "$2 [0-9]+" | cut -d ' ' -f 2; }

@test "the text says what the JSON says, with the segments of tcpdump" {
	local text syn synack wscale win out queue=''
	out=$(out_of text)
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9616
	spawn segments tcpdump -i lo -n -S -l --immediate-mode tcp
	wait_until has_line "$BATS_TEST_TMPDIR/segments.err" 'listening on *'
	spawn text tcptrace-ctl watch --source="$SOURCE" --absolute-seq 9616
	wait_until has_line "$out" 'TIME *'
	# What was there comes first, with the process that holds it.
	has_line "$out" "LISTEN * 0 *128 127.0.0.1:9616 *\** peer/$(pid_of server)"
	ask client connect c 127.0.0.1 9616
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
	ask client write c 5
	ask server read s 5
	ask client close c
	ask server eof s
	ask server close s
	wait_until has_line "$out" "*== 127.0.0.1:9616 *"
	stop text INT
	stop segments INT
	text=$(<"$out")
	syn=$(of_segment S seq)
	synack=$(of_segment S. seq)
	wscale=$(of_segment S wscale)
	win=$(of_segment . win)
	is "syn && synack && wscale && win"
	if accept_queue_seen; then
		queue='*, accept queue 0/128 '
	else
		unseen "how full the accept queue is at accept()"
	fi
	local there="127.0.0.1:$PORT_OF_CLIENT > 127.0.0.1:9616" here="127.0.0.1:9616  < 127.0.0.1:$PORT_OF_CLIENT"
	like "$text" "*$there *CLOSE -> SYN_SENT *send SYN seq=$syn *peer/$(pid_of client)
*$here *LISTEN -> SYN_RECV *recv SYN seq=$syn mss=65495 wscale=$wscale, send SYN,ACK seq=$synack ack=$((syn + 1))
*$there *SYN_SENT -> ESTABLISHED *recv SYN,ACK seq=$synack ack=$((syn + 1)) win=65483 wscale=$wscale, send ACK *
*$here *SYN_RECV -> ESTABLISHED *recv ACK ack=$((synack + 1)) win=$win*
*$here * accept(), waited ${queue}*peer/$(pid_of server)
*$there * ESTABLISHED *0 *5 wrote 5*
*$here * 5 *0 5 bytes came*
*$here * read 5, waited *
*$there *close()*
*$there *ESTABLISHED -> FIN_WAIT1 *send FIN,ACK seq=$((syn + 6)) ack=$((synack + 1)) *
*$here *ESTABLISHED -> CLOSE_WAIT *recv FIN,ACK seq=$((syn + 6)) *
*-- [1-9]* events from *, 0 lost"
	# No line has two commas for want of something between them, no number is missing.
	fails grep -E ', ,|, *$|\?' "$out"
}

@test "the accept queue, as ss has it" {
	local ports=()
	peer_start client
	peer_start server
	watch_start 9617
	ask server listen l 127.0.0.1 9617 5
	for n in 1 2 3; do
		ask client connect "c$n" 127.0.0.1 9617
		ports+=("$ANSWER")
	done
	same "$(ss -Hltn sport = :9617 | awk '{ print $2, $3 }')" "3 5"
	wait_until seen type=state sport=9617 new=ESTABLISHED dport="$ANSWER"
	ask server accept s1 l
	ask server accept s2 l
	same "$(ss -Hltn sport = :9617 | awk '{ print $2, $3 }')" "1 5"
	ask server close l
	wait_until seen type=listen state=CLOSE sport=9617
	watch_stop
	said type=listen state=CLOSE sport=9617 recvq=1 sendq=5
	# Of a request its own child is not counted, and of an accepted one neither.
	same "$(picked "$EVENTS" type=request op=acked | grep -oE ' backlog=[0-9]+ backlog_max=[0-9]+')" "\
 backlog=0 backlog_max=5
 backlog=1 backlog_max=5
 backlog=2 backlog_max=5"
	if accept_queue_seen; then
		same "$(picked "$EVENTS" type=accept | grep -oE ' backlog=[0-9]+')" " backlog=2
 backlog=1"
	else
		unseen "how full the queue is at accept()"
		silent type=accept 'backlog=.*'
		silent type=accept 'listener=.*'
	fi
}

# half_open PORT: the client thinks that it is connected, its ACK does not come to the server
half_open()
{
	peer_start client
	peer_start server
	drop tcp dport "$1" tcp flags '& (syn | ack | rst | fin) == ack' drop
	witnesses_start
	watch_start "$1"
	ask server listen l 127.0.0.1 "$1"
	ask client connect c 127.0.0.1 "$1"
	PORT_OF_CLIENT=$ANSWER
}

@test "half-open: SYN_RECV is there for ss and for watch, and goes on when the ACK comes" {
	half_open 9621
	same "$(ss -Htan state syn-recv sport = :9621 | awk '{ print $1, $2, $3, $4 }')" \
		"0 0 127.0.0.1:9621 127.0.0.1:$PORT_OF_CLIENT"
	wait_until seen type=request op=open
	# One who comes later sees it as well, in no other state than ss.
	tcptrace-ctl watch --source="$SOURCE" --once --json 9621 | json_lines >"$BATS_TEST_TMPDIR/once"
	is "$(lines "$BATS_TEST_TMPDIR/once" type=snapshot state=SYN_RECV sport=9621 dport="$PORT_OF_CLIENT" recvq=0 sendq=0) == 1"
	is "$(lines "$BATS_TEST_TMPDIR/once" type=snapshot state=ESTABLISHED dport=9621) == 1"
	is "$(lines "$BATS_TEST_TMPDIR/once" type=snapshot) == 3"
	dropped_no_more
	# The SYN-ACK comes again, and this time its ACK arrives.
	ask server accept s l
	wait_until seen type=accept
	ask server close s
	ask client eof c
	ask client close c
	wait_until seen type=verdict dport=9621
	watch_stop
	witnesses_stop
	said type=request op=open
	local opened
	opened=$(of cookie)
	said type=request op=acked cookie="$opened"
	is "$(of retransmits) >= 1"
	said type=verdict sport=9621 cookie="$opened" how="(three-way|four-way)" closed_by=local
}

@test "half-open: without an ACK it times out" {
	sysctl -qw net.ipv4.tcp_synack_retries=1
	half_open 9622
	wait_until fails ss_has state syn-recv sport = :9622
	wait_until seen type=request op=timedout
	watch_stop
	sysctl -qw net.ipv4.tcp_synack_retries=5
	witnesses_stop one_sided=1
	in_order "type=request op=open sport=9622 new=SYN_RECV" \
		"type=request op=timedout sport=9622 old=SYN_RECV new=CLOSE retransmits=1" \
		"type=verdict sport=9622 dport=$PORT_OF_CLIENT how=timeout error=ETIMEDOUT state=CLOSE"
	# Two were sent, by the wire's word.
	is "$(grep -c 'Flags \[S\.\]' "$(out_of segments)") == 2"
	silent type=accept
	silent type=state sport=9622
}

@test "half-open: a RST ends it" {
	half_open 9623
	ask client set c linger 0
	ask client close c
	wait_until fails ss_has state syn-recv sport = :9623
	wait_until seen type=request op=dropped
	watch_stop
	witnesses_stop
	in_order "type=request op=open sport=9623" \
		"type=reset op=sent dport=9623 by=local why=linger" \
		"type=request op=dropped sport=9623 old=SYN_RECV new=CLOSE"
	said type=verdict sport=9623 state=CLOSE how=reset closed_by=remote closed_pid="$(pid_of client)"
	said type=verdict dport=9623 how=reset closed_by=local why=linger closed_pid="$(pid_of client)"
}

@test "refused: the RST that answers, and the verdict" {
	local address port
	peer_start client
	witnesses_start
	watch_start 9624
	for address in 127.0.0.1 ::1 ::ffff:127.0.0.1; do
		asked_fails ECONNREFUSED client connect "c$address" "$address" 9624
	done
	wait_until seen type=verdict saddr=::ffff:127.0.0.1
	watch_stop
	witnesses_stop
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
	peer_start client
	sysctl -qw net.ipv4.tcp_syn_retries=1
	drop tcp dport 9625 drop
	witnesses_start
	watch_start 9625
	tell client connect c 127.0.0.1 9625
	wait_until seen type=connect
	ss_state SYN-SENT "dport = :9625"
	hear client
	same "$ANSWER" "error ETIMEDOUT"
	wait_until seen type=verdict
	watch_stop
	sysctl -qw net.ipv4.tcp_syn_retries=6
	witnesses_stop one_sided=1
	said type=state dport=9625 old=SYN_SENT new=CLOSE error=ETIMEDOUT
	said type=verdict dport=9625 how=timeout error=ETIMEDOUT
	is "$(of retransmits) == $(grep -c 'Flags \[S\]' "$(out_of segments)") - 1"
}

@test "unreachable, by what ICMP says" {
	peer_start client
	drop tcp dport 9626 reject with icmpx type host-unreachable
	witnesses_start
	watch_start 9626
	asked_fails EHOSTUNREACH client connect c 127.0.0.1 9626
	wait_until seen type=verdict
	watch_stop
	witnesses_stop one_sided=1
	said type=state dport=9626 old=SYN_SENT new=CLOSE error=EHOSTUNREACH
	said type=verdict dport=9626 how=unreachable error=EHOSTUNREACH
}

@test "given up while it connects" {
	peer_start client
	drop tcp dport 9627 drop
	witnesses_start
	watch_start 9627
	ask client start c 127.0.0.1 9627
	wait_until seen type=connect
	ask client close c
	wait_until seen type=verdict
	watch_stop
	witnesses_stop one_sided=1
	said type=shutdown op=close dport=9627 state=SYN_SENT pid="$(pid_of client)"
	said type=verdict dport=9627 how=aborted closed_by=local closed_pid="$(pid_of client)"
}

@test "to itself: one socket opens and closes as both ends at once" {
	peer_start client
	witnesses_start
	watch_start 9628
	ask client connect c 127.0.0.1 9628 9628
	ask client write c 10
	ask client read c 10
	ask client close c
	wait_until seen type=verdict
	watch_stop
	witnesses_stop crossed=1
	in_order "type=connect sport=9628 dport=9628" \
		"type=state old=SYN_SENT new=SYN_RECV flags=SYN dir=in" \
		"type=state old=SYN_RECV new=ESTABLISHED" \
		"type=verdict sport=9628 how=simultaneous closed_by=both bytes_in=10 bytes_out=10"
	said type=verdict
}

@test "two namespaces: each end has its own" {
	add_netns one
	add_netns two
	ip -n one link add veth1 type veth peer name veth2 netns two
	ip -n one addr add 10.9.0.1/24 dev veth1
	ip -n two addr add 10.9.0.2/24 dev veth2
	ip -n one link set veth1 up
	ip -n two link set veth2 up
	watch_start 9629
	spawn server ip netns exec two nc -l 10.9.0.2 9629
	wait_until seen type=listen
	echo hello | ip netns exec one nc -N 10.9.0.2 9629
	finish server
	same "$(<"$(out_of server)")" hello
	wait_until seen type=verdict sport=9629
	watch_stop
	said type=connect netns="$(netns_inode one)" saddr=10.9.0.1 daddr=10.9.0.2 dport=9629
	said type=request op=open netns="$(netns_inode two)" saddr=10.9.0.2 daddr=10.9.0.1
	said type=verdict netns="$(netns_inode one)" closed_by=local bytes_out=6 saddr=10.9.0.1
	# The two are one connection: the server's end knows who closed.
	said type=verdict netns="$(netns_inode two)" closed_by=remote bytes_in=6 closed_comm=nc
}

@test "level life alone says the same of a life, and nothing of queues" {
	peer_start client
	peer_start server
	witnesses_start
	watch_start --level=life 9630
	connect_pair 127.0.0.1 9630
	ask client write c 100000
	ask server read s 100000
	ask server close s
	ask client eof c
	ask client close c
	wait_until seen type=verdict dport=9630
	watch_stop
	witnesses_stop
	silent "type=(send|recv|ack)"
	# The kernel's totals are whole, whoever watched.
	said type=verdict sport=9630 bytes_in=100000 bytes_out=0 closed_by=local closed_pid="$(pid_of server)"
	said type=verdict dport=9630 bytes_out=100000 bytes_in=0 closed_by=remote closed_pid="$(pid_of server)"
}
