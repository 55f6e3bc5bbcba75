# SPDX-License-Identifier: GPL-2.0-only
# The edges of RFC 9293's state diagram (section 3.3.2) that need a peer which acts as no kernel would at that moment:
# tests/tools/wire sends the segments that it is told to send. The other edges are in 20-life and 21-close.

load recorded
setup_file() { recorded; }

# begin PORT: starts an application and the wire
begin()
{
	PORT=$1
	keep PORT
	peer_start app
	wire_start
}

# ends OWN-PORT PEER-PORT: sets FILTER for ss, and END for the judgement
ends()
{
	FILTER="( sport = :$1 and dport = :$2 )"
	END="sport=$1 dport=$2"
	keep END
}

# half_open PORT: at the wire's port; FIRST and NUMBER are those of its next segment
half_open()
{
	ask wire ports "$1" "$PORT"
	ask wire send S
	FIRST=$((ANSWER + 1))
	ask wire expect SA
	NUMBER=$((ANSWER + 1))
	ends "$PORT" "$1"
}

# passive [SOCKET]: the wire connects from port 40000; the application's socket is s, unless named
passive()
{
	ask app listen l 10.7.0.1 "$PORT"
	half_open 40000
	ask wire send A
	ask app accept "${1-s}" l
}

# active: the application's socket s connects to the wire
active()
{
	ask wire ports "$PORT"
	tell app connect s 10.7.0.2 "$PORT"
	ask wire expect S
	ask wire send SA
	ask wire expect A
	hear app
	like "$ANSWER" 'ok *'
	ends "${ANSWER#ok }" "$PORT"
}

# trying: it connects without waiting; the SYN has arrived
trying()
{
	ask wire ports "$PORT"
	ask app start s 10.7.0.2 "$PORT"
	ends "$ANSWER" "$PORT"
	ask wire expect S
}

state_is() { ss_state "$1" "$FILTER"; }
gone() { ! ss_has "$FILTER"; }

# The kernel's own values are restored.
traffic_cleanup()
{
	local name
	for name in orphan_retries rfc1337 abort_on_overflow; do
		echo 0 >/proc/sys/net/ipv4/tcp_$name
	done
}

# agreed [VARIABLE...]: all witnesses agree
agreed() { witnesses here=10.7.0.1 "$@"; }

traffic_half_open_reset()
{
	begin 9751
	ask app listen l 10.7.0.1 9751
	half_open 40000
	state_is SYN-RECV
	ask wire send R
	wait_until gone
	ss_has state listening sport = :9751
	ask app close l
}

@test "LISTEN -> SYN_RECV -> LISTEN: a RST takes a half-open connection back" {
	judge half_open_reset
	agreed
	# The listener keeps listening until it is closed.
	in_order "type=request op=open $END old=LISTEN new=SYN_RECV" \
		"type=request op=dropped $END old=SYN_RECV new=CLOSE" \
		"type=verdict $END how=reset closed_by=remote state=CLOSE" \
		"type=listen state=CLOSE"
	said type=listen state=CLOSE
	silent type=state
}

# The SYN-ACK of a half-open connection: what does not reach the peer, and what somebody destroys, is no RST.
traffic_half_open_unreachable()
{
	begin 9790
	ask app listen l 10.7.0.1 9790
	half_open 40000
	state_is SYN-RECV
	ask wire unreachable 1
	wait_until gone
	ask app close l
}

@test "LISTEN -> SYN_RECV -> LISTEN: ICMP says that the peer cannot be reached" {
	judge half_open_unreachable
	agreed
	in_order "type=request op=open $END old=LISTEN new=SYN_RECV" \
		"type=request op=unreachable $END old=SYN_RECV new=CLOSE" \
		"type=verdict $END how=unreachable state=CLOSE"
	fails said type=verdict $END "closed_by=[a-z]+"
	silent type=reset
}

traffic_half_open_destroyed()
{
	begin 9791
	ask app listen l 10.7.0.1 9791
	half_open 40000
	state_is SYN-RECV
	ss -K state syn-recv "$FILTER" >/dev/null
	wait_until gone
	ask app close l
}

@test "LISTEN -> SYN_RECV -> LISTEN: ss -K destroys a half-open connection" {
	judge half_open_destroyed
	agreed
	in_order "type=request op=open $END old=LISTEN new=SYN_RECV" \
		"type=request op=destroyed $END old=SYN_RECV new=CLOSE comm=ss" \
		"type=verdict $END how=aborted closed_by=local why=destroyed closed_comm=ss state=CLOSE"
	silent type=reset
}

