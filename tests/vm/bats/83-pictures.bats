# SPDX-License-Identifier: GPL-2.0-only
# What ladder, window and states draw and export writes, compared with tcpdump, the kernel's tracepoint, ss and the
# applications' queues.

load helper
load watch
setup()
{
	common_setup
	load_source
	peer_start client
	peer_start server
}
teardown() { watch_teardown; }

# view_start COMMAND [ARGUMENT...]: its JSON; the job is called "watch", as the one that it replaces
view_start()
{
	local before
	before=$(asking)
	spawn watch tcptrace-ctl "$1" --json "${@:2}"
	wait_until asking_are $((before + 1))
}

# connected PORT: c and s
connected()
{
	PORT=$1
	ask server listen l 127.0.0.1 "$PORT"
	ask client connect c 127.0.0.1 "$PORT"
	ask server accept s l
	ask server close l
}
server_is() { ss_has state "$1" "( sport = :$PORT )"; }

# unread_are PEER SOCKET BYTES
unread_are() { ask "$1" queues "$2" && [[ $ANSWER = "$3 "* ]]; }

# Each arrow as a line of its sender and, if it arrived, one of its receiver: what segments.awk compares.
both_ends()
{
	awk '
	function swap(one, other) {
		for (i = 1; i <= NF; i++) {
			if (index($i, one "=") == 1) $i = "!" other "=" substr($i, length(one) + 2)
			else if (index($i, other "=") == 1) $i = one "=" substr($i, length(other) + 2)
		}
		for (i = 1; i <= NF; i++) sub(/^!/, "", $i)
	}
	# tcpdump prints no sequence number for segments that take up none.
	/ flags=ACK / && !/ len=[1-9]/ { sub(/ seq=[0-9]+/, "") }
	/ type=segment / && / dir=out / {
		print
		if (!/ received_time=/ || !/ peer_cookie=/) next
		sub(/ dir=out /, " dir=in ")
		swap("saddr", "daddr")
		swap("sport", "dport")
	}
	{ print }' "$1"
}

# The segments with a sequence number of their own (SYN, data, FIN, RST), in order: "port flags seq".
numbered_arrows()
{
	awk '/ type=segment / {
		split("", key)
		for (i = 1; i <= NF; i++) { at = index($i, "="); key[substr($i, 1, at - 1)] = substr($i, at + 1) }
		flags = key["flags"]
		if (flags !~ /SYN|FIN|RST/ && !(key["len"] > 0)) next
		print (key["dir"] == "out" ? key["sport"] : key["dport"]), \
			(flags ~ /SYN/ ? "S" : "") (flags ~ /FIN/ ? "F" : "") (flags ~ /RST/ ? "R" : ""), key["seq"]
	}' "$1"
}
numbered_segments()
{
	awk '/ Flags \[/ && / seq / {
		for (i = 1; $i != ">"; i++);
		n = split($(i - 1), part, ".")
		flags = $(i + 3)
		match($0, / seq [0-9]+/)
		print part[n], (flags ~ /S/ ? "S" : "") (flags ~ /F/ ? "F" : "") (flags ~ /R/ ? "R" : ""), \
			substr($0, RSTART + 5, RLENGTH - 5)
	}' "$1"
}

# ladder_stop: ends it, and compares each arrow with what tcpdump and the tracepoint saw
ladder_stop()
{
	local arrows segments
	watch_stop
	arrows=$(numbered_arrows "$EVENTS")
	both_ends "$EVENTS" >"$EVENTS.both"
	EVENTS=$EVENTS.both
	cat $TRACE/trace >"$BATS_TEST_TMPDIR/trace"
	segments_stop
	segments=$(numbered_segments "$(out_of segments)")
	same "$arrows" "$segments" "the order of what has numbers"
	awk -f "$BATS_TEST_DIRNAME/segments.awk" "$(out_of segments)" "$EVENTS"
}

@test "ladder: the arrows are tcpdump's segments, in their order: four-way" {
	witnesses_start
	view_start ladder --absolute-seq 9841
	connected 9841
	ask client write c 14
	ask server read s 14
	ask server write s 2000
	ask client read c 2000
	ask client close c
	wait_until server_is CLOSE-WAIT
	ask server close s
	wait_until quiet_port 9841
	ladder_stop
	in_order "flags=SYN new=SYN_SENT peer_new=SYN_RECV" "flags=SYN,ACK peer_new=ESTABLISHED" \
		"flags=ACK peer_new=ESTABLISHED" "len=14" "len=2000" "flags=FIN,ACK new=FIN_WAIT1 peer_new=CLOSE_WAIT" \
		"flags=ACK peer_new=FIN_WAIT2" "flags=FIN,ACK new=LAST_ACK peer_new=TIME_WAIT" "flags=ACK peer_new=CLOSE"
	silent lost=true
}

