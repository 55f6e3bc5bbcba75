# SPDX-License-Identifier: GPL-2.0-only
# How connections end: who closed, how and why, and what remains for a while.

load recorded
setup_file() { recorded; }

# Only listeners and TIME_WAITs are left on PORT.
over() { wait_until quiet_port "$PORT"; }

# Its TIME_WAIT of 60 s begins before all others, and is checked after them.
traffic_held()
{
	connected 9630
	ask client shutdown c wr
	ask server end s
	wait_until client_is TIME-WAIT
}

traffic_four_way()
{
	connected 9631
	ask server close s
	wait_until server_is FIN-WAIT-2
	client_is CLOSE-WAIT
	ask client eof c
	ask client close c
	over
}

@test "four-way, the server first" {
	judge four_way
	witnesses
	said type=verdict $SERVER state=TIME_WAIT how=four-way closed_by=local closed_pid="$(pid_of server)" "held_ms=(60000|599[0-9][0-9])"
	said type=verdict $CLIENT state=CLOSE how=four-way closed_by=remote closed_pid="$(pid_of server)"
	said type=timewait op=begin $SERVER merged=false
}

traffic_three_way()
{
	for PORT in {9632..9635}; do
		closed_at_once "$PORT"
	done
}

@test "three-way: FIN and ACK are one segment, as tcpdump has it" {
	local PORT merged=0 client server how
	for PORT in {9632..9635}; do
		judge three_way "$PORT"
		witnesses
		client="dport=$PORT" server="sport=$PORT" how=four-way
		case $(answers) in
		1) how=three-way merged=$((merged + 1)) ;;
		esac
		said type=verdict $client how="$how" closed_by=local closed_pid="$(pid_of both)"
		said type=verdict $server how="$how" closed_by=remote closed_pid="$(pid_of both)"
		said type=timewait op=begin $client merged="$([[ $how = three-way ]] && echo true || echo false)"
		said type=state $client new=FIN_WAIT2 flags="$([[ $how = three-way ]] && echo FIN,ACK || echo ACK)" dir=in
	done
	is "merged > 0"
}

@test "three-way, by the second closer's own segments" {
	local PORT how merged=0
	for PORT in {9632..9635}; do
		judge three_way "$PORT"
		how=four-way
		case $(answers) in
		1) how=three-way merged=$((merged + 1)) ;;
		esac
		# As if the other end were on another host.
		events "sport = :$PORT" >"$EVENTS"
		said type=verdict sport="$PORT" how="$how" closed_by=remote
		silent type=verdict dport="$PORT"
	done
	is "merged > 0"
}

# No room for a timewait socket: the connection is gone when the peer's FIN is received.
traffic_no_time_wait()
{
	local buckets
	buckets=$(sysctl -n net.ipv4.tcp_max_tw_buckets)
	sysctl -qw net.ipv4.tcp_max_tw_buckets=0
	counted_from_here
	closed_at_once 9658
	OVERFLOWS=$(counted TcpExtTCPTimeWaitOverflow)
	sysctl -qw net.ipv4.tcp_max_tw_buckets="$buckets"
	keep PORT OVERFLOWS
}

@test "no room for TIME_WAIT: FIN_WAIT2 -> CLOSE, and three-way all the same" {
	local how=four-way
	judge no_time_wait
	same "$OVERFLOWS" 1
	[[ $(answers) != 1 ]] || how=three-way
	said type=state dport=9658 old=FIN_WAIT2 new=CLOSE flags=FIN,ACK dir=in
	said type=verdict dport=9658 how="$how" closed_by=local state=CLOSE
	said type=verdict sport=9658 how="$how" closed_by=remote
	silent type=timewait
}

# Segments are held back until both sides have closed.
traffic_simultaneous()
{
	modprobe -q sch_plug || true
	connected 9641
	tc qdisc add dev lo root plug || skip "this kernel has no qdisc that can be plugged"
	tell client close c
	tell server close s
	hear client
	hear server
	tc qdisc change dev lo root plug release_indefinite
	wait_until traced "CLOSING>CLOSE"
	over
}