traffic_listener_connects()
{
	begin 9764
	ask app listen l 10.7.0.1 9764
	ask wire ports 9764
	asked_fails EISCONN app again l 10.7.0.2 9764
	ss_has state listening sport = :9764
	ask app close l
	ask wire silence
	same "$ANSWER" 0
}

@test "LISTEN -> SYN_SENT is no edge of this kernel: a listener cannot connect" {
	judge listener_connects
	fails segments
	trace >"$BATS_TEST_TMPDIR/trace"
	awk -f "$BATS_TEST_DIRNAME/states.awk" "$BATS_TEST_TMPDIR/trace" "$EVENTS"
	said type=listen state=CLOSE
	silent type=connect
	silent type=state
}

traffic_listener_closes()
{
	begin 9765
	ask app listen l 10.7.0.1 9765
	half_open 40000
	state_is SYN-RECV
	ask app close l
	# No socket is left for the third segment.
	ask wire send A
	ask wire expect R
	gone
}

@test "SYN_RECV -> CLOSED: its listener closes" {
	judge listener_closes
	agreed
	in_order "type=request op=open $END" "type=listen sport=9765 state=CLOSE" \
		"type=request op=dropped $END old=SYN_RECV new=CLOSE" \
		"type=verdict $END how=aborted closed_by=local state=CLOSE" "type=reset op=replied $END"
	silent type=state
}

traffic_overflow()
{
	local peer first number unaccepted backlog
	echo 1 >/proc/sys/net/ipv4/tcp_abort_on_overflow
	begin 9767
	ask app listen l 10.7.0.1 9767 1
	half_open 40000
	first=$FIRST number=$NUMBER
	# A backlog of 1 holds two connections.
	for peer in 40001 40002; do
		half_open $peer
		ask wire send A
		wait_until state_is ESTAB
	done
	read -r _ unaccepted backlog _ < <(ss -Hltn sport = :9767)
	same "$unaccepted of $backlog" "2 of 1"
	ends 9767 40000
	state_is SYN-RECV
	ask wire ports 40000 9767
	ask wire seq 0
	ask wire seq $((first - ANSWER))
	ask wire ack "$number"
	ask wire send A
	ask wire expect R
	gone
	ask app close l
}

@test "SYN_RECV -> CLOSED: the accept queue is full, and tcp_abort_on_overflow is on" {
	local peer
	judge overflow
	agreed
	in_order "type=request op=open $END" "type=reset op=replied $END by=local" \
		"type=request op=dropped $END old=SYN_RECV new=CLOSE" "type=verdict $END how=reset closed_by=local" \
		"type=listen sport=9767 state=CLOSE"
	# The waiting connections end with the listener, not before.
	for peer in 40001 40002; do
		in_order "type=listen sport=9767 state=CLOSE" \
			"type=verdict sport=9767 dport=$peer how=reset closed_by=local why=unaccepted"
	done
	is "$(lines "$EVENTS" type=verdict) == 3"
}

traffic_crossed()
{
	begin 9752
	trying
	state_is SYN-SENT
	ask wire send S
	ask wire expect SA
	state_is SYN-RECV
	ask wire send A
	wait_until state_is ESTAB
	ask app set s linger 0
	ask app close s
	ask wire expect RA
}

@test "SYN_SENT -> SYN_RECV -> ESTABLISHED: both endpoints open at once" {
	judge crossed
	agreed crossed=1
	in_order "type=connect $END" \
		"type=state $END old=SYN_SENT new=SYN_RECV dir=in flags=SYN" \
		"type=state $END old=SYN_RECV new=ESTABLISHED" \
		"type=reset op=sent $END by=local why=linger" \
		"type=verdict $END how=reset closed_by=local"
	silent type=request
}

traffic_crossed_closed()
{
	begin 9753
	trying
	ask wire send S
	ask wire expect SA
	state_is SYN-RECV
	ask app close s
	wait_until state_is FIN-WAIT-1
	ask wire send A
	ask wire expect FA
	ask wire send FA
	wait_until state_is TIME-WAIT
}

