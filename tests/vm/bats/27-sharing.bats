# SPDX-License-Identifier: GPL-2.0-only
# Sockets of several processes, several listeners on one port, and handshakes that carry data or wait for it.

load recorded
setup_file() { recorded; }

# Only listeners and TIME_WAITs are left on PORT.
over() { wait_until quiet_port "$PORT"; }

traffic_cleanup() { echo 1 >/proc/sys/net/ipv4/tcp_fastopen; }

# unread BYTES: the client has so many unread bytes
unread() { [[ $(ss -Htn state established "dport = :$PORT") = "$1 "* ]]; }

traffic_fork()
{
	connected 9821
	ask client fork
	CHILD=$ANSWER
	keep CHILD
	ask client close c
	client_is ESTAB
	# Anything that close() had caused would come before this.
	ask server write s 5
	wait_until unread 5
	# It ends with data unread.
	ask client join
	over
	ask server close s
}

@test "fork: the first close() of a shared socket is none, the last one is" {
	judge fork
	witnesses
	in_order "type=recv op=queued $CLIENT recvq=5" "type=shutdown op=close $CLIENT pid=$CHILD" \
		"type=verdict $CLIENT how=reset why=unread unread=5 closed_by=local closed_pid=$CHILD"
	said type=shutdown op=close $CLIENT
	said type=reset op=sent $CLIENT
}

traffic_fork_shutdown()
{
	connected 9822
	ask client fork
	ask client shutdown c wr
	wait_until client_is FIN-WAIT-2
	ask server eof s
	ask server close s
	wait_until client_is TIME-WAIT
	ask client close c
	ask client join
	over
}

@test "fork: shutdown() counts at once, whoever else has the socket" {
	judge fork_shutdown
	witnesses
	said type=shutdown op=shut_wr $CLIENT pid="$(pid_of client)"
	said type=verdict $CLIENT how=four-way closed_by=local closed_pid="$(pid_of client)"
	said type=verdict $SERVER
}

traffic_passed()
{
	local path=$BATS_TEST_TMPDIR/path
	connected 9823
	peer_start heir
	tell heir take h "$path"
	wait_until test -S "$path"
	ask server pass s "$path"
	hear heir
	same "$ANSWER" "ok 0"
	rm "$path"
	ask server close s
	like "$(ss -Htnp "sport = :$PORT and dport = :$PORT_OF_CLIENT")" "*pid=$(pid_of heir),*"
	ask client write c 700
	ask heir read h 700
	ask heir close h
	ask client eof c
	ask client close c
	over
}

@test "a socket that is passed on: who reads it, and who closes it, is the other process" {
	judge passed
	witnesses
	said type=accept $SERVER pid="$(pid_of server)"
	said type=recv op=read $SERVER bytes=700 pid="$(pid_of heir)"
	said type=shutdown op=close $SERVER pid="$(pid_of heir)"
	said type=verdict $SERVER closed_by=local closed_pid="$(pid_of heir)" pid="$(pid_of heir)" bytes_in=700
	said type=verdict $CLIENT closed_by=remote closed_pid="$(pid_of heir)" bytes_out=700
}

# move PORT WORD COUNT READ: on a new connection the client sends COUNT bytes by WORD, and the server takes them by READ
move()
{
	connected "$1"
	tell client "$2" c "$3"
	ask server "$4" s "$3"
	same "$ANSWER" "$3"
	hear client
	same "$ANSWER" "ok $3"
	ask client close c
	ask server eof s
	ask server close s
	over
}

# moved COUNT
moved()
{
	said type=verdict $CLIENT bytes_out="$1" bytes_in=0
	said type=verdict $SERVER bytes_in="$1" bytes_out=0
	same "$(bytes_of type=send op=written $CLIENT)" "$1"
}
bytes_of() { picked "$EVENTS" "$@" | grep -oE ' bytes=[0-9]+' | awk -F= '{ sum += $2 } END { print sum }'; }

traffic_sendfile()
{
	move 9824 sendfile 200000 read
}

@test "sendfile: what it queues is seen like what is written" {
	judge sendfile
	witnesses
	moved 200000
}

traffic_splice()
{
	move 9829 splice 50000 spliced
}

@test "splice: a pipe's bytes are seen like what is written and read" {
	judge splice
	witnesses
	moved 50000
	same "$(bytes_of type=recv op=read $SERVER pid="$(pid_of server)")" 50000
}

traffic_defer()
{
	PORT=9825
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 $PORT
	ask server set l defer 30
	ask client connect c 127.0.0.1 $PORT
	PORT_OF_CLIENT=$ANSWER
	client_is ESTAB
	server_is SYN-RECV
	ask client write c 10
	ask server accept s l
	ask server read s 10
	ask server close s
	ask client eof c
	ask client close c
	over
	CLIENT="sport=$PORT_OF_CLIENT dport=$PORT"
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
	keep PORT CLIENT SERVER
}

@test "TCP_DEFER_ACCEPT: half-open until data comes, for ss and for watch" {
	judge defer
	witnesses
	in_order "type=request op=open $SERVER" "type=state $CLIENT old=SYN_SENT new=ESTABLISHED" \
		"type=send op=written $CLIENT bytes=10" "type=request op=acked $SERVER" "type=accept $SERVER" \
		"type=recv op=read $SERVER bytes=10"
	said type=request op=acked $SERVER
	said type=verdict $SERVER bytes_in=10
	said type=verdict $CLIENT
}