# acked_with_fin: how many of the server's FINs were sent without an earlier ACK of the client's FIN, and how many FINs
# it sent, according to tcpdump
acked_with_fin()
{
	awk -v port="$PORT" '/ Flags \[/ {
		n = split($3, from, ".")
		m = split($5, to, "[.:]")
		if (to[m - 1] == port && $7 ~ /F/) asked[from[n]] = 1
		if (from[n] != port || !asked[to[m - 1]]) next
		if ($7 !~ /F/) apart[to[m - 1]] = 1
		else if (!over[to[m - 1]]++) { all++; if (!apart[to[m - 1]]) together++ }
	}
	END { print together + 0, all + 0 }' "$(out_of segments)"
}
fins_sent() { [[ $(acked_with_fin) = *" $1" ]]; }

# reads NAME: is its process waiting in recvfrom(2), call 45?
reads()
{
	local call
	read -r call _ <"/proc/${JOBS[$1]}/syscall"
	[[ $call = 45 ]]
}

@test "ladder: a FIN and an ACK in one segment are one arrow" {
	local tries=0 together=0 all
	witnesses_start
	view_start ladder --absolute-seq 9842
	PORT=9842
	ask server listen l 127.0.0.1 9842
	# Once data has arrived, the kernel delays the ACK for 40 ms. A server that is slower sends two segments, and is
	# asked again: tcpdump shows which it was.
	while ((together == 0)); do
		is "tries < 30"
		tries=$((tries + 1))
		ask client connect c 127.0.0.1 9842
		ask server accept s l
		ask client write c 14
		ask server read s 14
		tell server end s
		wait_until reads server
		ask client close c
		hear server
		wait_until fins_sent $tries
		read -r together all <<<"$(acked_with_fin)"
	done
	wait_until quiet_port 9842
	ladder_stop
	read -r together all <<<"$(acked_with_fin)"
	is "together > 0 && all == tries"
	same "$(lines "$EVENTS" dir=out flags=FIN,ACK new=LAST_ACK peer_new=TIME_WAIT)" "$tries"
	same "$(lines "$EVENTS" dir=out flags=ACK peer_new=FIN_WAIT2)" $((tries - together))
}

@test "ladder: a reset" {
	witnesses_start
	view_start ladder --absolute-seq 9843
	connected 9843
	ask server write s 1000
	wait_until unread_are client c 1000
	ask client close c
	asked_fails ECONNRESET server eof s
	ladder_stop
	said dir=out "flags=RST,ACK" new=CLOSE peer_new=CLOSE
}

@test "ladder: one endpoint only, because the filter wants it so" {
	view_start ladder 'sport = :9844'
	connected 9844
	ask client close c
	ask server end s
	wait_until quiet_port 9844
	watch_stop
	# Only the server's texts: no arrow was seen at the other endpoint.
	is "$(lines "$EVENTS" type=segment) > 3"
	silent peer_cookie=.*
	said flags=SYN dir=in new=SYN_RECV
}

@test "ladder: the picture is drawn at Ctrl-C" {
	local before
	before=$(asking)
	spawn watch tcptrace-ctl ladder --svg="$BATS_TEST_TMPDIR/ladder.svg" 9845
	wait_until asking_are $((before + 1))
	connected 9845
	ask client close c
	ask server eof s
	ask server close s
	wait_until quiet_port 9845
	stop watch INT
	python3 -c 'import sys, xml.dom.minidom as x
d = x.parse(sys.argv[1])
t = [n.firstChild.data for n in d.getElementsByTagName("text") if n.firstChild and n.firstChild.nodeType == 3]
assert "TIME_WAIT" in t and "LAST_ACK" in t, t' "$BATS_TEST_TMPDIR/ladder.svg"
}

# counted FROM>TO: how often the tracepoint has seen that change, on the port
counted()
{
	grep -E "port=$PORT .*oldstate=TCP_${1%>*} newstate=TCP_${1#*>}( |\$)" "$BATS_TEST_TMPDIR/trace" | grep -c . || true
}

# edge FROM TO: what states says
edge()
{
	local line
	line=$(picked "$EVENTS" type=edge "old=$1" "new=$2")
	value count "${line:-count=0}"
}

