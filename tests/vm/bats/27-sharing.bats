# SPDX-License-Identifier: GPL-2.0-only
# Sockets of more than one process, listeners of more than one socket, and handshakes that carry data or wait for it.

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
	sysctl -qw net.ipv4.tcp_fastopen=1
	watch_teardown
}

# connected PORT: client's socket c with server's s, everybody watches
connected()
{
	PORT=$1
	peer_start client
	peer_start server
	witnesses_start
	watch_start "$PORT"
	ask server listen l 127.0.0.1 "$PORT"
	ask client connect c 127.0.0.1 "$PORT"
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
	CLIENT="sport=$PORT_OF_CLIENT dport=$PORT"
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
}

over()
{
	wait_until seen type=verdict sport="$PORT"
	wait_until seen type=verdict dport="$PORT"
	watch_stop
	witnesses_stop
}

@test "fork: the first close() of a shared socket is none, the last one is" {
	local child
	connected 9821
	ask client fork
	child=$ANSWER
	ask client close c
	client_is ESTAB
	# What is written now would come before anything that close() had caused.
	ask server write s 5
	wait_until seen type=recv op=queued recvq=5
	fails seen type=shutdown op=close
	# It ends with data unread.
	ask client join
	wait_until seen type=reset op=sent
	ask server close s
	over
	in_order "type=recv op=queued $CLIENT" "type=shutdown op=close $CLIENT pid=$child" \
		"type=verdict $CLIENT how=reset why=unread unread=5 closed_by=local closed_pid=$child"
	said type=shutdown op=close $CLIENT
}

@test "fork: shutdown() counts at once, whoever else has the socket" {
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
	said type=shutdown op=shut_wr $CLIENT pid="$(pid_of client)"
	said type=verdict $CLIENT how=four-way closed_by=local closed_pid="$(pid_of client)"
}

@test "a socket that is passed on: who reads it, and who closes it, is the other process" {
	connected 9823
	peer_start heir
	tell heir take h "$BATS_TEST_TMPDIR/path"
	wait_until test -S "$BATS_TEST_TMPDIR/path"
	ask server pass s "$BATS_TEST_TMPDIR/path"
	hear heir
	same "$ANSWER" "ok 0"
	ask server close s
	like "$(ss -Htnp "sport = :$PORT and dport = :$PORT_OF_CLIENT")" "*pid=$(pid_of heir),*"
	ask client write c 700
	ask heir read h 700
	ask heir close h
	ask client eof c
	ask client close c
	over
	said type=accept $SERVER pid="$(pid_of server)"
	said type=recv op=read $SERVER bytes=700 pid="$(pid_of heir)"
	said type=shutdown op=close $SERVER pid="$(pid_of heir)"
	said type=verdict $SERVER closed_by=local closed_pid="$(pid_of heir)" pid="$(pid_of heir)" bytes_in=700
	said type=verdict $CLIENT closed_by=remote closed_pid="$(pid_of heir)" bytes_out=700
}

# moved PORT WORD COUNT READ: of a new connection the client hands over COUNT bytes by WORD, the server takes them by READ
moved()
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
	said type=verdict $CLIENT bytes_out="$3" bytes_in=0
	said type=verdict $SERVER bytes_in="$3" bytes_out=0
	same "$(bytes_of type=send op=written $CLIENT)" "$3"
}
bytes_of() { picked "$EVENTS" "$@" | grep -oE ' bytes=[0-9]+' | awk -F= '{ sum += $2 } END { print sum }'; }

@test "sendfile: what it queues is seen like what is written" {
	moved 9824 sendfile 200000 read
}

@test "splice: a pipe's bytes are seen like what is written and read" {
	moved 9829 splice 50000 spliced
	same "$(bytes_of type=recv op=read $SERVER pid="$(pid_of server)")" 50000
}