@test "SYN_RECV -> FIN_WAIT1: closed before the handshake is over" {
	judge crossed_closed
	agreed crossed=1
	in_order "type=state $END old=SYN_SENT new=SYN_RECV" \
		"type=shutdown op=close $END state=SYN_RECV" \
		"type=state $END old=SYN_RECV new=FIN_WAIT1" \
		"type=timewait op=begin $END new=TIME_WAIT" \
		"type=verdict $END closed_by=local closed_pid=$(pid_of app)"
	silent type=state new=ESTABLISHED
}

traffic_crossed_reset()
{
	begin 9766
	trying
	ask wire send S
	ask wire expect SA
	state_is SYN-RECV
	ask wire send R
	wait_until gone
	# RFC 9293 calls an active open "refused" here; for Linux it is a connection already.
	asked_fails ECONNRESET app error s
}

@test "SYN_SENT -> SYN_RECV -> CLOSED: a RST ends it where no listener is behind it" {
	judge crossed_reset
	agreed crossed=1
	in_order "type=state $END old=SYN_SENT new=SYN_RECV" "type=reset op=received $END by=remote" \
		"type=state $END old=SYN_RECV new=CLOSE error=ECONNRESET" \
		"type=verdict $END how=reset closed_by=remote error=ECONNRESET"
	silent type=request
}

traffic_refused()
{
	begin 9754
	trying
	ask wire send R
	# A SYN-ACK for another connection is answered with a RST, and changes nothing.
	ask wire ack 1000
	ask wire send SA
	ask wire expect R
	state_is SYN-SENT
	# The SYN is retransmitted, and refused.
	ask wire expect S
	ask wire send RA
	wait_until gone
	asked_fails ECONNREFUSED app error s
}

@test "SYN_SENT -> CLOSED: a RST, but only one that acknowledges the SYN" {
	judge refused
	# An endpoint does not report a SYN-ACK that is not for it.
	agreed one_sided=1
	in_order "type=connect $END" \
		"type=reset op=replied $END by=local" \
		"type=reset op=received $END by=remote" \
		"type=state $END old=SYN_SENT new=CLOSE error=ECONNREFUSED" \
		"type=verdict $END how=refused closed_by=remote"
	is "$(lines "$EVENTS" type=reset op=received) == 1"
	is "$(lines "$EVENTS" type=state) == 1"
}

traffic_four_way()
{
	begin 9755
	active
	ask app shutdown s wr
	ask wire expect FA
	state_is FIN-WAIT-1
	ask wire send A
	wait_until state_is FIN-WAIT-2
	ask wire send FA
	wait_until state_is TIME-WAIT
}

@test "ESTABLISHED -> FIN_WAIT1 -> FIN_WAIT2 -> TIME_WAIT, one segment at a time" {
	judge four_way
	agreed
	in_order "type=state $END old=ESTABLISHED new=FIN_WAIT1" "type=state $END old=FIN_WAIT1 new=FIN_WAIT2" \
		"type=timewait op=begin $END old=FIN_WAIT2 new=TIME_WAIT merged=false" \
		"type=verdict $END how=four-way closed_by=local"
}

traffic_three_way()
{
	begin 9756
	active
	ask app shutdown s wr
	ask wire expect FA
	ask wire send FA
	wait_until state_is TIME-WAIT
}

@test "FIN_WAIT1 -> TIME_WAIT: one segment is the ACK and the peer's FIN" {
	judge three_way
	agreed
	in_order "type=state $END old=ESTABLISHED new=FIN_WAIT1" \
		"type=timewait op=begin $END new=TIME_WAIT merged=true" \
		"type=verdict $END how=three-way closed_by=local"
}

traffic_closing()
{
	begin 9757
	active
	ask app shutdown s wr
	ask wire expect FA
	ask wire ack -1
	ask wire send FA
	wait_until state_is CLOSING
	ask wire ack 1
	ask wire send A
	wait_until state_is TIME-WAIT
}

@test "FIN_WAIT1 -> CLOSING -> TIME_WAIT: the peer's FIN does not acknowledge ours" {
	judge closing
	agreed
	in_order "type=state $END old=FIN_WAIT1 new=CLOSING" \
		"type=timewait op=begin $END old=CLOSING new=TIME_WAIT" \
		"type=verdict $END how=simultaneous closed_by=both"
}

traffic_last_ack()
{
	begin 9758
	passive
	ask wire send FA
	ask wire expect A
	wait_until state_is CLOSE-WAIT
	ask app close s
	ask wire expect FA
	state_is LAST-ACK
	ask wire send A
	wait_until gone
}