time_waits() { ss -Htan state time-wait "( sport = :$1 or dport = :$1 )" | grep -c . || true; }

@test "states: counts on the edges are the tracepoint's" {
	local i change before after
	witnesses_start
	view_start states 9846
	PORT=9846
	ask server listen l 127.0.0.1 9846
	for i in 1 2 3 4 5; do
		ask client connect c 127.0.0.1 9846
		ask server accept s l
		if ((i < 4)); then
			ask client close c
			wait_until server_is CLOSE-WAIT
			ask server close s
		elif ((i < 5)); then
			ask server close s
			wait_until server_is FIN-WAIT-2
			ask client close c
		else
			ask server set s linger 0
			ask server close s
			asked_fails ECONNRESET client eof c
			ask client close c
		fi
		wait_until quiet_port 9846
	done
	ask server close l
	# They last a minute, which a slow machine may take.
	before=$(time_waits 9846)
	watch_stop
	after=$(time_waits 9846)
	cat $TRACE/trace >"$BATS_TEST_TMPDIR/trace"
	for change in "CLOSE>LISTEN" "LISTEN>CLOSE" "CLOSE>SYN_SENT" "LISTEN>SYN_RECV" "SYN_RECV>ESTABLISHED" \
		"SYN_SENT>ESTABLISHED" "ESTABLISHED>FIN_WAIT1" "ESTABLISHED>CLOSE_WAIT" "FIN_WAIT1>FIN_WAIT2" \
		"CLOSE_WAIT>LAST_ACK" "LAST_ACK>CLOSE" "ESTABLISHED>CLOSE"; do
		same "$(edge "${change%>*}" "${change#*>}")" "$(counted "$change")" "$change"
	done
	# A timewait socket replaces the full one, which changes to CLOSE.
	same "$(edge FIN_WAIT2 TIME_WAIT)" "$(counted "FIN_WAIT2>CLOSE")" "FIN_WAIT2>TIME_WAIT"
	same "$(edge ESTABLISHED CLOSE_WAIT)" 4
	same "$(edge ESTABLISHED CLOSE)" 2
	said type=stay state=TIME_WAIT
	is "$(of now) <= before && $(of now) >= after"
	said type=stay state=ESTABLISHED now=0 left=10
}

# Nothing is under way and nothing can be sent: the kernel shows it by the timer that probes the closed window.
window_closed() { [[ $(ss -Htno "( dport = :$PORT )") = *"timer:(persist,"* ]]; }

# queues: what both applications see: UNREAD UNACKNOWLEDGED UNSENT of each
queues()
{
	ask client queues c
	QUEUES=$ANSWER
	ask server queues s
	QUEUES+=" $ANSWER"
}

@test "window: at rest it is what the applications' queues are" {
	local before
	view_start window 9847
	PORT=9847
	ask server listen l 127.0.0.1 9847
	ask server set l rcvbuf 4096
	ask client connect c 127.0.0.1 9847
	ask server accept s l
	ask client fill c
	wait_until window_closed
	ask server read s 1000
	wait_until window_closed
	# Neither reads nor writes any more: each of these numbers can only fall, or only grow. If they are the same
	# after the view has ended, they have not changed in between.
	queues
	before=$QUEUES
	watch_stop
	queues
	same "$QUEUES" "$before" "at rest"
	local unread unacked unsent server_queue
	read -r unread unacked unsent server_queue _ <<<"$QUEUES"
	# The last one from the client to the server.
	# shellcheck disable=SC2034 # of() reads it
	SAID=$(picked "$EVENTS" type=window dir=out dport=9847 | tail -n 1)
	same "$(of unread)" "$server_queue"
	is "$unread == 0 && $unsent > 0"
	same "$(($(of unacked) + $(of unsent)))" "$unacked"
	same "$(of unsent)" "$unsent"
	same "$(of rcv_wnd)" 0 "the window is closed"
	same "$(of read)" 1001
}

# on_terminal COMMAND...: on a terminal of 100 columns and 50 lines, into the file terminal; TERM_NAME sets another kind
on_terminal()
{
	spawn terminal script -qfec "stty cols 100 rows 50; exec env TERM=${TERM_NAME-xterm} LC_ALL=C.UTF-8 tcptrace-ctl $*" \
		"$BATS_TEST_TMPDIR/terminal"
	wait_until asking_are 1
	wait_until terminal_begun
}
# What it asked for is complete once it waits for records, in ppoll(2), call 271: see begun, which knows only our own
# children.
terminal_begun()
{
	local pid call
	pid=$(pgrep -x tcptrace-ctl) && read -r call _ <"/proc/$pid/syscall" && [[ $call = 271 ]]
}
# What it showed last: after the last time that the cursor moved home.
last_frame()
{
	local frame
	frame=$(<"$BATS_TEST_TMPDIR/terminal")
	sed 's/\x1b\[[0-9;]*[mKJ]//g; s/\r//' <<<"${frame##*$'\e[H'}"
}
frame_has() { [[ $(last_frame) = *"$1"* ]]; }
wait_for_frame() { wait_until frame_has "$1" || { command cat -v "$BATS_TEST_TMPDIR/terminal" | tail -n 20; return 1; }; }

@test "on a terminal: drawn while it happens, in place, and left so at Ctrl-C" {
	local view
	for view in window states ladder; do
		on_terminal $view 9848
		ask server listen l 127.0.0.1 9848
		ask client connect c 127.0.0.1 9848
		ask server accept s l
		ask client write c 1000
		case $view in
		window) wait_for_frame "1000 unread" ;;
		states) wait_for_frame "ESTABLISHED     2│" ;;
		ladder) wait_for_frame "len=1000" ;;
		esac
		last_frame >"${TCPTRACE_OUT:-$BATS_TEST_TMPDIR}/terminal-$view.txt"
		pkill -INT -x tcptrace-ctl
		finish terminal
		frame_has " 0 lost"
		[[ $view != window ]] || frame_has "127.0.0.1:9848 ESTABLISHED"
		[[ $view != ladder ]] || frame_has "▶│ SYN_RECV"
		ask client close c
		ask server close s
		ask server close l
		wait_until quiet_port 9848
	done
}