# waiting COUNT: so many children wait at the listeners of PORT together, according to ss, whose output is kept in a
# file
waiting()
{
	ss -Hltne "sport = :$PORT" >"$BATS_TEST_TMPDIR/listeners"
	[[ $(awk '{ sum += $2 } END { print sum, NR }' "$BATS_TEST_TMPDIR/listeners") = "$1 2" ]]
}

traffic_reuseport()
{
	local n
	PORT=9826
	peer_start client
	for n in one two; do
		peer_start $n
		ask $n reuseport
		ask $n listen l 127.0.0.1 $PORT
	done
	for n in {1..12}; do
		ask client connect "c$n" 127.0.0.1 $PORT
	done
	wait_until waiting 12
	keep PORT
}

@test "SO_REUSEPORT: each listener is one, and each connection is of one of them" {
	local listener waiting rest
	judge reuseport
	# ss says how many wait at each listener, by the listener's cookie.
	same "$(awk '{ sum += $2 } END { print sum, NR }' "$KEPT/listeners")" "12 2"
	while read -r _ waiting _ _ _ rest; do
		listener=${rest#*sk:}
		listener=$((16#${listener%% *}))
		same "$(lines "$EVENTS" type=request op=acked listener=$listener)" "$waiting"
		same "$(lines "$EVENTS" type=listen state=LISTEN cookie=$listener)" 1
	done <"$KEPT/listeners"
	same "$(lines "$EVENTS" type=request op=acked)" 12
	said type=listen state=LISTEN pid="$(pid_of one)"
	said type=listen state=LISTEN pid="$(pid_of two)"
}

traffic_fastopen()
{
	sysctl -qw net.ipv4.tcp_fastopen=3
	counted_from_here
	PORT=9827
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 $PORT
	ask server set l fastopen 16
	# The first one fetches the cookie.
	ask client fast c1 127.0.0.1 $PORT 100
	ask server accept s1 l
	ask server read s1 100
	ask client fast c2 127.0.0.1 $PORT 200
	ask server accept s2 l
	PORT_OF_CLIENT=$ANSWER
	ask server read s2 200
	same "$(counted TcpExtTCPFastOpenPassive)" 1
	ask client close c2
	ask server eof s2
	ask server close s2
	wait_until fails ss_has state connected exclude time-wait "( sport = :$PORT_OF_CLIENT or dport = :$PORT_OF_CLIENT )"
	CLIENT="sport=$PORT_OF_CLIENT dport=$PORT"
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
	keep PORT CLIENT SERVER
}

@test "fast open: data in the SYN, and a child before the handshake is over" {
	judge fastopen
	# The kernel's table never contains a request socket.
	silent type=request op=open $SERVER
	in_order "type=connect $CLIENT" "type=request op=acked $SERVER" \
		"type=state $SERVER old=SYN_RECV new=ESTABLISHED" "type=verdict $SERVER"
	said type=verdict $SERVER bytes_in=200 bytes_out=0
	said type=verdict $CLIENT bytes_out=200 bytes_in=0
}

traffic_fastopen_lost()
{
	sysctl -qw net.ipv4.tcp_fastopen=3
	PORT=9830
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 $PORT
	ask server set l fastopen 16
	ask client fast c1 127.0.0.1 $PORT 100
	ask server accept s1 l
	ask server read s1 100
	# The second one's SYN-ACK is lost. Its child exists all the same, and is read from.
	drop "tcp sport $PORT tcp flags & (syn|ack) == syn|ack drop"
	counted_from_here
	# It waits until it is connected.
	tell client fast c2 127.0.0.1 $PORT 200
	ask server accept s2 l
	PORT_OF_CLIENT=$ANSWER
	ask server read s2 200
	# The client's SYN is retransmitted, too.
	wait_until enough TcpRetransSegs 3
	dropped_no_more
	hear client
	wait_until ss_state ESTAB "( sport = :$PORT and dport = :$PORT_OF_CLIENT )"
	ask client close c2
	ask server eof s2
	ask server close s2
	wait_until fails ss_has state connected exclude time-wait "( sport = :$PORT_OF_CLIENT or dport = :$PORT_OF_CLIENT )"
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
	keep PORT PORT_OF_CLIENT SERVER
}

@test "fast open whose SYN-ACK is lost: it is retransmitted by the endpoint that exists already" {
	judge fastopen_lost
	# It is on the wire once, and once more for each of these.
	SYNACKS=$(segments | grep -cE "\.$PORT > .*\.$PORT_OF_CLIENT: Flags \[S\.\]")
	is "SYNACKS >= 2"
	same "$(lines "$EVENTS" type=retransmit op=synack $SERVER)" $((SYNACKS - 1))
	# One endpoint, one cookie.
	same "$(picked "$EVENTS" $SERVER 'cookie=[1-9][0-9]*' | grep -oE ' cookie=[0-9]+' | sort -u | grep -c .)" 1
}

traffic_mptcp()
{
	[[ -e /proc/sys/net/mptcp/enabled ]] || skip "this kernel has no MPTCP"
	sysctl -qw net.mptcp.enabled=1
	peer_start client
	peer_start server
	ask client mptcp
	ask server mptcp
	connected 9828
	ask client write c 300
	ask server read s 300
	# Both of its sockets are MPTCP's, according to ss.
	is "$(ss -HtaniM "( dport = :$PORT or sport = :$PORT )" | grep -c ESTAB) >= 2"
	ask client close c
	ask server eof s
	ask server close s
	over
}

@test "MPTCP: its subflow is a TCP connection, and is seen once" {
	judge mptcp
	witnesses
	said type=connect $CLIENT
	said type=request op=open $SERVER
	said type=verdict $CLIENT
	said type=verdict $SERVER
}