@test "ESTABLISHED -> CLOSE_WAIT -> LAST_ACK -> CLOSED, one segment at a time" {
	judge last_ack
	agreed
	in_order "type=state $END old=ESTABLISHED new=CLOSE_WAIT" "type=state $END old=CLOSE_WAIT new=LAST_ACK" \
		"type=state $END old=LAST_ACK new=CLOSE" "type=verdict $END how=four-way closed_by=remote"
}

# The peer no longer answers, on four connections that wait at the same time.
traffic_unanswered()
{
	begin 9759
	passive
	ask app close l
	ask wire send FA
	ask wire expect A
	ask app close s
	ask wire expect FA
	state_is LAST-ACK
	PORT=9760
	active
	ask app close s
	ask wire expect FA
	state_is FIN-WAIT-1
	# Until now an orphan was retransmitted eight times, which left enough time to look.
	echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries
	PORT=9761
	passive data
	ask app close l
	ask app set data usertimeout 1000
	ask app write data 100
	PORT=9762
	passive idle
	ask app close l
	ask app set idle keepalive 1
	FILTER="( sport = :9759 or dport = :9760 or sport = :9761 or sport = :9762 )"
	wait_until gone
	asked_fails ETIMEDOUT app error data
	asked_fails ETIMEDOUT app error idle
}

@test "CLOSE_WAIT -> LAST_ACK -> CLOSED by timeout: nobody acknowledges our FIN" {
	judge unanswered 9759
	agreed
	in_order "type=state sport=9759 old=CLOSE_WAIT new=LAST_ACK" \
		"type=state sport=9759 old=LAST_ACK new=CLOSE error=ETIMEDOUT" \
		"type=verdict sport=9759 dport=40000 how=timeout error=ETIMEDOUT closed_by=remote"
	said type=verdict
	is "$(of retransmits) >= 1"
}

@test "FIN_WAIT1 -> CLOSED by timeout: nobody acknowledges our FIN" {
	judge unanswered 9760
	agreed
	in_order "type=state dport=9760 old=ESTABLISHED new=FIN_WAIT1" \
		"type=state dport=9760 old=FIN_WAIT1 new=CLOSE error=ETIMEDOUT" \
		"type=verdict dport=9760 how=timeout error=ETIMEDOUT closed_by=local"
}

@test "ESTABLISHED -> CLOSED by timeout: nobody acknowledges the data" {
	judge unanswered 9761
	agreed
	said type=verdict sport=9761 dport=40000 how=timeout error=ETIMEDOUT sendq_peak=100 bytes_out=0
	is "$(of retransmits) >= 1"
}

@test "ESTABLISHED -> CLOSED by keepalive: nobody answers its probes" {
	judge unanswered 9762
	agreed
	said type=verdict sport=9762 dport=40000 how=timeout error=ETIMEDOUT
	# A probe is a byte that was acknowledged already, or no byte.
	is "$(segments | grep -c "10.7.0.1.9762 > 10.7.0.2.40000: Flags \[\.\]") >= 1"
}

traffic_assassinated()
{
	begin 9763
	active
	ask app shutdown s wr
	ask wire expect FA
	ask wire send FA
	wait_until state_is TIME-WAIT
	echo 1 >/proc/sys/net/ipv4/tcp_rfc1337
	ask wire send R
	state_is TIME-WAIT
	echo 0 >/proc/sys/net/ipv4/tcp_rfc1337
	ask wire send R
	wait_until gone
}

@test "TIME_WAIT -> CLOSED: a RST assassinates it, unless tcp_rfc1337 forbids that" {
	judge assassinated
	agreed
	in_order "type=timewait op=begin $END new=TIME_WAIT" "type=verdict $END how=three-way" \
		"type=timewait op=killed $END old=TIME_WAIT new=CLOSE error=ECONNRESET"
	said type=timewait op=killed
	is "$(of timeout_ms) > 0"
}

# to STATE PORT: brings a passive connection into STATE
to()
{
	PORT=$2
	passive
	case $1 in
	FIN-WAIT-1 | FIN-WAIT-2 | CLOSING)
		ask app shutdown s wr
		ask wire expect FA
		;;
	CLOSE-WAIT | LAST-ACK)
		ask wire send FA
		ask wire expect A
		;;
	esac
	case $1 in
	FIN-WAIT-2) ask wire send A ;;
	CLOSING)
		ask wire ack -1
		ask wire send FA
		;;
	LAST-ACK)
		ask app close s
		ask wire expect FA
		;;
	esac
	wait_until state_is "$1"
}

