# SPDX-License-Identifier: GPL-2.0-only
# What the verdict tells in numbers: how long a handshake was half-open, a connection waited for accept(), a byte to be
# read, a reader for data, a sender for the receiver. No test says how long anything shall take: the application and ss
# say from when until when it lasted at least and at most, and that is what must fit.

load helper
load watch
setup()
{
	common_setup
	load_source
}
teardown()
{
	ip link set lo mtu 65536
	watch_teardown
}

# now: CLOCK_MONOTONIC in ns, rounded down to TICK by /proc/uptime
TICK=10000000
now()
{
	local uptime
	read -r uptime _ </proc/uptime
	echo $((10#${uptime/./} * TICK))
}

# lasted NS FROM TO: at least that long, as far as the clock tells
lasted()
{
	is "$3 - $2 > TICK"
	is "$1 >= $3 - $2 - TICK"
}
# within NS FROM TO: at most
within()
{
	is "$1 <= $3 - $2 + TICK"
}

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
	CLIENT="sport=$PORT_OF_CLIENT dport=$PORT"
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
}

# over: the client closes first, and both ends have their verdict
over()
{
	ask client close c
	ask server eof s
	ask server close s
	wait_until seen type=verdict sport="$PORT"
	wait_until seen type=verdict dport="$PORT"
	watch_stop
}

# Recv-Q of the server's connection, by ss.
recvq_is() { [[ $(ss -Htn state connected "( sport = :$PORT and dport = :$PORT_OF_CLIENT )" | awk '{ print $2 }') = "$1" ]]; }
sleeps_in() { grep " $2+" "/proc/$(pid_of "$1")/stack" >/dev/null; }

@test "a lost final ACK: SYN_RECV is as long as ss sees the request" {
	local before from until after client
	PORT=9701
	peer_start client
	peer_start server
	drop tcp dport $PORT tcp flags '& (syn | ack | rst | fin) == ack' drop
	spawn segments tcpdump -i lo -n -S -l --immediate-mode tcp
	wait_until has_line "$BATS_TEST_TMPDIR/segments.err" 'listening on *'
	watch_start $PORT
	ask server listen l 127.0.0.1 $PORT
	before=$(now)
	ask client connect c 127.0.0.1 $PORT
	PORT_OF_CLIENT=$ANSWER
	client=$(now)
	wait_until ss_has state syn-recv sport = :$PORT
	from=$(now)
	# Until the SYN-ACK has come again, by the wire's word.
	wait_until sent_twice
	ss_has state syn-recv sport = :$PORT
	until=$(now)
	dropped_no_more
	ask server accept s l
	after=$(now)
	over
	stop segments INT
	said type=verdict sport=$PORT dport="$PORT_OF_CLIENT"
	lasted "$(of syn_recv_ns)" "$from" "$until"
	within "$(of syn_recv_ns)" "$before" "$after"
	same "$(of handshake_ns)" "$(of syn_recv_ns)"
	is "$(of retransmits) >= 1"
	# The client has it that the handshake was over long before.
	said type=verdict dport=$PORT
	within "$(of handshake_ns)" "$before" "$client"
	same "$(of syn_recv_ns)" ""
	# It was in that state until the ACK came, not for what a child's moment takes.
	said type=state sport=$PORT old=SYN_RECV new=ESTABLISHED
	lasted "$(of in_state_ns)" "$from" "$until"
}
sent_twice() { is "$(grep -c 'Flags \[S\.\]' "$(out_of segments)") >= 2" >/dev/null; }

@test "half-open until it times out: SYN_RECV all the while" {
	local before from until after
	PORT=9702
	sysctl -qw net.ipv4.tcp_synack_retries=1
	peer_start client
	peer_start server
	drop tcp dport $PORT tcp flags '& (syn | ack | rst | fin) == ack' drop
	watch_start $PORT
	ask server listen l 127.0.0.1 $PORT
	before=$(now)
	ask client connect c 127.0.0.1 $PORT
	wait_until ss_has state syn-recv sport = :$PORT
	from=$(now) until=$from
	while ss_has state syn-recv sport = :$PORT; do
		until=$(now)
		nap 0.2
	done
	wait_until seen type=verdict sport=$PORT
	after=$(now)
	watch_stop
	sysctl -qw net.ipv4.tcp_synack_retries=5
	said type=verdict sport=$PORT how=timeout retransmits=1
	lasted "$(of syn_recv_ns)" "$from" "$until"
	within "$(of syn_recv_ns)" "$before" "$after"
	same "$(of handshake_ns)" ""
}

@test "how long a connection waited for accept()" {
	local before from until after
	PORT=9703
	peer_start client
	peer_start server
	watch_start $PORT
	ask server listen l 127.0.0.1 $PORT
	before=$(now)
	ask client connect c 127.0.0.1 $PORT
	PORT_OF_CLIENT=$ANSWER
	# In the accept queue by ss's word.
	wait_until accept_queue_is 1
	from=$(now)
	nap 0.7
	accept_queue_is 1
	until=$(now)
	ask server accept s l
	after=$(now)
	over
	said type=accept sport=$PORT
	lasted "$(of accept_wait_ns)" "$from" "$until"
	within "$(of accept_wait_ns)" "$before" "$after"
	local waited
	waited=$(of accept_wait_ns)
	said type=verdict sport=$PORT accept_wait_ns="$waited"
}
accept_queue_is() { [[ $(ss -Hltn sport = :$PORT | awk '{ print $2 }') = "$1" ]]; }

@test "read delay: partial reads, empty reads, a look" {
	local before from until later after first second
	begin 9704
	before=$(now)
	ask client write c 10
	wait_until recvq_is 10
	from=$(now)
	nap 0.6
	recvq_is 10
	until=$(now)
	ask server read s 4
	recvq_is 6
	nap 0.6
	recvq_is 6
	later=$(now)
	ask server read s 6
	after=$(now)
	# On an empty queue: what comes then does not wait as long as the reader did.
	tell server read s 5
	wait_until sleeps_in server sk_wait_data
	nap 0.6
	local asked
	asked=$(now)
	ask client write c 5
	hear server
	same "$ANSWER" "ok 5"
	local got
	got=$(now)
	over
	same "$(picked "$EVENTS" type=recv op=read "$SERVER" | grep -oE ' bytes=[0-9]+' | tr -d '\n')" " bytes=4 bytes=6 bytes=5"
	said type=recv op=read $SERVER bytes=4
	first=$(of read_delay_ns)
	lasted "$first" "$from" "$until"
	within "$first" "$before" "$after"
	# The rest is no younger for what was read before it.
	said type=recv op=read $SERVER bytes=6
	second=$(of read_delay_ns)
	lasted "$second" "$from" "$later"
	within "$second" "$before" "$after"
	is "second > first"
	said type=recv op=read $SERVER bytes=5
	within "$(of read_delay_ns)" "$asked" "$got"
	is "$(of read_delay_ns) < second"
	said type=verdict $SERVER read_delay_ns="$second"
	# Nobody wrote to the client.
	said type=verdict $CLIENT
	same "$(of read_delay_ns)" ""
}

@test "unread at the end: it waited until then" {
	local before from until after
	begin 9705
	before=$(now)
	ask client write c 77
	wait_until recvq_is 77
	from=$(now)
	nap 0.6
	recvq_is 77
	until=$(now)
	ask server close s
	after=$(now)
	wait_until seen type=verdict sport=9705
	ask client close c
	wait_until seen type=verdict dport=9705
	watch_stop
	said type=verdict $SERVER how=reset why=unread unread=77
	lasted "$(of read_delay_ns)" "$from" "$until"
	within "$(of read_delay_ns)" "$before" "$after"
}

@test "time blocked in read" {
	local before from until after
	begin 9706
	before=$(now)
	tell server read s 5
	wait_until sleeps_in server sk_wait_data
	from=$(now)
	nap 0.7
	sleeps_in server sk_wait_data
	until=$(now)
	ask client write c 5
	hear server
	same "$ANSWER" "ok 5"
	# And until the stream ends, which a FIN alone says.
	tell server eof s
	wait_until sleeps_in server sk_wait_data
	local again
	again=$(now)
	nap 0.7
	sleeps_in server sk_wait_data
	local end
	end=$(now)
	ask client close c
	hear server
	after=$(now)
	ask server close s
	wait_until seen type=verdict sport=9706
	watch_stop
	said type=verdict $SERVER
	is "$(of read_blocked_ns) >= ($until - $from) + ($end - $again) - 2 * TICK"
	within "$(of read_blocked_ns)" "$before" "$after"
	said type=verdict $CLIENT read_blocked_ns=0
}

@test "receiver-limited, as the kernel's own clock has it; and not sender-limited" {
	local before from until after written limited
	begin 9707
	before=$(now)
	ask client fill c
	written=$ANSWER
	wait_until seen type=ack sport="$PORT_OF_CLIENT" snd_wnd=0
	wait_until stalled
	from=$(now)
	nap 0.7
	stalled
	until=$(now)
	ask server read s "$written"
	after=$(now)
	over
	said type=verdict $CLIENT
	limited=$(of receiver_limited_ns)
	lasted "$limited" "$from" "$until"
	within "$limited" "$before" "$after"
	within "$(of sender_limited_ns)" "$((until - from))" "$((after - before))"
	said type=verdict $SERVER receiver_limited_ns=0
}
# The client has unsent data, and the kernel counts that as the window's fault.
stalled()
{
	local text
	text=$(ss -Htin state connected "( dport = :$PORT )")
	[[ $text == *notsent:* && $text == *rwnd_limited:* ]]
}

@test "sender-limited: the congestion window holds back what the receiver's would allow" {
	local before from until after
	modprobe -q sch_netem || true
	ip link set lo mtu 1500
	tc qdisc add dev lo root netem delay 500ms
	begin 9708
	before=$(now)
	# More than the ten segments that may go at first, less than the window.
	ask client write c 40000
	held_back
	from=$(now) until=$from
	while held_back; do
		until=$(now)
		nap 0.05
	done
	ask server read s 40000
	after=$(now)
	over
	said type=verdict $CLIENT
	lasted "$(of sender_limited_ns)" "$from" "$until"
	within "$(of sender_limited_ns)" "$before" "$after"
	same "$(of receiver_limited_ns)" 0
}
# Unsent, and by ss's word not for the window.
held_back()
{
	local text
	text=$(ss -Htin state connected "( dport = :$PORT )")
	[[ $text == *notsent:* && $text != *rwnd_limited:* ]]
}

@test "short and long connections, and who asks" {
	begin 9709
	ask client write c 10
	ask server read s 10
	ask server write s 20
	ask client read c 20
	over
	said type=verdict $CLIENT requests=1 connection=short asked_by=local
	said type=verdict $SERVER requests=1 connection=short asked_by=remote
	stop client || true
	stop server || true
	rm "$BATS_TEST_TMPDIR"/*.{say,hear}
	begin 9710
	for _ in 1 2 3; do
		ask server write s 10
		ask client read c 10
		ask client write c 20
		ask server read s 20
	done
	over
	said type=verdict $CLIENT requests=3 connection=long asked_by=remote
	said type=verdict $SERVER requests=3 connection=long asked_by=local
}

@test "orphaned: closed by its process, given up by the kernel" {
	sysctl -qw net.ipv4.tcp_fin_timeout=2
	begin 9711
	ask client close c
	wait_until seen type=timewait op=begin
	like "$(ss -Htanp dport = :9711)" "FIN-WAIT-2 *"
	fails grep -q users <<<"$(ss -Htanp dport = :9711)"
	wait_until seen type=verdict dport=9711
	sysctl -qw net.ipv4.tcp_fin_timeout=60
	ask server close s
	wait_until seen type=verdict sport=9711
	watch_stop
	said type=verdict $CLIENT how=timeout orphaned=true closed_by=local closed_pid="$(pid_of client)"
	said type=verdict $SERVER how=reset
	same "$(of orphaned)" ""
}

@test "an end that was there: its numbers count from where they began, by what the applications wrote" {
	PORT=9712
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 $PORT
	ask client connect c 127.0.0.1 $PORT
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
	ask client write c 1000
	ask server read s 1000
	ask server write s 20000
	ask client read c 20000
	spawn watch tcptrace-ctl watch --json $PORT
	wait_until asking_are 1
	wait_until seen type=snapshot dport=$PORT
	CLIENT="sport=$PORT_OF_CLIENT dport=$PORT"
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
	over
	said type=state $CLIENT new=FIN_WAIT1 flags=FIN,ACK seq=1001 ack=20001
	said type=state $SERVER new=CLOSE_WAIT flags=FIN,ACK seq=1001
	said type=state $CLIENT new=FIN_WAIT2 ack=1002
	said type=state $SERVER new=LAST_ACK flags=FIN,ACK seq=20001 ack=1002
	said type=verdict $CLIENT bytes_in=20000 bytes_out=1000
	same "$(of bytes_out_counts_syn)" ""
}
