# SPDX-License-Identifier: GPL-2.0-only
# watch --explain: the texts below each step, with tcpdump's numbers, in the order of events.

load recorded
setup_file() { recorded; }
teardown() { [[ $BATS_TEST_COMPLETED || ! -s $BATS_TEST_TMPDIR/text ]] || tail -n 80 "$BATS_TEST_TMPDIR/text"; }

# explained: TEXT is what was explained for the ports being judged
explained()
{
	tcptrace-ctl watch --source="$RECORDED/recording" --explain --absolute-seq "$(of_ports)" \
		>"$BATS_TEST_TMPDIR/text" 2>"$BATS_TEST_TMPDIR/text.err"
	same "$(<"$BATS_TEST_TMPDIR/text.err")" ""
	TEXT=$(<"$BATS_TEST_TMPDIR/text")
	like "$TEXT" "TIME *-- [1-9]* events, 0 lost"
	# Every placeholder was filled, with something known.
	fails grep -E '[{}]|=\?|some time' "$BATS_TEST_TMPDIR/text"
}

# told PATTERN...: lines of TEXT that match, in this order
told()
{
	local line lines pattern=0 patterns=("$@")
	mapfile -t lines <<<"$TEXT"
	for line in "${lines[@]}"; do
		# shellcheck disable=SC2053 # a pattern it shall be
		[[ $line != *${patterns[pattern]}* ]] || pattern=$((pattern + 1))
		((pattern < $#)) || return 0
	done
	echo "not told, or not in this order: ${patterns[pattern]}"
	return 1
}

# number FLAGS FIELD [LINE]: of each segment on the wire with these flags, or of one of them
number()
{
	segments | awk -v flags="$1" 'index($0, " Flags [" flags "],")' | grep -oE "$2 [0-9]+" |
		cut -d ' ' -f 2 | sed -n "${3-}p"
}

# Functions that succeed have undone all this themselves; $status is the function's.
traffic_cleanup()
{
	[[ $status != 0 ]] || return 0
	dropped_no_more
	tc qdisc del dev lo root
	echo 5 >/proc/sys/net/ipv4/tcp_synack_retries
	echo 6 >/proc/sys/net/ipv4/tcp_syn_retries
	echo 60 >/proc/sys/net/ipv4/tcp_fin_timeout
} 2>/dev/null

# According to the application itself, which needs no other program: so many bytes are in the receive queue of the
# server's s.
unread()
{
	ask server queues s
	[[ $ANSWER = "$1 "* ]]
}
sleeps_in() { grep " $2+" "/proc/$(pid_of "$1")/stack" >/dev/null; }

traffic_life()
{
	connected 9721
	ask client write c 5
	wait_until unread 5
	ask server read s 5
	ask client shutdown c wr
	wait_until client_is FIN-WAIT-2
	ask server eof s
	ask server close s
	wait_until traced "LAST_ACK>CLOSE"
	ask server close l
}

@test "the whole life: handshake, data, four-way close, with the wire's numbers" {
	local j k
	judge life
	explained
	j=$(number S seq 1)
	k=$(number S. seq 1)
	is "j > 0 && k > 0"
	told "CLOSE -> LISTEN" "Passive open: peer/$(pid_of server) called listen() for port 9721." \
		"CLOSE -> SYN_SENT" "First handshake step: peer/$(pid_of client) called connect()*sequence number J=$j and" \
		"LISTEN -> SYN_RECV" "Second handshake step: the server answers SYN+ACK with its own initial sequence number K=$k and acknowledges J+1=$((j + 1))." \
		"SYN_SENT -> ESTABLISHED" "SYN+ACK with the peer's initial sequence number K=$k, which acknowledges J+1=$((j + 1)). Third handshake step: this endpoint answers ACK K+1=$((k + 1))."
	told "LISTEN -> SYN_RECV" "The third handshake step arrives: the peer acknowledges K+1=$((k + 1))*accept queue, which now holds 1." \
		"SYN_RECV -> ESTABLISHED" "The handshake is complete on this side, too*The connection was half-open, in SYN_RECV, for " \
		"accept()" "peer/$(pid_of server) called accept() and now has the connection, which had waited in the accept queue for "
	told "wrote 5" "peer/$(pid_of client) wrote 5 bytes. A write only appends to the send queue: " \
		"received 5 bytes" "Received 5 bytes. Data stays in the receive queue" \
		"read 5" "peer/$(pid_of server) read 5 bytes. The oldest byte had waited for *The receive queue is empty." \
		"shutdown(SHUT_WR)" "peer/$(pid_of client) called shutdown(SHUT_WR): it will write no more, but it can still read (a half-close).*The FIN goes out" \
		"ESTABLISHED -> FIN_WAIT1" "First step of the close: *FIN seq=$((j + 6)) *FIN_WAIT1 waits for ACK $((j + 7))." \
		"ESTABLISHED -> CLOSE_WAIT" "The first step of the close arrives (passive close): FIN seq=$((j + 6)),"
	told "FIN_WAIT1 -> FIN_WAIT2" "The second step of the close arrives: ACK $((j + 7)) acknowledges the FIN. The connection is half-closed" \
		"close()" "peer/$(pid_of server) closed the last descriptor" \
		"CLOSE_WAIT -> LAST_ACK" "Third step of the close: *FIN seq=$((k + 1)). LAST_ACK waits only for ACK $((k + 2)).*half-closed for " \
		"FIN_WAIT2 -> TIME_WAIT" "The third step of the close arrives, FIN seq=$((k + 1)). Fourth step*TIME_WAIT lasts for 60.0s: Linux's value for 2MSL, twice the maximum lifetime"
	told "LAST_ACK -> CLOSE" "The fourth step of the close arrives: ACK $((k + 2)) acknowledges the FIN." \
		"LISTEN -> CLOSE" "peer/$(pid_of server) stopped listening"
	# The wire has these numbers.
	same "$(number F. seq 1)" $((j + 6))
}

traffic_three_way()
{
	for PORT in {9722..9725}; do
		closed_at_once "$PORT"
	done
}

@test "three-way, or four: as tcpdump has it" {
	local PORT merged=0
	for PORT in {9722..9725}; do
		judge three_way "$PORT"
		explained
		# The answer to the first FIN is the second FIN itself.
		if (($(answers) == 1)); then
			merged=$((merged + 1))
			told "FIN_WAIT1 -> FIN_WAIT2" "The third step, the peer's own FIN, is in the same segment" \
				"FIN_WAIT2 -> TIME_WAIT" "It merges the second and third step of the close: a three-way close."
			grep -q 'FIN_WAIT1 -> FIN_WAIT2 .* recv FIN,ACK' "$BATS_TEST_TMPDIR/text"
		else
			told "FIN_WAIT1 -> FIN_WAIT2" "half-closed" "FIN_WAIT2 -> TIME_WAIT" "The third step of the close arrives"
			fails grep -q 'FIN_WAIT1 -> FIN_WAIT2 .* recv FIN,ACK' "$BATS_TEST_TMPDIR/text"
		fi
	done
	is "merged > 0"
}

both_established() { [[ $(ss -Htn state established "( sport = :$PORT or dport = :$PORT )" | grep -c .) = 2 ]]; }

# Segments are held back until both have called connect(), and until both have closed.
traffic_simultaneous()
{
	PORT=9731
	keep PORT
	modprobe -q sch_plug || true
	peer_start client
	peer_start server
	tc qdisc add dev lo root plug || skip "this kernel has no qdisc that can be plugged"
	# Each connects from the port that the other one connects to.
	ask client start c 127.0.0.1 $PORT $((PORT + 100))
	ask server start s 127.0.0.1 $((PORT + 100)) $PORT
	tc qdisc change dev lo root plug release_indefinite
	wait_until both_established
	tc qdisc change dev lo root plug block
	ask client close c
	ask server close s
	tc qdisc change dev lo root plug release_indefinite
	wait_until quiet_port $PORT
	tc qdisc del dev lo root
}

@test "simultaneous open and close" {
	judge simultaneous
	explained
	same "$(grep -c 'SYN_SENT -> SYN_RECV' "$BATS_TEST_TMPDIR/text")" 2
	same "$(grep -c 'FIN_WAIT1 -> CLOSING' "$BATS_TEST_TMPDIR/text")" 2
	told "SYN_SENT -> SYN_RECV" "Simultaneous open: this endpoint was waiting for an answer to its SYN and received a SYN without ACK" \
		"SYN_RECV -> ESTABLISHED" "two calls of connect() have made one connection, without any listener." \
		"ESTABLISHED -> FIN_WAIT1" "First step of the close" \
		"FIN_WAIT1 -> CLOSING" "Simultaneous close: the FINs crossed." \
		"CLOSING -> TIME_WAIT" "the simultaneous close is complete. Both sides closed first"
}

# Everything that the client sent is acknowledged, more is queued, and the window is 0, so ss omits it.
window_closed()
{
	local text
	text=$(ss -Htnoi state connected "( dport = :$PORT )")
	[[ $text = *timer:\(persist,* && $text = *notsent:* && $text != *snd_wnd:* ]]
}

traffic_slow_reader()
{
	connected 9741
	tell server read s 5
	wait_until sleeps_in server sk_wait_data
	ask client write c 5
	hear server
	ask client set c sndbuf 20000
	# More than both queues can hold.
	tell client write c 1000000
	wait_until sleeps_in client sk_stream_wait_memory
	wait_until window_closed
	ask server read s 1000000
	hear client
	ask client close c
	ask server end s
	wait_until traced "LAST_ACK>CLOSE"
}

@test "a slow reader: the window closes and opens, writer and reader wait" {
	judge slow_reader
	explained
	segments | grep -q ' win 0,'
	told "blocked in read" "The receive queue is empty, so peer/$(pid_of server) sleeps in its read" \
		"wrote " "received " "Earlier data was still unread: the reader is slower than the sender" \
		"window 0" "This endpoint may send nothing but small probes."
	told "window 0" "The peer's window reopens, "
	told "waits for send buffer space" "The send queue has no room left"
	told "sleeps in its read until data, a FIN or a RST arrives"
	told "The peer's window is closed (zero window)"
}

traffic_resets()
{
	connected 9742
	ask client write c 123
	wait_until unread 123
	ask server close s
	wait_until quiet_port 9742
	ask client close c
	ask client connect d 127.0.0.1 9742
	ask server accept e l
	ask client set d linger 0
	ask client close d
	wait_until quiet_port 9742
	ask server close e
	ask server close l
	asked_fails ECONNREFUSED client connect f 127.0.0.1 9742
}

@test "resets: unread, SO_LINGER, refused" {
	judge resets
	explained
	is "$(grep -c ' == ' "$BATS_TEST_TMPDIR/text") == 5"
	told "Received 123 bytes. Data stays"
	told "close()" "peer/$(pid_of server) closed the last descriptor of the socket with 123 bytes unread." \
		"ESTABLISHED -> CLOSE" "Aborted from this side, which discards 123 bytes received but never read." \
		"send RST,ACK" "RST: the connection is aborted, not closed"
	told "recv RST" "Received a RST with acceptable numbers" "ECONNRESET" "The RST ends the connection*The application gets ECONNRESET." \
		"close()" "with SO_LINGER on" "ESTABLISHED -> CLOSE" "SO_LINGER with a time of 0 asks for a RST instead of a FIN"
	told "LISTEN -> CLOSE" "send RST" "A segment arrived at port 9742 that belongs to no socket" \
		"ECONNREFUSED" "Refused: nobody listens on port 9742 there*connect() fails with ECONNREFUSED."
}

# The accept queue of PORT according to ss: one connection waits although the backlog is 0.
full() { [[ $(ss -Hltn sport = :$PORT | awk '{ print $2, $3 }') = "1 0" ]]; }

traffic_nobody()
{
	PORT=9743
	keep PORT
	echo 1 >/proc/sys/net/ipv4/tcp_synack_retries
	echo 1 >/proc/sys/net/ipv4/tcp_syn_retries
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 $PORT 0
	ask client connect c 127.0.0.1 $PORT
	wait_until full
	ask server accept s l
	drop tcp dport $PORT tcp flags '& (syn | ack | rst | fin) == ack' drop
	ask client connect d 127.0.0.1 $PORT
	# Both give up within the same few seconds.
	drop tcp dport $PORT drop
	asked_fails ETIMEDOUT client connect e 127.0.0.1 $PORT
	wait_until fails ss_has state syn-recv sport = :$PORT
	dropped_no_more
	echo 5 >/proc/sys/net/ipv4/tcp_synack_retries
	echo 6 >/proc/sys/net/ipv4/tcp_syn_retries
}

@test "nobody answers: half-open, the full accept queue, connect() that times out" {
	judge nobody
	explained
	told "The accept queue is full now."
	# According to the wire, how often the SYN-ACK and the last SYN were retransmitted.
	local again syn
	again=$(number S. seq | sort | uniq -d)
	syn=$(number S seq '$')
	is "again > 0 && syn > 0"
	told "SYN_RECV -> CLOSE" "The third handshake step never arrived: SYN+ACK was sent $(segments | grep -c "Flags \[S\.\], seq $again,") times."
	told "SYN_SENT -> CLOSE" "No answer: the SYN was sent $(segments | grep -c "Flags \[S\], seq $syn,") times within *connect() fails with ETIMEDOUT."
}

traffic_orphan()
{
	connected 9744
	echo 1 >/proc/sys/net/ipv4/tcp_fin_timeout
	# If an ACK arrives while close() still holds the socket, the socket is left as it is, and its timer resets it.
	drop tcp sport 9744 drop
	ask client close c
	dropped_no_more
	wait_until traced "FIN_WAIT1>FIN_WAIT2"
	wait_until fails ss_has dport = :9744
	ask server close s
	echo 60 >/proc/sys/net/ipv4/tcp_fin_timeout
	# The server closes this connection first, so that its port has the TIME_WAIT.
	ask client connect c 127.0.0.1 9744
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
	ask server close s
	wait_until server_is FIN-WAIT-2
	ask client close c
	wait_until server_is TIME-WAIT
	# The same tuple: the SYN replaces the TIME_WAIT.
	ask client reuse
	ask client connect c 127.0.0.1 9744 "$PORT_OF_CLIENT"
}

@test "an orphan, and TIME_WAIT's end" {
	judge orphan
	explained
	told "FIN_WAIT2" "No process holds this endpoint any more, so a small timewait socket takes its place. The peer has " \
		"FIN_WAIT2 -> CLOSE" "The peer's FIN did not arrive, and no process here waits for it."
	told "TIME_WAIT -> CLOSE" "TIME_WAIT ends * early. Either a new SYN took its place"
}

@test "words are not for programs" {
	run tcptrace-ctl watch --explain --json 9745
	same "$status $output" "2 tcptrace-ctl watch: --explain has no JSON output: omit it or --json"
}