traffic_reset()
{
	local state port=9770
	begin 9771
	for state in ESTAB FIN-WAIT-1 FIN-WAIT-2 CLOSING CLOSE-WAIT LAST-ACK; do
		to "$state" $((++port))
		ask wire send R
		wait_until gone
		[[ $state = LAST-ACK ]] || ask app close s
		ask app close l
	done
}

@test "a RST in each state ends it, by the peer" {
	local port=9770 of
	judge reset {9771..9776}
	agreed
	for of in ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSING CLOSE_WAIT LAST_ACK; do
		in_order "type=reset op=received sport=$((++port)) by=remote" "type=state sport=$port old=$of new=CLOSE" \
			"type=verdict sport=$port how=reset closed_by=remote"
	done
	is "$(lines "$EVENTS" type=verdict) == 6"
}

traffic_orphan_reset()
{
	begin 9789
	passive
	ask app close s
	ask wire expect FA
	ask wire send A
	wait_until state_is FIN-WAIT-2
	ask wire send R
	wait_until gone
	ask app close l
}

@test "FIN_WAIT2 -> CLOSED: a RST removes the orphan" {
	judge orphan_reset
	agreed
	in_order "type=timewait op=begin $END new=FIN_WAIT2" \
		"type=timewait op=killed $END old=FIN_WAIT2 new=CLOSE error=ECONNRESET" \
		"type=verdict $END how=reset closed_by=remote"
	fails said type=verdict $END "closed_pid=[0-9]+"
}

traffic_destroyed()
{
	local state port=9780
	begin 9781
	for state in ESTAB FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT; do
		to "$state" $((++port))
		ss -K "$FILTER" >/dev/null
		ask wire expect RA
		gone
		asked_fails ECONNABORTED app error s
		ask app close s
		ask app close l
	done
}

@test "a RST from each state that sends one ends it, by ss -K" {
	local port=9780 of
	judge destroyed {9781..9784}
	agreed
	for of in ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE_WAIT; do
		in_order "type=reset op=sent sport=$((++port)) by=local" \
			"type=verdict sport=$port how=reset closed_by=local why=destroyed error=ECONNABORTED"
		said type=state sport=$port old=$of new=CLOSE error=ECONNABORTED
	done
	is "$(lines "$EVENTS" type=verdict) == 4"
}

traffic_destroyed_closing()
{
	begin 9788
	to CLOSING 9788
	ss -K "$FILTER" >/dev/null
	gone
	asked_fails ECONNABORTED app error s
}

@test "CLOSING -> CLOSED without a RST, by ss -K" {
	judge destroyed_closing
	agreed
	fails grep -F 'Flags [R' "$BATS_TEST_TMPDIR/segments"
	said type=verdict sport=9788 how=aborted closed_by=local error=ECONNABORTED state=CLOSE
	said type=state sport=9788 old=CLOSING new=CLOSE error=ECONNABORTED
	silent type=reset
}

traffic_late()
{
	local state port=9785
	begin 9786
	counted_from_here
	for state in FIN-WAIT-1 FIN-WAIT-2; do
		PORT=$((++port))
		passive
		ask app close s
		ask wire expect FA
		if [[ $state = FIN-WAIT-1 ]]; then
			ask wire ack -1
		else
			ask wire send A
		fi
		wait_until state_is "$state"
		ask wire send A 10
		ask wire expect R
		wait_until gone
		ask app close l
	done
	ABORTED=$(counted TcpExtTCPAbortOnData)
	keep ABORTED
}

@test "FIN_WAIT1 and FIN_WAIT2 -> CLOSED: data comes after close(), and is answered by a RST" {
	local port
	judge late 9786 9787
	if [[ $KERNEL = 5.10 ]]; then
		unseen "that in FIN_WAIT1 no RST had come: tcp_reset() does not get the segment"
		said type=reset op=received sport=9786
		grep -v " type=reset .* op=received " "$EVENTS" >"$EVENTS.true"
		EVENTS=$EVENTS.true
	fi
	agreed
	# The kernel counts only that of a full socket; an orphan in FIN_WAIT2 is a timewait socket.
	same "$ABORTED" 1
	for port in 9786 9787; do
		said type=reset op=replied sport=$port by=local
		said type=verdict sport=$port how=reset closed_by=local why=late closed_pid="$(pid_of app)"
	done
	silent type=reset op=received
}