@test "on a dumb terminal: as into a file, without an escape sequence" {
	local view terminal=$BATS_TEST_TMPDIR/terminal TERM_NAME=dumb
	for view in window states top; do
		on_terminal $view 9848
		ask server listen l 127.0.0.1 9848
		ask client connect c 127.0.0.1 9848
		ask server accept s l
		ask client write c 1000
		case $view in
		window) wait_until grep -q ' 1000/[1-9]' "$terminal" ;;
		states) ;;
		top) wait_until grep -q ' 127.0.0.1:9848 .* 1000 ' "$terminal" ;;
		esac
		pkill -INT -x tcptrace-ctl
		finish terminal
		[[ $view != states ]] || grep 'ESTABLISHED     2│' "$terminal"
		fails grep $'\e' "$terminal"
		ask client close c
		ask server close s
		ask server close l
		wait_until quiet_port 9848
	done
}

# as_tcpdump_says FILE: without what a record does not have, without the clock and the options; one a line, sorted,
# since two CPUs may send at the same time
as_tcpdump_says() { sed -nE '/ Flags \[/ { s/^[^ ]+ //; s/, options \[[^]]*\]//; p }' "$1" | sort; }

@test "export: tcpdump reads of pcapng what it saw itself" {
	local before address packets=$BATS_TEST_TMPDIR/packets
	PORT=9850
	witnesses_start
	before=$(asking)
	spawn watch tcptrace-ctl export --format=pcapng $PORT
	wait_until asking_are $((before + 1))
	for address in 127.0.0.1 ::1; do
		asked_fails ECONNREFUSED client connect "f$address" "$address" $PORT
		ask server listen l "$address" $PORT
		ask client connect c "$address" $PORT
		ask server accept s l
		ask client write c 14
		ask server read s 14
		tell server write s 50000
		ask client read c 50000
		hear server
		ask client close c
		wait_until server_is CLOSE-WAIT
		ask server close s
		ask client connect c "$address" $PORT
		ask server accept s l
		ask client set c linger 0
		ask client close c
		asked_fails ECONNRESET server eof s
		ask server close s
		ask server close l
		wait_until quiet_port $PORT
	done
	stop watch INT
	like "$(<"$BATS_TEST_TMPDIR/watch.err")" "-- * events from $SOURCE, 0 lost"
	segments_stop
	tcpdump -r "$(out_of watch)" -nS >"$packets" 2>/dev/null
	grep " $PORT\|\.$PORT" "$(out_of segments)" >"$packets.seen"
	is "$(grep -c 'Flags \[S\]' "$packets.seen") >= 6 && $(grep -c 'Flags \[R' "$packets.seen") >= 4"
	same "$(as_tcpdump_says "$packets")" "$(as_tcpdump_says "$packets.seen")"
}