traffic_cleanup()
{
	nft delete table inet test
	tc qdisc del dev lo root
	sysctl -qw net.ipv4.tcp_fin_timeout=60
} 2>/dev/null

@test "simultaneous: the FINs cross" {
	judge simultaneous
	witnesses
	in_order "type=state $CLIENT old=ESTABLISHED new=FIN_WAIT1 dir=out flags=FIN,ACK pid=$(pid_of client)" \
		"type=state $CLIENT old=FIN_WAIT1 new=CLOSING dir=in flags=FIN,ACK" \
		"type=timewait op=begin $CLIENT old=CLOSING new=TIME_WAIT dir=in flags=ACK" \
		"type=verdict $CLIENT how=simultaneous closed_by=both state=TIME_WAIT"
	in_order "type=state $SERVER old=ESTABLISHED new=FIN_WAIT1 pid=$(pid_of server)" \
		"type=state $SERVER old=FIN_WAIT1 new=CLOSING" \
		"type=timewait op=begin $SERVER old=CLOSING new=TIME_WAIT" \
		"type=verdict $SERVER how=simultaneous closed_by=both state=TIME_WAIT"
}

traffic_half_closed()
{
	connected 9646
	ask client shutdown c wr
	wait_until client_is FIN-WAIT-2
	ask server eof s
	same "$ANSWER" 0
	ask server write s 30000
	ask client read c 30000
	server_is CLOSE-WAIT
	ask server close s
	ask client eof c
	ask client close c
	over
}

@test "half-closed: data goes on the other way" {
	local from until
	judge half_closed
	witnesses
	said type=shutdown op=shut_wr $CLIENT pid="$(pid_of client)"
	said type=verdict $CLIENT how=four-way bytes_in=30000 bytes_out=0 closed_by=local
	said type=state $CLIENT new=FIN_WAIT1
	from=$(of time)
	said type=timewait op=begin $CLIENT
	until=$(of time)
	said type=verdict $CLIENT half_closed_ns=$((until - from))
	said type=verdict $SERVER bytes_in=0 bytes_out=30000 closed_by=remote
}

traffic_shut_down()
{
	connected 9647
	ask client shutdown c rd
	ask server shutdown s rdwr
	wait_until server_is FIN-WAIT-2
	ask client close c
	wait_until server_is TIME-WAIT
	over
}

@test "shut down for reading, and for both" {
	judge shut_down
	witnesses
	said type=shutdown op=shut_rd $CLIENT state=ESTABLISHED
	said type=shutdown op=shut_rdwr $SERVER pid="$(pid_of server)"
	said type=verdict $SERVER how=four-way closed_by=local
}

unread() { [[ $(ss -Htn state established "( sport = :$PORT )") = "$1 "* ]]; }

traffic_unread()
{
	connected 9648
	ask client write c 1234
	wait_until unread 1234
	ask server close s
	wait_until quiet_port 9648
	asked_fails ECONNRESET client read c 1
	over
}

@test "closed with data unread: reset, by whom, why and how much" {
	judge unread
	witnesses
	said type=recv op=queued $SERVER recvq=1234
	in_order "type=shutdown op=close $SERVER recvq=1234 pid=$(pid_of server)" \
		"type=state $SERVER old=ESTABLISHED new=CLOSE" \
		"type=reset op=sent $SERVER by=local why=unread flags=RST,ACK dir=out" \
		"type=verdict $SERVER how=reset closed_by=local why=unread unread=1234 closed_pid=$(pid_of server)"
	in_order "type=reset op=received $CLIENT by=remote dir=in" \
		"type=state $CLIENT old=ESTABLISHED new=CLOSE error=ECONNRESET" \
		"type=verdict $CLIENT how=reset closed_by=remote closed_pid=$(pid_of server) error=ECONNRESET"
	said type=verdict $SERVER recvq_peak=1234 bytes_in=1234
}

