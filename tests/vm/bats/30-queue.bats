# SPDX-License-Identifier: GPL-2.0-only
# Queues: what waits to be read, what waits to be acknowledged, and who waits for that, as ss and /proc/net/tcp have it.

load helper
load watch
setup()
{
	common_setup
	load_source
}
teardown() { watch_teardown; }

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
}

# "RECV-Q SEND-Q" of the socket of PORT, by ss: sport: the server's connection, dport: the client's
queues_ss() { ss -Htn state connected "( sport = :$PORT and dport = :$PORT_OF_CLIENT )" | awk '{ print $2, $3 }'; }
queues_ss_client() { ss -Htn state connected "( dport = :$PORT )" | awk '{ print $2, $3 }'; }

# The same by /proc/net/tcp, which has numbers in hexadecimal.
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

# The same by the last thing that watch said of that socket.
queues_watch()
{
	local line lines i
	mapfile -t lines <"$(out_of watch)"
	for ((i = ${#lines[@]} - 1; i >= 0; i--)); do
		line=${lines[i]}
		[[ $line = *'}' && $line = *"\"sport\":$1,"*"\"dport\":$2,"* ]] || continue
		[[ $line =~ \"recvq\":([0-9]+),\"sendq\":([0-9]+) ]]
		echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
		return
	done
}

# The same by one who comes now.
queues_once()
{
	tcptrace-ctl watch --source="$SOURCE" --once --json "$PORT" | json_lines >"$BATS_TEST_TMPDIR/once"
	SAID=$(picked "$BATS_TEST_TMPDIR/once" "sport=$1" "dport=$2")
	echo "$(of recvq) $(of sendq)"
}

# ss's word of both ends does not change any more: what was sent came, what came was acknowledged.
at_rest()
{
	local before=$QUEUES_SERVER$QUEUES_CLIENT
	QUEUES_SERVER=$(queues_ss)
	QUEUES_CLIENT=$(queues_ss_client)
	[[ $before = "$QUEUES_SERVER$QUEUES_CLIENT" ]]
}
watch_says() { [[ $(queues_watch "$1" "$2") = "$3" ]]; }
# Again where need be: the file comes in pieces, and a line is left out where another socket goes in between.
proc_says() { [[ $(queues_proc "$1" "$2") = "$3" ]]; }

# compare: everybody says the same of both ends
compare()
{
	QUEUES_SERVER="" QUEUES_CLIENT=""
	wait_until at_rest
	echo "by ss: server $QUEUES_SERVER, client $QUEUES_CLIENT"
	wait_until watch_says "$PORT" "$PORT_OF_CLIENT" "$QUEUES_SERVER"
	wait_until watch_says "$PORT_OF_CLIENT" "$PORT" "$QUEUES_CLIENT"
	wait_until proc_says "$PORT" "$PORT_OF_CLIENT" "$QUEUES_SERVER"
	wait_until proc_says "$PORT_OF_CLIENT" "$PORT" "$QUEUES_CLIENT"
	same "$(queues_once "$PORT" "$PORT_OF_CLIENT")" "$QUEUES_SERVER" "watch --once"
	same "$(queues_once "$PORT_OF_CLIENT" "$PORT")" "$QUEUES_CLIENT" "watch --once"
}

# Where a process sleeps, by the kernel's stack.
sleeps_in() { grep " $2+" "/proc/$(pid_of "$1")/stack" >/dev/null; }

@test "slow to read: Recv-Q fills, then the peer's Send-Q" {
	local written recvq sendq
	spawn segments tcpdump -i lo -n -S -l --immediate-mode tcp
	wait_until has_line "$BATS_TEST_TMPDIR/segments.err" 'listening on *'
	begin 9671
	ask client write c 1000
	compare
	same "$QUEUES_SERVER" "1000 0"
	ask client write c 20000
	compare
	same "$QUEUES_SERVER" "21000 0"
	same "$QUEUES_CLIENT" "0 0"
	# Until nothing goes any more: the receiver's window is closed, and the sender's room used up.
	ask client fill c
	written=$((21000 + ANSWER))
	compare
	recvq=${QUEUES_SERVER% *} sendq=${QUEUES_CLIENT#* }
	is "recvq > 21000 && sendq > 0 && recvq + sendq == written"
	wait_until grep -q ' win 0,' "$(out_of segments)"
	wait_until seen type=ack sport="$PORT_OF_CLIENT" snd_wnd=0
	# What is unsent is a part of Send-Q, by ioctl(2).
	ask client queues c
	wait_until seen sport="$PORT_OF_CLIENT" sendq="$sendq" unsent="${ANSWER##* }"
	# The reader wakes up, and everything drains.
	tell server read s "$written"
	hear server
	same "$ANSWER" "ok $written"
	compare
	same "$QUEUES_SERVER $QUEUES_CLIENT" "0 0 0 0"
	ask client close c
	ask server eof s
	ask server close s
	wait_until seen type=verdict sport="$PORT"
	watch_stop
	said type=verdict sport="$PORT" bytes_in="$written" bytes_out=0
	is "$(of recvq_peak) >= $recvq"
	said type=verdict dport="$PORT" bytes_in=0 bytes_out="$written"
	is "$(of sendq_peak) >= $sendq"
	# What came in and what was read, step by step, is what the application counts.
	same "$(sum bytes type=recv op=queued sport="$PORT")" "$written"
	same "$(sum bytes type=recv op=read sport="$PORT")" "$written"
	same "$(sum bytes type=send op=written dport="$PORT")" "$written"
	same "$(sum bytes type=ack dport="$PORT")" "$written"
}

# sum KEY WORD...: over all events with these words
sum()
{
	picked "$EVENTS" "${@:2}" | awk -v key=" $1=" '{ at = index($0, key); sum += substr($0, at + length(key)) } END { print sum + 0 }'
}

@test "nc stopped and continued" {
	local in got written recvq
	PORT=9672
	watch_start $PORT
	mkfifo "$BATS_TEST_TMPDIR/idle"
	exec {in}<>"$BATS_TEST_TMPDIR/idle"
	got=$BATS_TEST_TMPDIR/got
	nc -l 127.0.0.1 $PORT <"$BATS_TEST_TMPDIR/idle" >"$got" 3>&- &
	JOBS[server]=$!
	wait_until ss_has state listening sport = :$PORT
	peer_start client
	ask client connect c 127.0.0.1 $PORT
	PORT_OF_CLIENT=$ANSWER
	ask client write c 10
	wait_until file_has "$got" 10
	kill -STOP "$(pid_of server)"
	ask client fill c
	written=$((10 + ANSWER))
	compare
	recvq=${QUEUES_SERVER% *}
	is "recvq > 10000"
	kill -CONT "$(pid_of server)"
	wait_until file_has "$got" $written
	ask client close c
	wait_until seen type=verdict sport=$PORT
	watch_stop
	said type=verdict sport=$PORT bytes_in=$written comm=nc pid="$(pid_of server)"
	is "$(of recvq_peak) >= recvq"
	same "$(sum bytes type=recv op=read comm=nc)" $written
}

file_has() { [[ $(stat -c %s "$1") = "$2" ]]; }

@test "who waits for data, and who for room" {
	local written
	begin 9673
	tell server read s 5
	wait_until sleeps_in server sk_wait_data
	wait_until seen type=recv op=wait sport=9673 pid="$(pid_of server)"
	ask client write c 5
	hear server
	same "$ANSWER" "ok 5"
	fails seen type=send op=wait
	# More than both queues can take.
	ask client set c sndbuf 20000
	tell client write c 10000000
	wait_until sleeps_in client sk_stream_wait_memory
	wait_until seen type=send op=wait dport=9673 pid="$(pid_of client)"
	ask server read s 10000000
	hear client
	same "$ANSWER" "ok 10000000"
	ask client close c
	ask server eof s
	ask server close s
	wait_until seen type=verdict sport=9673
	watch_stop
	said type=verdict sport=9673 bytes_in=10000005
	said type=verdict dport=9673 bytes_out=10000005
	# It waited before the first byte came.
	in_order "type=recv op=wait sport=9673 recvq=0 pid=$(pid_of server)" "type=send op=written bytes=5" \
		"type=recv op=queued bytes=5 recvq=5" "type=recv op=read bytes=5 recvq=0" "type=send op=wait"
}

@test "requests and answers are counted, both ways" {
	local n
	begin 9674
	for n in 1 2 3 4 5 6 7; do
		ask client write c $((n * 10))
		ask server read s $((n * 10))
		ask server write s $((n * 1000))
		ask client read c $((n * 1000))
	done
	ask client close c
	ask server eof s
	ask server close s
	wait_until seen type=verdict sport=9674
	watch_stop
	said type=verdict sport=9674 requests=7 bytes_in=280 bytes_out=28000
	said type=verdict dport=9674 requests=7 bytes_in=28000 bytes_out=280
}

# flags_of PORT BYTES: of the segment with so many bytes that came from there, by tcpdump
flags_of()
{
	awk -v from="127.0.0.1.$1" -v bytes="$2" '$3 == from && $NF == bytes { print $7 }' "$(out_of segments)"
}

@test "data with the ACK of what was asked, and with the FIN" {
	local n
	witnesses_start
	begin 9677
	# No ACK goes out before its time: it is in the segment with the answer. That one takes the client's fast path where
	# the memory that the one before was given has room for it.
	ask server set s quickack 0
	counted_from_here
	for n in 1 2 3 4 5; do
		ask client write c 100
		tell server read s 100
		tell server write s 20
		hear server
		hear server
	done
	ask client read c 100
	is "$(counted TcpExtTCPHPHits) > 0"
	# Held back until the FIN is there.
	ask server set s cork 1
	tell server write s 300
	tell server close s
	hear server
	hear server
	ask client eof c
	same "$ANSWER" 300
	ask client close c
	wait_until seen type=verdict sport=9677
	watch_stop
	witnesses_stop
	is "$(flags_of 9677 20 | grep -Fc '[P.],') == 5"
	same "$(flags_of 9677 300)" "[FP.],"
	is "$(lines "$EVENTS" type=recv op=queued dport=9677 bytes=20) == 5"
	said type=state dport=9677 new=CLOSE_WAIT bytes=300
	said type=recv op=read dport=9677 bytes=300
	said type=verdict sport=9677 requests=5 bytes_in=500 bytes_out=400
	said type=verdict dport=9677 requests=5 bytes_in=400 bytes_out=500
}

@test "a sender without an answer: unacknowledged and unsent apart" {
	local queues
	begin 9675
	ask client write c 100
	compare
	# From here on nothing of the client arrives.
	drop tcp dport 9675 drop
	ask client write c 3000
	wait_until seen dport=9675 sendq=3000
	queues=$(queues_ss_client)
	same "$queues" "0 3000"
	tcptrace-ctl watch --source="$SOURCE" --once --json 9675 | json_lines >"$BATS_TEST_TMPDIR/once"
	# By ioctl(2): SIOCOUTQ and SIOCOUTQNSD.
	ask client queues c
	local unacked unsent
	read -r _ unacked unsent <<<"$ANSWER"
	SAID=$(picked "$BATS_TEST_TMPDIR/once" dport=9675)
	same "$(of sendq) $(of unsent)" "$unacked $unsent"
	is "$(of unacked) == unacked - unsent && unacked == 3000"
	dropped_no_more
	ask server read s 3100
	compare
	same "$QUEUES_CLIENT" "0 0"
	ask client close c
	ask server eof s
	ask server close s
	wait_until seen type=verdict dport=9675
	watch_stop
	said type=verdict dport=9675 bytes_out=3100
	is "$(of retransmits) >= 1"
	# Whether the reader had taken the first 100 by then is the scheduler's matter.
	said type=verdict sport=9675 bytes_in=3100 "recvq_peak=(3000|3100)"
}
