# SPDX-License-Identifier: GPL-2.0-only
# The durations in a verdict: how long a handshake was half-open, a connection waited for accept(), a byte waited to be
# read, a reader for data, a sender for the receiver. No test says how long anything should take: the application and ss
# give a lower and an upper bound, which have to fit.

load recorded
setup_file() { recorded; }

# now: CLOCK_MONOTONIC in ns, rounded down to TICK by /proc/uptime
TICK=10000000
now()
{
	local uptime
	read -r uptime _ </proc/uptime
	echo $((10#${uptime/./} * TICK))
}
# passed FROM [NS]: the clock has advanced by NS since FROM; NS is well above TICK
passed() { is "$(now) - $1 >= ${2-20 * TICK}"; }

# lasted NS FROM TO: NS is at least TO - FROM. What is measured had begun by FROM and had not ended by TO: TO is taken
# before the event that ends it, or before ss still saw it.
lasted()
{
	is "$3 - $2 > TICK"
	is "$1 >= $3 - $2 - TICK"
}
# within NS FROM TO: NS is at most TO - FROM. It began after FROM, and had ended by TO.
within()
{
	is "$1 <= $3 - $2 + TICK"
}

# over: the client closes first, and both endpoints are gone, except for the client's TIME_WAIT
over()
{
	ask client close c
	ask server eof s
	ask server close s
	wait_until traced "LAST_ACK>CLOSE"
}

# Functions that succeed have undone all this themselves; $status is the function's.
traffic_cleanup()
{
	[[ $status != 0 ]] || return 0
	dropped_no_more
	ip link set lo mtu 65536
	echo 5 >/proc/sys/net/ipv4/tcp_synack_retries
	echo 60 >/proc/sys/net/ipv4/tcp_fin_timeout
} 2>/dev/null

# Recv-Q of the server's connection, according to ss.
recvq_is() { [[ $(ss -Htn state connected "( sport = :$PORT and dport = :$PORT_OF_CLIENT )" | awk '{ print $2 }') = "$1" ]]; }
sleeps_in() { grep " $2+" "/proc/$(pid_of "$1")/stack" >/dev/null; }

# The request on PORT has retransmitted its SYN-ACK, according to ss.
sent_again() { [[ $(ss -Htno state syn-recv sport = :$PORT) = *timer:\(*,[1-9]*\)* ]]; }

traffic_lost_ack()
{
	PORT=9701
	peer_start client
	peer_start server
	drop tcp dport $PORT tcp flags '& (syn | ack | rst | fin) == ack' drop
	ask server listen l 127.0.0.1 $PORT
	before=$(now)
	ask client connect c 127.0.0.1 $PORT
	PORT_OF_CLIENT=$ANSWER
	client=$(now)
	wait_until ss_has state syn-recv sport = :$PORT
	from=$(now)
	wait_until sent_again
	# Nothing else ends it.
	until=$(now)
	dropped_no_more
	ask server accept s l
	after=$(now)
	over
	keep PORT PORT_OF_CLIENT before client from until after
}

@test "a lost final ACK: SYN_RECV is as long as ss sees the request" {
	judge lost_ack
	is "$(segments | grep -c 'Flags \[S\.\]') >= 2"
	said type=verdict sport="$PORT" dport="$PORT_OF_CLIENT"
	lasted "$(of syn_recv_ns)" "$from" "$until"
	within "$(of syn_recv_ns)" "$before" "$after"
	same "$(of handshake_ns)" "$(of syn_recv_ns)"
	is "$(of retransmits) >= 1"
	# The client believes that the handshake was complete long before.
	said type=verdict dport="$PORT"
	within "$(of handshake_ns)" "$before" "$client"
	same "$(of syn_recv_ns)" ""
	# It was in that state until the ACK arrived, not for the short time that a child is.
	said type=state sport="$PORT" old=SYN_RECV new=ESTABLISHED
	lasted "$(of in_state_ns)" "$from" "$until"
}

# half_open: PORT is in SYN_RECV. The shell itself checks, many times within the few seconds that it lasts.
half_open()
{
	local line lines pattern
	mapfile -t lines </proc/net/tcp
	printf -v pattern '* ????????:%04X ????????:???? 03 *' "$PORT"
	for line in "${lines[@]}"; do
		# shellcheck disable=SC2053 # a pattern it shall be
		[[ $line != $pattern ]] || return 0
	done
	return 1
}

traffic_half_open()
{
	PORT=9702
	peer_start client
	peer_start server
	echo 1 >/proc/sys/net/ipv4/tcp_synack_retries
	drop tcp dport $PORT tcp flags '& (syn | ack | rst | fin) == ack' drop
	ask server listen l 127.0.0.1 $PORT
	before=$(now)
	ask client connect c 127.0.0.1 $PORT
	wait_until half_open
	from=$(now) until=$from
	while looked=$(now) && half_open; do
		until=$looked
	done
	after=$(now)
	dropped_no_more
	echo 5 >/proc/sys/net/ipv4/tcp_synack_retries
	keep PORT before from until after
}

@test "half-open until it times out: SYN_RECV all the while" {
	judge half_open
	said type=verdict sport="$PORT" how=timeout retransmits=1
	lasted "$(of syn_recv_ns)" "$from" "$until"
	within "$(of syn_recv_ns)" "$before" "$after"
	same "$(of handshake_ns)" ""
}

accept_queue_is() { [[ $(ss -Hltn sport = :$PORT | awk '{ print $2 }') = "$1" ]]; }

traffic_accept()
{
	PORT=9703
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 $PORT
	before=$(now)
	ask client connect c 127.0.0.1 $PORT
	# In the accept queue, according to ss.
	wait_until accept_queue_is 1
	from=$(now)
	wait_until passed "$from"
	accept_queue_is 1
	until=$(now)
	ask server accept s l
	after=$(now)
	over
	keep PORT before from until after
}

@test "how long a connection waited for accept()" {
	local waited
	judge accept
	said type=accept sport="$PORT"
	waited=$(of accept_wait_ns)
	lasted "$waited" "$from" "$until"
	within "$waited" "$before" "$after"
	said type=verdict sport="$PORT" accept_wait_ns="$waited"
}

traffic_read_delay()
{
	connected 9704
	# With an empty queue: the next data does not wait as long as the reader did.
	tell server read s 5
	wait_until sleeps_in server sk_wait_data
	slept=$(now)
	wait_until passed "$slept"
	asked=$(now)
	ask client write c 5
	hear server
	same "$ANSWER" "ok 5"
	got=$(now)
	ask client write c 10
	wait_until recvq_is 10
	from=$(now)
	wait_until passed "$from"
	recvq_is 10
	until=$(now)
	ask server read s 4
	recvq_is 6
	# The rest waits longer than anything that the sleeping reader received can have waited.
	wait_until passed "$from" $((got - asked + 3 * TICK))
	recvq_is 6
	later=$(now)
	ask server read s 6
	after=$(now)
	ask client write c 3
	ask server read s 3
	over
	keep asked got from until later after
}

@test "read delay: partial reads, empty reads, a look" {
	local first second third last
	judge read_delay
	same "$(picked "$EVENTS" type=recv op=read "$SERVER" | grep -oE ' bytes=[0-9]+' | tr -d '\n')" " bytes=5 bytes=4 bytes=6 bytes=3"
	said type=recv op=read $SERVER bytes=4
	first=$(of read_delay_ns)
	lasted "$first" "$from" "$until"
	within "$first" "$got" "$after"
	# The rest does not get younger by what was read before it.
	said type=recv op=read $SERVER bytes=6
	second=$(of read_delay_ns)
	lasted "$second" "$from" "$later"
	within "$second" "$got" "$after"
	is "second > first"
	said type=recv op=read $SERVER bytes=5
	third=$(of read_delay_ns)
	within "$third" "$asked" "$got"
	is "third < second"
	# The longest wait, not the last one.
	said type=recv op=read $SERVER bytes=3
	last=$(of read_delay_ns)
	said type=verdict $SERVER read_delay_ns=$((second > last ? second : last))
	# Nobody wrote to the client.
	said type=verdict $CLIENT
	same "$(of read_delay_ns)" ""
}

traffic_unread()
{
	connected 9705
	before=$(now)
	ask client write c 77
	wait_until recvq_is 77
	from=$(now)
	wait_until passed "$from"
	recvq_is 77
	until=$(now)
	ask server close s
	after=$(now)
	wait_until quiet_port 9705
	ask client close c
	keep before from until after
}

@test "unread at the end: it waited until then" {
	judge unread
	said type=verdict $SERVER how=reset why=unread unread=77
	lasted "$(of read_delay_ns)" "$from" "$until"
	within "$(of read_delay_ns)" "$before" "$after"
	said type=verdict $CLIENT
}

traffic_blocked()
{
	connected 9706
	before=$(now)
	tell server read s 5
	wait_until sleeps_in server sk_wait_data
	from=$(now)
	wait_until passed "$from"
	sleeps_in server sk_wait_data
	until=$(now)
	ask client write c 5
	hear server
	same "$ANSWER" "ok 5"
	# And until the end of the stream, which only a FIN signals.
	tell server eof s
	wait_until sleeps_in server sk_wait_data
	again=$(now)
	wait_until passed "$again"
	sleeps_in server sk_wait_data
	end=$(now)
	ask client close c
	hear server
	after=$(now)
	ask server close s
	wait_until traced "LAST_ACK>CLOSE"
	keep before from until again end after
}

@test "time blocked in read" {
	judge blocked
	is "until - from > TICK && end - again > TICK"
	said type=verdict $SERVER
	is "$(of read_blocked_ns) >= ($until - $from) + ($end - $again) - 2 * TICK"
	within "$(of read_blocked_ns)" "$before" "$after"
	said type=verdict $CLIENT read_blocked_ns=0
}

# The client has unsent data, everything that it sent is acknowledged, the window is 0 (ss then omits it), and the
# kernel attributes that to the window.
stalled()
{
	local text
	text=$(ss -Htnoi state connected "( dport = :$PORT )")
	[[ $text = *timer:\(persist,* && $text = *notsent:* && $text = *rwnd_limited:* && $text != *snd_wnd:* ]]
}

traffic_receiver_limited()
{
	connected 9707
	before=$(now)
	ask client fill c
	written=$ANSWER
	wait_until stalled
	from=$(now)
	wait_until passed "$from"
	stalled
	until=$(now)
	ask server read s "$written"
	after=$(now)
	over
	keep before from until after
}

@test "receiver-limited, as the kernel's own clock has it; and not sender-limited" {
	local limited
	judge receiver_limited
	is "$(lines "$EVENTS" type=ack $CLIENT snd_wnd=0) >= 1"
	said type=verdict $CLIENT
	limited=$(of receiver_limited_ns)
	lasted "$limited" "$from" "$until"
	within "$limited" "$before" "$after"
	within "$(of sender_limited_ns)" "$((until - from))" "$((after - before))"
	said type=verdict $SERVER receiver_limited_ns=0
}

# Unsent, and according to ss not because of the window.
held_back()
{
	local text
	text=$(ss -Htin state connected "( dport = :$PORT )")
	[[ $text == *notsent:* && $text != *rwnd_limited:* ]]
}

# The ACKs are held back from the client until ss has seen it.
traffic_sender_limited()
{
	ip link set lo mtu 1500
	connected 9708
	drop tcp sport 9708 drop
	before=$(now)
	# More than the ten segments of the initial window, less than the receiver's window.
	tell client write c 40000
	wait_until held_back
	from=$(now)
	wait_until passed "$from"
	until=$(now)
	held_back
	dropped_no_more
	hear client
	same "$ANSWER" "ok 40000"
	ask server read s 40000
	after=$(now)
	over
	ip link set lo mtu 65536
	keep before from until after
}

@test "sender-limited: the congestion window holds back what the receiver's would allow" {
	judge sender_limited
	said type=verdict $CLIENT
	lasted "$(of sender_limited_ns)" "$from" "$until"
	within "$(of sender_limited_ns)" "$before" "$after"
	same "$(of receiver_limited_ns)" 0
}

traffic_short_and_long()
{
	connected 9709
	ask client write c 10
	ask server read s 10
	ask server write s 20
	ask client read c 20
	over
	ask server close l
	connected 9710
	for _ in 1 2 3; do
		ask server write s 10
		ask client read c 10
		ask client write c 20
		ask server read s 20
	done
	over
}

@test "short and long connections, and who asks" {
	judge short_and_long 9709 9710
	said type=verdict dport=9709 requests=1 connection=short asked_by=local
	said type=verdict sport=9709 requests=1 connection=short asked_by=remote
	said type=verdict dport=9710 requests=3 connection=long asked_by=remote
	said type=verdict sport=9710 requests=3 connection=long asked_by=local
}

# ss has tcp_fin_timeout to see the orphan. If the guest is too slow for that, it gets more.
traffic_orphan()
{
	for timeout in 2 4 8 16 32; do
		connected 9711
		ask server close l
		echo $timeout >/proc/sys/net/ipv4/tcp_fin_timeout
		# If an ACK arrives while close() still holds the socket, the socket is left as it is, and its timer
		# resets it.
		drop tcp sport 9711 drop
		ask client close c
		dropped_no_more
		wait_until traced "FIN_WAIT1>FIN_WAIT2"
		ORPHAN=$(ss -Htanp dport = :9711)
		wait_until fails ss_has dport = :9711
		ask server close s
		[[ ! $ORPHAN ]] || break
	done
	echo 60 >/proc/sys/net/ipv4/tcp_fin_timeout
	keep ORPHAN
}

@test "orphaned: closed by its process, given up by the kernel" {
	judge orphan
	like "$ORPHAN" "FIN-WAIT-2 *"
	[[ $ORPHAN != *users* ]]
	said type=verdict $CLIENT how=timeout orphaned=true closed_by=local closed_pid="$(pid_of client)"
	said type=verdict $SERVER how=reset
	same "$(of orphaned)" ""
}

# A recording of its own, which begins in the middle of a connection.
traffic_was_there()
{
	connected 9712
	ask client write c 1000
	ask server read s 1000
	ask server write s 20000
	ask client read c 20000
	before=$(asking)
	spawn late tcptrace-ctl record --quiet --source="$SOURCE" --level=queue "$BATS_TEST_TMPDIR/late" 9712
	wait_until asking_are $((before + 1))
	over
	stop late INT
	same "$(<"$BATS_TEST_TMPDIR/late.err")" ""
}

@test "an endpoint that existed before: its numbers count from where they began, by what the applications wrote" {
	judge was_there
	EVENTS=$BATS_TEST_TMPDIR/late
	tcptrace-ctl watch --source="$KEPT/late" --json 9712 | json_lines >"$EVENTS"
	is "$(lines "$EVENTS" type=lost lost=0 unknown=0 missed=0 model_full=0) == 1"
	said type=snapshot $CLIENT
	said type=snapshot $SERVER
	said type=state $CLIENT new=FIN_WAIT1 flags=FIN,ACK seq=1001 ack=20001
	said type=state $SERVER new=CLOSE_WAIT flags=FIN,ACK seq=1001
	said type=state $CLIENT new=FIN_WAIT2 ack=1002
	said type=state $SERVER new=LAST_ACK flags=FIN,ACK seq=20001 ack=1002
	said type=verdict $CLIENT bytes_in=20000 bytes_out=1000
	same "$(of bytes_out_counts_syn)" ""
}