traffic_unread_after_fin()
{
	connected 9659
	ask client shutdown c wr
	ask server eof s
	ask server write s 300
	wait_until unread_by_client 300
	ask client close c
	wait_until fails ss_has "dport = :9659"
	asked_fails EPIPE server write s 1
	over
}

unread_by_client() { [[ $(ss -Htn state fin-wait-2 "( dport = :$PORT )") = "$1 "* ]]; }

@test "closed with data unread after its own FIN: reset, not orphaned" {
	judge unread_after_fin
	witnesses
	in_order "type=shutdown op=shut_wr $CLIENT" \
		"type=state $CLIENT old=FIN_WAIT1 new=FIN_WAIT2" \
		"type=shutdown op=close $CLIENT recvq=300 pid=$(pid_of client)" \
		"type=reset op=sent $CLIENT by=local why=unread flags=RST,ACK dir=out" \
		"type=verdict $CLIENT how=reset closed_by=local why=unread unread=300 closed_pid=$(pid_of client)"
	said type=verdict $SERVER how=reset closed_by=remote why=unread closed_pid="$(pid_of client)"
}

traffic_late_after_shutdown()
{
	connected 9660
	ask server shutdown s rdwr
	wait_until server_is FIN-WAIT-2
	ask client write c 4
	over
	# It is still open, if of no use.
	ask server queues s
}

@test "data comes after shutdown(SHUT_RDWR): reset, and nobody has called close()" {
	judge late_after_shutdown
	in_order "type=shutdown op=shut_rdwr $SERVER pid=$(pid_of server)" \
		"type=verdict $SERVER how=reset closed_by=local why=shutdown closed_pid=$(pid_of server)"
	said type=verdict $CLIENT how=reset closed_by=remote why=shutdown closed_pid="$(pid_of server)"
	# Only when everything was over did the process end, and its socket with it.
	silent type=shutdown op=close $SERVER
}

# A firewall answers the FIN by a RST; the server's process does nothing.
traffic_reset_on_the_way()
{
	connected 9661
	drop 'tcp dport 9661 tcp flags & fin == fin reject with tcp reset'
	ask client close c
	wait_until fails ss_has "dport = :9661"
	dropped_no_more
	server_is ESTAB
	ask server close s
	over
}

@test "the FIN is answered by a RST that no process here caused: none is named" {
	judge reset_on_the_way
	said type=verdict $CLIENT how=reset closed_by=remote error=ECONNRESET
	fails said type=verdict $CLIENT "closed_pid=[0-9]+"
}

traffic_linger()
{
	connected 9649 ::1
	ask client set c linger 0
	ask client close c
	wait_until quiet_port 9649
	asked_fails ECONNRESET server read s 1
	over
}

@test "closed with SO_LINGER and 0: reset" {
	judge linger
	witnesses
	in_order "type=reset op=sent $CLIENT by=local why=linger" \
		"type=verdict $CLIENT how=reset closed_by=local why=linger closed_pid=$(pid_of client) family=6"
	in_order "type=reset op=received $SERVER by=remote" \
		"type=state $SERVER old=ESTABLISHED new=CLOSE error=ECONNRESET" \
		"type=verdict $SERVER how=reset closed_by=remote closed_pid=$(pid_of client)"
}

# While its child is in the accept queue, according to ss.
unaccepted() { [[ $(ss -Hltn "sport = :$PORT") = "LISTEN 1 "* ]]; }

traffic_unaccepted()
{
	connected 9650
	ask client connect c2 127.0.0.1 9650
	SECOND=$ANSWER
	keep SECOND
	wait_until unaccepted
	ask server close l
	wait_until fails ss_has "( sport = :$SECOND or dport = :$SECOND )"
	ask client close c
	ask server eof s
	ask server close s
	over
}

@test "the listener closes before it accepts: reset" {
	judge unaccepted
	witnesses
	said type=verdict sport=9650 dport="$SECOND" how=reset closed_by=local why=unaccepted
	said type=verdict dport=9650 sport="$SECOND" how=reset closed_by=remote
}

