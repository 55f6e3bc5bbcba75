# SPDX-License-Identifier: GPL-2.0-only
# watch --explain: the words below each step, with the numbers that tcpdump saw, in the order of what happened.

load helper
load watch
setup()
{
	common_setup
	load_source
}
teardown()
{
	[[ $BATS_TEST_COMPLETED || ! -s $(out_of text) ]] || tail -n 80 "$(out_of text)"
	watch_teardown
}

# explain_start PORT [ARGUMENT...]
explain_start()
{
	PORT=$1
	spawn segments tcpdump -i lo -n -S -l --immediate-mode tcp
	wait_until has_line "$BATS_TEST_TMPDIR/segments.err" 'listening on *'
	spawn text tcptrace-ctl watch --explain --absolute-seq "$@"
	wait_until has_line "$(out_of text)" 'TIME *'
}

# explain_stop: TEXT is what was said
explain_stop()
{
	stop text INT
	stop segments INT
	same "$(<"$BATS_TEST_TMPDIR/text.err")" ""
	TEXT=$(<"$(out_of text)")
	like "$TEXT" "*-- [1-9]* events from *, 0 lost"
	# Every place was filled, and with what is known.
	fails grep -E '[{}]|=\?|some time' "$(out_of text)"
}

# begin PORT [ARGUMENT...]: client's socket c and server's s are connected, and explained
begin()
{
	peer_start client
	peer_start server
	explain_start "$@"
	ask server listen l 127.0.0.1 "$PORT"
	ask client connect c 127.0.0.1 "$PORT"
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
}

said_line() { has_line "$(out_of text)" "*$1*"; }
verdicts_are() { [[ $(grep -c ' == ' "$(out_of text)") = "$1" ]]; }

# told PATTERN...: lines of TEXT that fit, one after the other
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

# number FLAGS FIELD [LINE]: of each segment with these flags on the wire, or of one of them
number()
{
	awk -v flags="$1" 'index($0, " Flags [" flags "],")' "$(out_of segments)" | grep -oE "$2 [0-9]+" |
		cut -d ' ' -f 2 | sed -n "${3-}p"
}
@test "the whole life: handshake, data, four-way close, with the wire's numbers" {
	local j k
	begin 9721
	ask client write c 5
	ask server read s 5
	ask client shutdown c wr
	wait_until ss_state FIN-WAIT-2 "dport = :9721"
	ask server eof s
	ask server close s
	ask server close l
	wait_until verdicts_are 2
	wait_until said_line "LISTEN -> CLOSE"
	explain_stop
	j=$(number S seq 1)
	k=$(number S. seq 1)
	is "j > 0 && k > 0"
	told "CLOSE -> LISTEN" "Passive open: peer/$(pid_of server) called listen() for port 9721." \
		"CLOSE -> SYN_SENT" "First handshake step: peer/$(pid_of client) called connect()*sequence number J=$j and" \
		"LISTEN -> SYN_RECV" "Second handshake step: the server answers SYN+ACK with its own sequence number K=$k and acknowledges J+1=$((j + 1))." \
		"SYN_SENT -> ESTABLISHED" "SYN+ACK with the peer's sequence number K=$k, and it acknowledges J+1=$((j + 1)). Third handshake step: this end answers ACK K+1=$((k + 1))."
	told "LISTEN -> SYN_RECV" "The third handshake step arrives: the peer acknowledges K+1=$((k + 1))*accept queue: 1 in it now" \
		"SYN_RECV -> ESTABLISHED" "The handshake is complete on this side, too*It was half-open, in SYN_RECV, for " \
		"accept()" "peer/$(pid_of server) called accept()*which had waited in the accept queue for "
	told "wrote 5" "peer/$(pid_of client) wrote 5 bytes, which only puts them into the send queue" \
		"5 bytes came" "5 bytes came, and lie in the receive queue" \
		"read 5" "peer/$(pid_of server) read 5 bytes. The oldest of them had waited for *The receive queue is empty." \
		"shutdown(SHUT_WR)" "peer/$(pid_of client) called shutdown(SHUT_WR): it will write no more, but can go on reading, a half-close.*FIN goes out" \
		"ESTABLISHED -> FIN_WAIT1" "First step of the close: *FIN seq=$((j + 6)) *FIN_WAIT1 waits for ACK $((j + 7))." \
		"ESTABLISHED -> CLOSE_WAIT" "The first step of the close arrives (passive close): FIN seq=$((j + 6)),"
	told "FIN_WAIT1 -> FIN_WAIT2" "The second step of the close arrives: ACK $((j + 7)) acknowledges the FIN. The connection is half-closed" \
		"close()" "peer/$(pid_of server) closed the last descriptor" \
		"CLOSE_WAIT -> LAST_ACK" "Third step of the close: *FIN seq=$((k + 1)). LAST_ACK waits for nothing but ACK $((k + 2)).*half-closed for " \
		"FIN_WAIT2 -> TIME_WAIT" "The third step of the close arrives, FIN seq=$((k + 1)). Fourth step*TIME_WAIT lasts for 60.0s, twice the longest life"
	told "LAST_ACK -> CLOSE" "The fourth step of the close arrives: ACK $((k + 2)) acknowledges the FIN." \
		"LISTEN -> CLOSE" "peer/$(pid_of server) closed the listener"
	# The wire has these numbers.
	same "$(number F. seq 1)" $((j + 6))
}