@test "TCP_DEFER_ACCEPT: half-open until data comes, for ss and for watch" {
	PORT=9825
	peer_start client
	peer_start server
	witnesses_start
	watch_start $PORT
	ask server listen l 127.0.0.1 $PORT
	ask server set l defer 30
	ask client connect c 127.0.0.1 $PORT
	PORT_OF_CLIENT=$ANSWER
	CLIENT="sport=$PORT_OF_CLIENT dport=$PORT"
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
	client_is ESTAB
	ss_state SYN-RECV "( sport = :$PORT and dport = :$PORT_OF_CLIENT )"
	wait_until seen type=state new=ESTABLISHED dport=$PORT
	fails seen type=request op=acked
	ask client write c 10
	ask server accept s l
	ask server read s 10
	ask server close s
	ask client eof c
	ask client close c
	over
	in_order "type=request op=open $SERVER" "type=state $CLIENT old=SYN_SENT new=ESTABLISHED" \
		"type=send op=written $CLIENT bytes=10" "type=request op=acked $SERVER" "type=accept $SERVER" \
		"type=recv op=read $SERVER bytes=10"
	said type=verdict $SERVER bytes_in=10
}

@test "SO_REUSEPORT: each listener is one, and each connection is of one of them" {
	local n listener
	peer_start client
	peer_start one
	peer_start two
	watch_start 9826
	for n in one two; do
		ask $n reuseport
		ask $n listen l 127.0.0.1 9826
	done
	for n in {1..12}; do
		ask client connect "c$n" 127.0.0.1 9826
	done
	# How many wait at each is for ss to say, by the listener's own cookie.
	ss -Hltne sport = :9826 >"$BATS_TEST_TMPDIR/listeners"
	same "$(awk '{ sum += $2 } END { print sum, NR }' "$BATS_TEST_TMPDIR/listeners")" "12 2"
	wait_until accepted_all
	watch_stop
	while read -r _ waiting _ _ _ rest; do
		listener=${rest#*sk:}
		listener=$((16#${listener%% *}))
		same "$(lines "$EVENTS" type=request op=acked listener=$listener)" "$waiting"
		same "$(lines "$EVENTS" type=listen state=LISTEN cookie=$listener)" 1
	done <"$BATS_TEST_TMPDIR/listeners"
	said type=listen state=LISTEN pid="$(pid_of one)"
	said type=listen state=LISTEN pid="$(pid_of two)"
}

accepted_all() { [[ $(grep -c '"op":"acked"' "$(out_of watch)") = 12 ]]; }

@test "fast open: data in the SYN, and a child before the handshake is over" {
	sysctl -qw net.ipv4.tcp_fastopen=3
	PORT=9827
	peer_start client
	peer_start server
	watch_start $PORT
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
	wait_until seen type=verdict sport=$PORT dport="$PORT_OF_CLIENT"
	watch_stop
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
	# No request socket is ever in the kernel's table.
	silent type=request op=open $SERVER
	in_order "type=connect sport=$PORT_OF_CLIENT" "type=request op=acked $SERVER" \
		"type=state $SERVER old=SYN_RECV new=ESTABLISHED" "type=verdict $SERVER"
	said type=verdict $SERVER bytes_in=200 bytes_out=0
	said type=verdict sport="$PORT_OF_CLIENT" bytes_out=200 bytes_in=0
}

@test "MPTCP: its subflow is a TCP connection, and is seen once" {
	[[ -e /proc/sys/net/mptcp/enabled ]] || skip "this kernel has no MPTCP"
	sysctl -qw net.mptcp.enabled=1
	peer_start client
	peer_start server
	ask client mptcp
	ask server mptcp
	PORT=9828
	witnesses_start
	watch_start $PORT
	ask server listen l 127.0.0.1 $PORT
	ask client connect c 127.0.0.1 $PORT
	PORT_OF_CLIENT=$ANSWER
	CLIENT="sport=$PORT_OF_CLIENT dport=$PORT"
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
	ask server accept s l
	ask client write c 300
	ask server read s 300
	# Both sockets of it are MPTCP's, by ss.
	is "$(ss -HtaniM "( dport = :$PORT or sport = :$PORT )" | grep -c ESTAB) >= 2"
	ask client close c
	ask server eof s
	ask server close s
	over
	said type=connect $CLIENT
	said type=request op=open $SERVER
	said type=verdict $CLIENT
	said type=verdict $SERVER
}