traffic_killed()
{
	connected 9651
	KILLED=$(pid_of client)
	keep KILLED
	stop client KILL || true
	ask server eof s
	ask server close s
	over
}

@test "the process is killed: the kernel closes for it" {
	judge killed
	witnesses
	said type=shutdown op=close $CLIENT pid="$KILLED"
	said type=verdict $CLIENT closed_by=local closed_pid="$KILLED" closed_comm=peer
	said type=verdict $SERVER closed_by=remote closed_pid="$KILLED" closed_comm=peer
}

traffic_destroyed()
{
	connected 9652
	ss -K "dport = :9652" >/dev/null
	over
}

@test "ss -K: destroyed" {
	judge destroyed
	witnesses
	said type=state $CLIENT old=ESTABLISHED new=CLOSE error=ECONNABORTED
	said type=verdict $CLIENT how=reset closed_by=local why=destroyed error=ECONNABORTED
	said type=verdict $SERVER how=reset closed_by=remote
}

traffic_unanswered()
{
	connected 9653
	drop tcp sport 9653 drop
	ask client shutdown c wr
	wait_until server_is CLOSE-WAIT
	client_is FIN-WAIT-1
	ask server close s
	server_is LAST-ACK
	client_is FIN-WAIT-1
	dropped_no_more
	# Both FINs are retransmitted.
	over
}

@test "nobody answers any more: FIN_WAIT1, and LAST_ACK, as ss has them" {
	judge unanswered
	witnesses
	in_order "type=state $CLIENT new=FIN_WAIT1" "type=state $SERVER new=CLOSE_WAIT" "type=state $SERVER new=LAST_ACK"
	said type=verdict $CLIENT how="(three-way|four-way)" closed_by=local
	said type=state $SERVER old=LAST_ACK new=CLOSE
}

# orphaned: no process holds the client's endpoint. If an ACK arrives while close() still holds the socket, the socket
# is left as it is, and its timer resets it.
orphaned()
{
	drop tcp sport "$PORT" drop
	ask client close c
	dropped_no_more
}

traffic_orphan()
{
	sysctl -qw net.ipv4.tcp_fin_timeout=10
	connected 9654
	orphaned
	wait_until client_is FIN-WAIT-2
	server_is CLOSE-WAIT
	# No process holds it, and its timer runs; the peer has received the FIN.
	ORPHAN=$(ss -Htano dport = :9654)
	keep ORPHAN
	wait_until fails ss_has dport = :9654
	# The peer is late: the socket is gone.
	ask server close s
	over
}

@test "an orphan in FIN_WAIT2 is a timewait socket, and ends by tcp_fin_timeout" {
	local left
	judge orphan
	witnesses
	like "$ORPHAN" "FIN-WAIT-2 *timer:(timewait,*"
	said type=timewait op=begin $CLIENT old=FIN_WAIT2 new=FIN_WAIT2
	left=$(of timeout_ms)
	is "left > 0 && left <= 10000"
	in_order "type=timewait op=begin $CLIENT state=FIN_WAIT2" \
		"type=timewait op=end $CLIENT old=FIN_WAIT2 new=CLOSE" \
		"type=verdict $CLIENT how=timeout closed_by=local closed_pid=$(pid_of client)" \
		"type=reset op=replied $CLIENT by=local"
	said type=verdict $SERVER how=reset closed_by=remote
}

traffic_orphan_closed()
{
	connected 9655
	orphaned
	wait_until client_is FIN-WAIT-2
	ask server close s
	wait_until client_is TIME-WAIT
	over
}

@test "an orphan in FIN_WAIT2 enters TIME_WAIT when the peer closes" {
	judge orphan_closed
	witnesses
	in_order "type=timewait op=begin $CLIENT old=FIN_WAIT2 new=FIN_WAIT2" \
		"type=timewait op=substate $CLIENT old=FIN_WAIT2 new=TIME_WAIT timeout_ms=60000" \
		"type=verdict $CLIENT how=four-way closed_by=local state=TIME_WAIT"
	said type=verdict $SERVER how=four-way closed_by=remote state=CLOSE
}