@test "three-way, or four: as tcpdump has it" {
	local try fin
	for ((try = 0; try < 5; try++)); do
		begin $((9722 + try))
		tell server end s
		ask client close c
		hear server
		wait_until verdicts_are 2
		explain_stop
		# The answer to the first FIN is the second FIN itself.
		fin=$(awk '/ Flags \[F\.\]/ { first++ } first == 1 && / Flags \[\.\]/ { acks++ } END { print acks + 0 }' "$(out_of segments)")
		if ((!fin)); then
			told "FIN_WAIT1 -> FIN_WAIT2" "The third one is in the same segment, the peer's own FIN" \
				"FIN_WAIT2 -> TIME_WAIT" "the second and third step of the close in one, a three-way close."
			grep -q 'FIN_WAIT1 -> FIN_WAIT2 .* recv FIN,ACK' "$(out_of text)"
			return
		fi
		told "FIN_WAIT1 -> FIN_WAIT2" "half-closed" "FIN_WAIT2 -> TIME_WAIT" "The third step of the close arrives"
		fails grep -q 'FIN_WAIT1 -> FIN_WAIT2 .* recv FIN,ACK' "$(out_of text)"
		stop client || true
		stop server || true
		rm "$BATS_TEST_TMPDIR"/*.{say,hear}
	done
	echo "the ACK never came with the FIN"
	return 1
}

@test "simultaneous open and close" {
	local try
	modprobe -q sch_netem || true
	for ((try = 0; try < 5; try++)); do
		peer_start client
		peer_start server
		explain_start $((9731 + try))
		tc qdisc add dev lo root netem delay 500ms
		# Each from the port that the other one connects to.
		tell client connect c 127.0.0.1 "$PORT" $((PORT + 100))
		tell server connect s 127.0.0.1 $((PORT + 100)) "$PORT"
		hear client
		hear server
		wait_until ss_state ESTAB "dport = :$PORT"
		wait_until ss_state ESTAB "sport = :$PORT"
		tell client close c
		tell server close s
		hear client
		hear server
		wait_until verdicts_are 2
		tc qdisc del dev lo root
		explain_stop
		[[ $TEXT != *"SYN_SENT -> SYN_RECV"*"FIN_WAIT1 -> CLOSING"* ]] || break
		stop client || true
		stop server || true
		rm "$BATS_TEST_TMPDIR"/*.{say,hear}
	done
	is "try < 5"
	told "SYN_SENT -> SYN_RECV" "Simultaneous open: this end waited for an answer to its SYN, and a SYN without ACK came" \
		"SYN_RECV -> ESTABLISHED" "two calls of connect() have made one connection, without any listener." \
		"ESTABLISHED -> FIN_WAIT1" "First step of the close" \
		"FIN_WAIT1 -> CLOSING" "Simultaneous close: the FINs crossed." \
		"CLOSING -> TIME_WAIT" "the simultaneous close is complete. Both sides closed first"
}

@test "a slow reader: the window closes and opens, writer and reader wait" {
	begin 9741
	tell server read s 5
	wait_until said_line "sleeps in its read until data, a FIN or a RST comes"
	ask client write c 5
	hear server
	ask client set c sndbuf 20000
	tell client write c 8000000
	wait_until said_line "The peer's window is closed (zero window)"
	wait_until said_line "No room is left in the send queue"
	grep -q ' win 0,' "$(out_of segments)"
	ask server read s 8000000
	hear client
	ask client close c
	ask server end s
	wait_until verdicts_are 2
	explain_stop
	told "waits for data" "The receive queue is empty, so peer/$(pid_of server) sleeps in its read" \
		"wrote " " came" "What came before was not read yet: the reader is slower than the sender" \
		"window 0" "But for small probes this end has to stay silent"
	told "window 0" "The peer's window opens again, "
	told "waits for room" "No room is left in the send queue"
}

@test "resets: unread, SO_LINGER, refused" {
	begin 9742
	ask client write c 123
	wait_until said_line "123 bytes came, and lie"
	ask server close s
	wait_until verdicts_are 2
	ask client close c
	ask client connect d 127.0.0.1 9742
	ask server accept e l
	ask client set d linger 0
	ask client close d
	wait_until verdicts_are 4
	ask server close e
	ask server close l
	asked_fails ECONNREFUSED client connect f 127.0.0.1 9742
	wait_until verdicts_are 5
	explain_stop
	told "close()" "peer/$(pid_of server) closed the last descriptor of the socket with 123 bytes unread." \
		"ESTABLISHED -> CLOSE" "Aborted from this side: 123 bytes that came were never read" \
		"send RST,ACK" "RST: the connection is aborted, not closed"
	told "recv RST" "A RST came whose numbers fit" "ECONNRESET" "The RST ends it*the application is told ECONNRESET." \
		"close()" "with SO_LINGER on" "ESTABLISHED -> CLOSE" "SO_LINGER with a time of 0 asks for RST instead of FIN"
	told "LISTEN -> CLOSE" "send RST" "A segment came to port 9742 that belongs to no socket" \
		"ECONNREFUSED" "Refused: nobody listens on port 9742 there*connect() fails with ECONNREFUSED."
}

@test "nobody answers: half-open, the full accept queue, connect() that times out" {
	sysctl -qw net.ipv4.tcp_synack_retries=1
	sysctl -qw net.ipv4.tcp_syn_retries=1
	peer_start client
	peer_start server
	explain_start 9743
	ask server listen l 127.0.0.1 9743 0
	ask client connect c 127.0.0.1 9743
	wait_until said_line "Now the accept queue is full"
	# ss says so, too: one waits where none should.
	same "$(ss -Hltn sport = :9743 | awk '{ print $2, $3 }')" "1 0"
	ask server accept s l
	drop tcp dport 9743 tcp flags '& (syn | ack | rst | fin) == ack' drop
	ask client connect d 127.0.0.1 9743
	wait_until said_line "SYN_RECV -> CLOSE"
	dropped_no_more
	drop tcp dport 9743 drop
	asked_fails ETIMEDOUT client connect e 127.0.0.1 9743
	dropped_no_more
	wait_until said_line "SYN_SENT -> CLOSE"
	stop client || true
	stop server || true
	explain_stop
	sysctl -qw net.ipv4.tcp_synack_retries=5
	sysctl -qw net.ipv4.tcp_syn_retries=6
	# How often, is the wire's word: of the SYN-ACK that comes again, and of the last SYN.
	local again syn
	again=$(number S. seq | sort | uniq -d)
	syn=$(number S seq '$')
	is "again > 0 && syn > 0"
	told "SYN_RECV -> CLOSE" "The third handshake step never came: SYN+ACK was sent $(grep -c "Flags \[S\.\], seq $again," "$(out_of segments)") times." \
		"SYN_SENT -> CLOSE" "No answer: the SYN was sent $(grep -c "Flags \[S\], seq $syn," "$(out_of segments)") times within *connect() fails with ETIMEDOUT."
}

@test "an orphan, and TIME_WAIT's end" {
	sysctl -qw net.ipv4.tcp_fin_timeout=2
	begin 9744
	ask client close c
	wait_until said_line "FIN_WAIT2 -> CLOSE"
	ask server close s
	wait_until verdicts_are 2
	begin_again
	sysctl -qw net.ipv4.tcp_fin_timeout=60
	# The same four numbers: the SYN takes the place of the TIME_WAIT.
	ask client reuse
	ask client connect c 127.0.0.1 9744 "$PORT_OF_CLIENT"
	wait_until said_line "before its time"
	explain_stop
	told "FIN_WAIT2" "No process holds this end any more, so a small timewait socket takes its place. The peer has " \
		"FIN_WAIT2 -> CLOSE" "The peer's FIN did not come, and nobody here waits for it"
	told "TIME_WAIT -> CLOSE" "TIME_WAIT ends * before its time: a new SYN took its place"
}
# A connection that the server closes first: the TIME_WAIT is at its port.
begin_again()
{
	ask client connect c 127.0.0.1 9744
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
	ask server close s
	wait_until ss_state FIN-WAIT-2 "( sport = :9744 and dport = :$PORT_OF_CLIENT )"
	ask client close c
	wait_until ss_state TIME-WAIT "( sport = :9744 and dport = :$PORT_OF_CLIENT )"
}

@test "words are not for programs" {
	run tcptrace-ctl watch --explain --json 9745
	same "$status $output" "2 tcptrace-ctl watch: --explain: words are for people; leave it or --json out"
}
