# SPDX-License-Identifier: GPL-2.0-only
# Queues: what waits to be read, what waits to be acknowledged, and who waits for it, compared with ss and
# /proc/net/tcp.

load recorded
setup_file() { recorded; }

# Only listeners and TIME_WAITs are left on PORT.
over() { wait_until quiet_port "$PORT"; }

traffic_cleanup() { nft delete table inet test 2>/dev/null; }

# A refused connection to a port of the test's own: it marks this moment in the recording.
mark() { { : </dev/tcp/127.0.0.1/$((PORT + 10)); } 2>/dev/null || true; }

# upto N: what watch printed up to mark N, which must exist
upto()
{
	awk -v dport=" dport=$((PORT + 10)) " -v n="$1" '
		index(" " $0 " ", " type=connect ") && index($0 " ", dport) && ++marks == n { found = 1; exit }
		{ print }
		END { exit !found }' "$EVENTS"
}

# at_rest BYTES: so many bytes are written and not read, each of them is in one queue, and none will move any more.
# QUEUES_SERVER and QUEUES_CLIENT are "RECV-Q SEND-Q", according to ss. If the window is not closed, data moves on with
# time.
at_rest()
{
	local word client=""
	QUEUES_SERVER="" QUEUES_CLIENT=""
	while read -ra word; do
		if [[ ${word[3]} = *:$PORT ]]; then
			QUEUES_SERVER="${word[1]} ${word[2]}"
		else
			QUEUES_CLIENT="${word[1]} ${word[2]}"
			client="${word[*]} "
		fi
	done < <(ss -HtniO state connected "( ( sport = :$PORT and dport = :$PORT_OF_CLIENT ) or dport = :$PORT )")
	[[ $QUEUES_SERVER && $QUEUES_CLIENT && $client != *" unacked:"* ]] || return 1
	[[ $QUEUES_CLIENT = "0 0" || $client != *" snd_wnd:"* ]] || return 1
	((${QUEUES_SERVER% *} + ${QUEUES_CLIENT#* } == $1))
}

# "RECV-Q SEND-Q" according to /proc/net/tcp, which prints hexadecimal numbers.
queues_proc()
{
	local line word wanted
	wanted=$(printf ':%04X *:%04X 01' "$1" "$2")
	while read -r line; do
		# shellcheck disable=SC2053 # a pattern it shall be
		[[ $line == *$wanted* ]] || continue
		read -ra word <<<"$line"
		echo $((16#${word[4]#*:})) $((16#${word[4]%:*}))
	done </proc/net/tcp
}
# Repeated if necessary: the file is read in pieces, and a line is missing if another socket is added in between.
proc_says() { [[ $(queues_proc "$1" "$2") = "$3" ]]; }

SERVERS=() CLIENTS=() IOCTLS=()
# compare: /proc and ss agree on both endpoints; a new reader, and the recording up to here, are judged later
compare()
{
	# By ioctl(2), which waits until the socket is no longer in use.
	ask client queues c
	QUEUES_IOCTL=$ANSWER
	echo "by ss: server $QUEUES_SERVER, client $QUEUES_CLIENT"
	wait_until proc_says "$PORT" "$PORT_OF_CLIENT" "$QUEUES_SERVER"
	wait_until proc_says "$PORT_OF_CLIENT" "$PORT" "$QUEUES_CLIENT"
	tcptrace-ctl watch --source="$SOURCE" --once --json "$PORT" >"$BATS_TEST_TMPDIR/once.${#SERVERS[@]}"
	SERVERS+=("$QUEUES_SERVER")
	CLIENTS+=("$QUEUES_CLIENT")
	IOCTLS+=("$QUEUES_IOCTL")
	keep SERVERS CLIENTS IOCTLS
	mark
}

# compare_at BYTES: when everything is at rest
compare_at()
{
	wait_until at_rest "$1"
	compare
}

# queues FILE SPORT DPORT: "RECV-Q SEND-Q" in the last event of that socket
queues()
{
	SAID=$(picked "$1" sport="$2" dport="$3" 'recvq=.*' | tail -n 1)
	echo "$(of recvq) $(of sendq)"
}

# agreed: at each moment all sources agree on both endpoints
agreed()
{
	local n said=$BATS_TEST_TMPDIR/upto once=$BATS_TEST_TMPDIR/once
	for n in "${!SERVERS[@]}"; do
		upto $((n + 1)) >"$said"
		json_lines "$KEPT/once.$n" >"$once"
		same "$(queues "$said" "$PORT" "$PORT_OF_CLIENT")" "${SERVERS[n]}" "watch, server, $n"
		same "$(queues "$said" "$PORT_OF_CLIENT" "$PORT")" "${CLIENTS[n]}" "watch, client, $n"
		same "$(queues "$once" "$PORT" "$PORT_OF_CLIENT")" "${SERVERS[n]}" "watch --once, server, $n"
		same "$(queues "$once" "$PORT_OF_CLIENT" "$PORT")" "${CLIENTS[n]}" "watch --once, client, $n"
	done
}

# sum KEY WORD...: the sum over all events with these words
sum()
{
	picked "$EVENTS" "${@:2}" | awk -v key=" $1=" '{ at = index($0, key); sum += substr($0, at + length(key)) } END { print sum + 0 }'
}

traffic_slow()
{
	connected 9671
	ask client write c 1000
	compare_at 1000
	ask client write c 20000
	compare_at 21000
	# Until nothing moves any more: the receiver's window is closed, and the sender's buffer is full.
	ask client fill c
	WRITTEN=$((21000 + ANSWER))
	keep WRITTEN
	compare_at $WRITTEN
	# The reader wakes up, and the queues drain.
	ask server read s $WRITTEN
	same "$ANSWER" $WRITTEN
	compare_at 0
	ask client close c
	ask server eof s
	ask server close s
	over
}

@test "slow to read: Recv-Q fills, then the peer's Send-Q" {
	local recvq sendq full=$BATS_TEST_TMPDIR/full
	judge slow 9671 9681
	agreed
	same "${SERVERS[0]}" "1000 0"
	same "${SERVERS[1]}" "21000 0"
	same "${CLIENTS[1]}" "0 0"
	recvq=${SERVERS[2]% *} sendq=${CLIENTS[2]#* }
	is "recvq > 21000 && sendq > 0 && recvq + sendq == WRITTEN"
	is "$(segments | grep -c '\.9671 > .* win 0,') > 0"
	upto 3 >"$full"
	is "$(lines "$full" type=ack "sport=$PORT_OF_CLIENT" snd_wnd=0) > 0"
	# Unsent data is a part of Send-Q, according to ioctl(2).
	is "$(lines "$full" "sport=$PORT_OF_CLIENT" sendq="$sendq" unsent="${IOCTLS[2]##* }") > 0"
	same "${SERVERS[3]} ${CLIENTS[3]}" "0 0 0 0"
	said type=verdict sport=9671 bytes_in="$WRITTEN" bytes_out=0
	is "$(of recvq_peak) >= $recvq"
	said type=verdict dport=9671 bytes_in=0 bytes_out="$WRITTEN"
	is "$(of sendq_peak) >= $sendq"
	# The received and read bytes of all steps add up to the application's count.
	same "$(sum bytes type=recv op=queued sport=9671)" "$WRITTEN"
	same "$(sum bytes type=recv op=read sport=9671)" "$WRITTEN"
	same "$(sum bytes type=send op=written dport=9671)" "$WRITTEN"
	same "$(sum bytes type=ack dport=9671)" "$WRITTEN"
}

file_has() { [[ $(stat -c %s "$1") = "$2" ]]; }
stopped() { [[ $(<"/proc/$(pid_of "$1")/stat") = *") T "* ]]; }

traffic_stopped()
{
	local in got=$BATS_TEST_TMPDIR/got
	PORT=9672
	mkfifo "$BATS_TEST_TMPDIR/idle.say"
	exec {in}<>"$BATS_TEST_TMPDIR/idle.say"
	nc -l 127.0.0.1 $PORT <"$BATS_TEST_TMPDIR/idle.say" >"$got" 3>&- &
	JOBS[server]=$!
	wait_until ss_has state listening sport = :$PORT
	peer_start client
	ask client connect c 127.0.0.1 $PORT
	PORT_OF_CLIENT=$ANSWER
	ask client write c 10
	wait_until file_has "$got" 10
	kill -STOP "$(pid_of server)"
	wait_until stopped server
	ask client fill c
	WRITTEN=$((10 + ANSWER))
	keep PORT PORT_OF_CLIENT WRITTEN
	compare_at $((WRITTEN - 10))
	kill -CONT "$(pid_of server)"
	wait_until file_has "$got" $WRITTEN
	rm "$got"
	ask client close c
	over
}

@test "nc stopped and continued" {
	local recvq
	judge stopped 9672 9682
	agreed
	recvq=${SERVERS[0]% *}
	is "recvq > 10000"
	said type=verdict sport=9672 bytes_in="$WRITTEN" comm=nc pid="$(pid_of server)"
	is "$(of recvq_peak) >= recvq"
	same "$(sum bytes type=recv op=read comm=nc)" "$WRITTEN"
}

# Where a process sleeps, according to the kernel's stack.
sleeps_in() { grep " $2+" "/proc/$(pid_of "$1")/stack" >/dev/null; }

traffic_waiting()
{
	connected 9673
	tell server read s 5
	wait_until sleeps_in server sk_wait_data
	ask client write c 5
	hear server
	same "$ANSWER" "ok 5"
	mark
	# More than both queues can hold.
	ask client set c sndbuf 20000
	tell client write c 1000000
	wait_until sleeps_in client sk_stream_wait_memory
	mark
	ask server read s 1000000
	hear client
	same "$ANSWER" "ok 1000000"
	ask client close c
	ask server eof s
	ask server close s
	over
}

@test "who waits for data, and who for room" {
	local said=$BATS_TEST_TMPDIR/upto
	judge waiting 9673 9683
	said type=verdict sport=9673 bytes_in=1000005
	said type=verdict dport=9673 bytes_out=1000005
	# It waited before the first byte arrived.
	in_order "type=recv op=wait $SERVER recvq=0 pid=$(pid_of server)" "type=send op=written bytes=5" \
		"type=recv op=queued bytes=5 recvq=5" "type=recv op=read bytes=5 recvq=0" \
		"type=send op=wait $CLIENT pid=$(pid_of client)"
	# And when the server had read these 5 bytes, nobody had waited for room.
	upto 1 >"$said"
	is "$(lines "$said" type=recv op=read bytes=5) == 1 && $(lines "$said" type=send op=wait) == 0"
	# The client waited, before the server read.
	upto 2 >"$said"
	is "$(lines "$said" type=recv op=read) == 1 && $(lines "$said" type=send op=wait "$CLIENT") > 0"
}

traffic_requests()
{
	local n
	connected 9674
	for n in 1 2 3 4 5 6 7; do
		ask client write c $((n * 10))
		ask server read s $((n * 10))
		ask server write s $((n * 1000))
		ask client read c $((n * 1000))
	done
	ask client close c
	ask server eof s
	ask server close s
	over
}

@test "requests and answers are counted, both ways" {
	judge requests
	said type=verdict sport=9674 requests=7 bytes_in=280 bytes_out=28000
	said type=verdict dport=9674 requests=7 bytes_in=28000 bytes_out=280
}

# Three times: a delayed ACK goes out by itself after 200 ms if something keeps the CPU from the closing process for so
# long.
traffic_with_ack()
{
	local port n
	for port in {9677..9679}; do
		connected "$port"
		# No ACK goes out before its time: it is in the segment with the answer. That segment takes the client's
		# fast path if the memory allocated for the previous one has room for it.
		ask server set s quickack 0
		((port != 9677)) || counted_from_here
		for n in 1 2 3 4 5; do
			ask client write c 100
			tell server $'read s 100\nwrite s 20'
			hear server
			hear server
		done
		ask client read c 100
		((port != 9677)) || FAST=$(counted TcpExtTCPHPHits)
		# Held back until the FIN is there.
		ask server set s cork 1
		tell server $'write s 300\nclose s\nclose l'
		hear server
		hear server
		hear server
		ask client eof c
		same "$ANSWER" 300
		ask client close c
		over
	done
	keep FAST
}

# flags_of PORT BYTES: the flags of the segment with so many bytes from PORT, according to tcpdump
flags_of()
{
	segments | awk -v from="127.0.0.1.$1" -v bytes="$2" '
		{ for (i = 1; $i != ">"; i++); }
		$(i - 1) == from && $NF == bytes { print $(i + 3) }'
}

@test "data with the ACK of what was asked, and with the FIN" {
	local port held=0
	for port in {9677..9679}; do
		judge with_ack "$port"
		witnesses
		is "FAST > 0"
		is "$(flags_of "$port" 20 | grep -Fc '[P.],') == 5"
		is "$(lines "$EVENTS" type=recv op=queued dport="$port" bytes=20) == 5"
		if [[ $(flags_of "$port" 300) = "[FP.]," ]]; then
			held=$((held + 1))
			said type=state dport="$port" new=CLOSE_WAIT bytes=300
		fi
		said type=recv op=read dport="$port" bytes=300
		said type=verdict sport="$port" requests=5 bytes_in=500 bytes_out=400
		said type=verdict dport="$port" requests=5 bytes_in=400 bytes_out=500
	done
	is "held > 0"
}

traffic_unanswered()
{
	connected 9675
	ask client write c 100
	compare_at 100
	# From here on, nothing from the client arrives.
	drop tcp dport 9675 drop
	ask client write c 3000
	QUEUES_SERVER="100 0"
	QUEUES_CLIENT=$(ss -Htn state connected "( dport = :9675 )" | awk '{ print $2, $3 }')
	compare
	dropped_no_more
	ask server read s 3100
	compare_at 0
	ask client close c
	ask server eof s
	ask server close s
	over
}

@test "a sender without an answer: unacknowledged and unsent apart" {
	local unacked unsent
	judge unanswered 9675 9685
	agreed
	same "${CLIENTS[1]}" "0 3000"
	# By ioctl(2): SIOCOUTQ and SIOCOUTQNSD.
	read -r _ unacked unsent <<<"${IOCTLS[1]}"
	json_lines "$KEPT/once.1" >"$BATS_TEST_TMPDIR/once"
	SAID=$(picked "$BATS_TEST_TMPDIR/once" dport=9675)
	same "$(of sendq) $(of unsent)" "$unacked $unsent"
	is "$(of unacked) == unacked - unsent && unacked == 3000"
	same "${CLIENTS[2]}" "0 0"
	said type=verdict dport=9675 bytes_out=3100
	is "$(of retransmits) >= 1"
	# Whether the reader had taken the first 100 bytes by then is up to the scheduler.
	said type=verdict sport=9675 bytes_in=3100 "recvq_peak=(3000|3100)"
}