# retransmitted: the server has retransmitted its FIN, according to its own count
retransmitted() { [[ $(ss -Htni "sport = :$PORT") = *" retrans:"* ]]; }

traffic_restarted()
{
	connected 9656
	ask client shutdown c wr
	wait_until client_is FIN-WAIT-2
	# The last ACK is lost, so the server keeps retransmitting.
	drop tcp dport 9656 tcp flags '& (fin | syn | ack) == ack' drop
	ask server close s
	wait_until retransmitted
	server_is LAST-ACK
	client_is TIME-WAIT
	dropped_no_more
	wait_until fails server_is LAST-ACK
	over
}

@test "TIME_WAIT is restarted when the FIN is retransmitted" {
	judge restarted
	witnesses
	in_order "type=timewait op=begin $CLIENT new=TIME_WAIT" \
		"type=timewait op=restart $CLIENT old=TIME_WAIT new=TIME_WAIT timeout_ms=60000"
	is "$(lines "$EVENTS" type=verdict) == 2"
}

traffic_reused()
{
	connected 9657
	ask server close s
	wait_until server_is FIN-WAIT-2
	ask client close c
	wait_until server_is TIME-WAIT
	# The same tuple: a SYN beyond the last sequence number replaces the TIME_WAIT.
	ask client reuse
	ask client connect c 127.0.0.1 9657 "$PORT_OF_CLIENT"
	ask server accept s l
	server_is ESTAB
	ask client close c
	ask server eof s
	ask server close s
	over
}

@test "TIME_WAIT ends early when the port is connected again" {
	local first
	judge reused
	witnesses
	said type=timewait op=killed $SERVER old=TIME_WAIT new=CLOSE
	is "$(of timeout_ms) > 0 && $(of timeout_ms) <= 60000"
	first=$(of cookie)
	# Two connections, four endpoints, each with its own cookie.
	is "$(lines "$EVENTS" type=verdict) == 4"
	same "$(picked "$EVENTS" type=verdict | grep -oE ' cookie=[0-9]+' | sort -u | grep -c .)" 4
	said type=verdict cookie="$first" $SERVER closed_by=local how=four-way
}

# The remaining seconds of a TIME_WAIT whose peer is PORT, according to ss, rounded down. If the server closed first, as
# in an earlier file, it is another one.
held() { ss -Htno state time-wait "dport = :$PORT" | sed -nE "s/.*:$PORT .*timewait,([0-9]*)sec.*|.*:$PORT .*timewait,[0-9]*ms.*/\1/p"; }

traffic_held_over()
{
	PORT=9630
	HELD_BEFORE=$(held)
	[[ $HELD_BEFORE ]] || skip "all before it took longer than its TIME_WAIT"
	HELD=$(tcptrace-ctl watch --source="$SOURCE" --once --json dport 9630 | json_lines | grep -oE ' timeout_ms=[0-9]+')
	HELD_AFTER=$(held)
	keep HELD_BEFORE HELD HELD_AFTER
	wait_until fails ss_has state time-wait dport = :9630
}

# between LOW NUMBER HIGH
between() { is "$1 <= $2 && $2 <= $3"; }

@test "TIME_WAIT's time is that of ss, and its end is seen" {
	[[ ! -e $RECORDED/held_over/skipped ]] || skip "$(<"$RECORDED/held_over/skipped")"
	judge held
	. "$RECORDED/held_over/vars"
	witnesses
	# Our time is between two of ss, which rounds.
	between "${HELD_AFTER:-0}000" "${HELD#*=}" "${HELD_BEFORE:-0}999"
	said type=timewait op=begin $CLIENT new=TIME_WAIT
	said type=timewait op=end cookie="$(of cookie)" old=TIME_WAIT new=CLOSE timeout_ms=0
	in_order "type=verdict $CLIENT state=TIME_WAIT held_ms=(60000|599[0-9][0-9])" "type=timewait op=end $CLIENT"
}
