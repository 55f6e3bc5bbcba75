# SPDX-License-Identifier: GPL-2.0-only
# The edges of RFC 9293's state diagram (section 3.3.2) that need a peer who does what no kernel does at that moment:
# tests/tools/wire sends each segment as it is told. The other edges are in 20-life and 21-close.

load helper
load watch
setup()
{
	common_setup
	load_source
}
teardown()
{
	# Each test sets what it needs; the kernel's own values come back.
	sysctl -qw net.ipv4.tcp_orphan_retries=0 net.ipv4.tcp_rfc1337=0 net.ipv4.tcp_abort_on_overflow=0
	watch_teardown
}

# begin PORT: an application, the wire, and all who look
begin()
{
	PORT=$1
	peer_start app
	wire_start
	witnesses_start wire0
	watch_start "$PORT"
}

# passive: the wire connects from port 40000; the application's socket is s
passive()
{
	wire_connects "$PORT"
	END="sport=$PORT dport=40000"
	FILTER="( sport = :$PORT and dport = :40000 )"
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
	END="sport=${ANSWER#ok } dport=$PORT"
	FILTER="dport = :$PORT"
}

# trying: it connects without waiting; the SYN has come
trying()
{
	ask wire ports "$PORT"
	ask app start s 10.7.0.2 "$PORT"
	END="sport=$ANSWER dport=$PORT"
	FILTER="dport = :$PORT"
	ask wire expect S
}

state_is() { [[ $(ss -Htan "$FILTER") == "$1 "* ]]; }
gone() { ! ss_has "$FILTER"; }

# over [VARIABLE...]: the end has its verdict, and all witnesses agree
over()
{
	wait_until seen type=verdict "${END%% *}"
	watch_stop
	witnesses_stop here=10.7.0.1 "$@"
}

@test "LISTEN -> SYN_RECV -> LISTEN: a RST takes a half-open connection back" {
	begin 9751
	ask app listen l 10.7.0.1 9751
	ask wire ports 40000 9751
	ask wire send S
	ask wire expect SA
	FILTER="( sport = :9751 and dport = :40000 )" END="sport=9751 dport=40000"
	state_is SYN-RECV
	ask wire send R
	wait_until gone
	# The listener listens on.
	ss_has state listening sport = :9751
	over
	in_order "type=request op=open $END old=LISTEN new=SYN_RECV" \
		"type=request op=dropped $END old=SYN_RECV new=CLOSE" \
		"type=verdict $END how=reset closed_by=remote state=CLOSE"
	silent type=listen state=CLOSE
	silent type=state
}

@test "LISTEN -> SYN_SENT is no edge of this kernel: a listener cannot connect" {
	begin 9764
	ask app listen l 10.7.0.1 9764
	asked_fails EISCONN app again l 10.7.0.2 9764
	ss_has state listening sport = :9764
	ask app close l
	wait_until seen type=listen state=CLOSE
	watch_stop
	ask wire silence
	same "$ANSWER" 0
	awk -f "$BATS_TEST_DIRNAME/states.awk" "$TRACE/trace" "$EVENTS"
	silent type=connect
	silent type=state
}

@test "SYN_RECV -> CLOSED: its listener closes" {
	begin 9765
	ask app listen l 10.7.0.1 9765
	ask wire ports 40000 9765
	ask wire send S
	ask wire expect SA
	FILTER="( sport = :9765 and dport = :40000 )" END="sport=9765 dport=40000"
	state_is SYN-RECV
	ask app close l
	# Nobody is there any more for the third segment.
	ask wire send A
	ask wire expect R
	gone
	over
	in_order "type=request op=open $END" "type=listen sport=9765 state=CLOSE" \
		"type=request op=dropped $END old=SYN_RECV new=CLOSE" \
		"type=verdict $END how=aborted closed_by=local state=CLOSE" "type=reset op=replied $END"
	silent type=state
}

# half_open PORT: the wire's; FIRST and NUMBER are what its next segment is to have
half_open()
{
	ask wire ports "$1" "$PORT"
	ask wire send S
	FIRST=$((ANSWER + 1))
	ask wire expect SA
	NUMBER=$((ANSWER + 1))
}

@test "SYN_RECV -> CLOSED: the accept queue is full, and tcp_abort_on_overflow is on" {
	local first number
	sysctl -qw net.ipv4.tcp_abort_on_overflow=1
	begin 9767
	ask app listen l 10.7.0.1 9767 1
	half_open 40000
	first=$FIRST number=$NUMBER
	# A backlog of 1 holds two.
	for PEER in 40001 40002; do
		half_open $PEER
		ask wire send A
		wait_until ss_has state established sport = :9767 and dport = :$PEER
	done
	same "$(ss -Hltn sport = :9767 | awk '{ print $2, $3 }')" "2 1"
	FILTER="( sport = :9767 and dport = :40000 )" END="sport=9767 dport=40000"
	state_is SYN-RECV
	ask wire ports 40000 9767
	ask wire seq 0
	ask wire seq $((first - ANSWER))
	ask wire ack $((number))
	ask wire send A
	ask wire expect R
	gone
	wait_until seen type=verdict dport=40000
	watch_stop
	witnesses_stop here=10.7.0.1
	in_order "type=request op=open $END" "type=reset op=replied $END by=local" \
		"type=request op=dropped $END old=SYN_RECV new=CLOSE" "type=verdict $END how=reset closed_by=local"
	is "$(lines "$EVENTS" type=verdict) == 1"
}

@test "SYN_SENT -> SYN_RECV -> ESTABLISHED: both ends open at once" {
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
	over crossed=1
	in_order "type=connect $END" \
		"type=state $END old=SYN_SENT new=SYN_RECV dir=in flags=SYN" \
		"type=state $END old=SYN_RECV new=ESTABLISHED" \
		"type=reset op=sent $END by=local why=linger" \
		"type=verdict $END how=reset closed_by=local"
	silent type=request
}

@test "SYN_RECV -> FIN_WAIT1: closed before the handshake is over" {
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
	over crossed=1
	in_order "type=state $END old=SYN_SENT new=SYN_RECV" \
		"type=shutdown op=close $END state=SYN_RECV" \
		"type=state $END old=SYN_RECV new=FIN_WAIT1" \
		"type=timewait op=begin $END new=TIME_WAIT" \
		"type=verdict $END closed_by=local closed_pid=$(pid_of app)"
	silent type=state new=ESTABLISHED
}

@test "SYN_SENT -> SYN_RECV -> CLOSED: a RST ends it where no listener is behind it" {
	begin 9766
	trying
	ask wire send S
	ask wire expect SA
	state_is SYN-RECV
	ask wire send R
	wait_until gone
	# Of an active open RFC 9293 has it "refused"; to Linux it is a connection already.
	asked_fails ECONNRESET app error s
	over crossed=1
	in_order "type=state $END old=SYN_SENT new=SYN_RECV" "type=reset op=received $END by=remote" \
		"type=state $END old=SYN_RECV new=CLOSE error=ECONNRESET" \
		"type=verdict $END how=reset closed_by=remote error=ECONNRESET"
	silent type=request
}

@test "SYN_SENT -> CLOSED: a RST, but only one that acknowledges the SYN" {
	begin 9754
	trying
	ask wire send R
	# Somebody else's SYN-ACK is answered with a RST, and changes nothing.
	ask wire ack 1000
	ask wire send SA
	ask wire expect R
	state_is SYN-SENT
	fails seen type=state
	# The SYN comes again, and is refused.
	ask wire expect S
	ask wire send RA
	wait_until gone
	asked_fails ECONNREFUSED app error s
	# Of a SYN-ACK that is not for it the end does not say that it came.
	over one_sided=1
	in_order "type=connect $END" \
		"type=reset op=replied $END by=local" \
		"type=reset op=received $END by=remote" \
		"type=state $END old=SYN_SENT new=CLOSE error=ECONNREFUSED" \
		"type=verdict $END how=refused closed_by=remote"
	is "$(lines "$EVENTS" type=reset op=received) == 1"
}

@test "ESTABLISHED -> FIN_WAIT1 -> FIN_WAIT2 -> TIME_WAIT, one segment at a time" {
	begin 9755
	active
	ask app shutdown s wr
	ask wire expect FA
	state_is FIN-WAIT-1
	ask wire send A
	wait_until state_is FIN-WAIT-2
	ask wire send FA
	wait_until state_is TIME-WAIT
	over
	in_order "type=state $END old=ESTABLISHED new=FIN_WAIT1" "type=state $END old=FIN_WAIT1 new=FIN_WAIT2" \
		"type=timewait op=begin $END old=FIN_WAIT2 new=TIME_WAIT merged=false" \
		"type=verdict $END how=four-way closed_by=local"
}

@test "FIN_WAIT1 -> TIME_WAIT: one segment is the ACK and the peer's FIN" {
	begin 9756
	active
	ask app shutdown s wr
	ask wire expect FA
	ask wire send FA
	wait_until state_is TIME-WAIT
	over
	in_order "type=state $END old=ESTABLISHED new=FIN_WAIT1" \
		"type=timewait op=begin $END new=TIME_WAIT merged=true" \
		"type=verdict $END how=three-way closed_by=local"
}

@test "FIN_WAIT1 -> CLOSING -> TIME_WAIT: the peer's FIN does not acknowledge ours" {
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
	over
	in_order "type=state $END old=FIN_WAIT1 new=CLOSING" \
		"type=timewait op=begin $END old=CLOSING new=TIME_WAIT" \
		"type=verdict $END how=simultaneous closed_by=both"
}

@test "ESTABLISHED -> CLOSE_WAIT -> LAST_ACK -> CLOSED, one segment at a time" {
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
	over
	in_order "type=state $END old=ESTABLISHED new=CLOSE_WAIT" "type=state $END old=CLOSE_WAIT new=LAST_ACK" \
		"type=state $END old=LAST_ACK new=CLOSE" "type=verdict $END how=four-way closed_by=remote"
}

@test "CLOSE_WAIT -> LAST_ACK -> CLOSED by timeout: nobody acknowledges our FIN" {
	sysctl -qw net.ipv4.tcp_orphan_retries=1
	begin 9759
	passive
	ask wire send FA
	ask wire expect A
	ask app close s
	ask wire expect FA
	state_is LAST-ACK
	wait_until gone
	over
	in_order "type=state $END old=CLOSE_WAIT new=LAST_ACK" "type=state $END old=LAST_ACK new=CLOSE error=ETIMEDOUT" \
		"type=verdict $END how=timeout error=ETIMEDOUT closed_by=remote"
	said type=verdict
	is "$(of retransmits) >= 1"
}

@test "FIN_WAIT1 -> CLOSED by timeout: nobody acknowledges our FIN" {
	sysctl -qw net.ipv4.tcp_orphan_retries=1
	begin 9760
	active
	ask app close s
	ask wire expect FA
	state_is FIN-WAIT-1
	wait_until gone
	over
	in_order "type=state $END old=ESTABLISHED new=FIN_WAIT1" "type=state $END old=FIN_WAIT1 new=CLOSE error=ETIMEDOUT" \
		"type=verdict $END how=timeout error=ETIMEDOUT closed_by=local"
}

@test "ESTABLISHED -> CLOSED by timeout: nobody acknowledges the data" {
	begin 9761
	passive
	ask app set s usertimeout 1000
	ask app write s 100
	wait_until gone
	asked_fails ETIMEDOUT app error s
	over
	said type=verdict $END how=timeout error=ETIMEDOUT sendq_peak=100 bytes_out=0
	is "$(of retransmits) >= 1"
}

@test "ESTABLISHED -> CLOSED by keepalive: nobody answers its probes" {
	begin 9762
	passive
	ask app set s keepalive 1
	# A probe is a byte that was acknowledged already, or none of it.
	wait_until gone
	asked_fails ETIMEDOUT app error s
	over
	said type=verdict $END how=timeout error=ETIMEDOUT
	is "$(grep -c "10.7.0.1.9762 > 10.7.0.2.40000: Flags \[\.\]" "$(out_of segments)") >= 1"
}

@test "TIME_WAIT -> CLOSED: a RST assassinates it, unless tcp_rfc1337 forbids that" {
	begin 9763
	active
	ask app shutdown s wr
	ask wire expect FA
	ask wire send FA
	wait_until state_is TIME-WAIT
	sysctl -qw net.ipv4.tcp_rfc1337=1
	ask wire send R
	state_is TIME-WAIT
	sysctl -qw net.ipv4.tcp_rfc1337=0
	ask wire send R
	wait_until gone
	wait_until seen type=timewait op=killed
	over
	in_order "type=timewait op=begin $END new=TIME_WAIT" "type=verdict $END how=three-way" \
		"type=timewait op=killed $END old=TIME_WAIT new=CLOSE"
	said type=timewait op=killed
	is "$(of timeout_ms) > 0"
}

# to STATE PORT: a passive connection is brought there
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

@test "a RST in each state ends it, by the peer" {
	local state port=9770 of
	peer_start app
	wire_start
	witnesses_start wire0
	watch_start src 10.7.0.1
	for state in ESTAB FIN-WAIT-1 FIN-WAIT-2 CLOSING CLOSE-WAIT LAST-ACK; do
		to "$state" $((++port))
		ask wire send R
		wait_until gone
		[[ $state = LAST-ACK ]] || ask app close s
		ask app close l
	done
	wait_until seen type=verdict sport=$port
	watch_stop
	witnesses_stop here=10.7.0.1
	port=9770
	for of in ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSING CLOSE_WAIT LAST_ACK; do
		in_order "type=reset op=received sport=$((++port)) by=remote" "type=state sport=$port old=$of new=CLOSE" \
			"type=verdict sport=$port how=reset closed_by=remote"
	done
	is "$(lines "$EVENTS" type=verdict) == 6"
}

@test "a RST from each state that sends one ends it, by ss -K" {
	local state port=9780 of
	peer_start app
	wire_start
	witnesses_start wire0
	watch_start src 10.7.0.1
	for state in ESTAB FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT; do
		to "$state" $((++port))
		ss -K "$FILTER" >/dev/null
		ask wire expect RA
		gone
		asked_fails ECONNABORTED app error s
		ask app close s
		ask app close l
	done
	wait_until seen type=verdict sport=$port
	watch_stop
	witnesses_stop here=10.7.0.1
	port=9780
	for of in ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE_WAIT; do
		in_order "type=reset op=sent sport=$((++port)) by=local" \
			"type=verdict sport=$port how=reset closed_by=local why=destroyed error=ECONNABORTED"
		said type=state sport=$port old=$of new=CLOSE error=ECONNABORTED
	done
	is "$(lines "$EVENTS" type=verdict) == 4"
}

@test "CLOSING -> CLOSED without a RST, by ss -K" {
	peer_start app
	wire_start
	witnesses_start wire0
	watch_start 9788
	to CLOSING 9788
	ss -K "$FILTER" >/dev/null
	gone
	asked_fails ECONNABORTED app error s
	wait_until seen type=verdict sport=9788
	watch_stop
	witnesses_stop here=10.7.0.1
	fails grep -F 'Flags [R' "$(out_of segments)"
	said type=verdict sport=9788 how=aborted closed_by=local error=ECONNABORTED state=CLOSE
	said type=state sport=9788 old=CLOSING new=CLOSE error=ECONNABORTED
	silent type=reset
}

@test "FIN_WAIT1 and FIN_WAIT2 -> CLOSED: data comes after close(), and is answered by a RST" {
	local state port=9785
	peer_start app
	wire_start
	counted_from_here
	witnesses_start wire0
	watch_start src 10.7.0.1
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
	wait_until seen type=verdict sport=$port
	watch_stop
	if [[ $(</proc/sys/kernel/osrelease) = 5.10.* ]]; then
		unseen "that in FIN_WAIT1 no RST had come: tcp_reset() does not get the segment"
		said type=reset op=received sport=9786
		grep -v " type=reset .* op=received " "$EVENTS" >"$EVENTS.true"
		EVENTS=$EVENTS.true
	fi
	witnesses_stop here=10.7.0.1
	# The kernel counts that of a full socket alone; an orphan in FIN_WAIT2 is none.
	same "$(counted TcpExtTCPAbortOnData)" 1
	for port in 9786 9787; do
		said type=reset op=replied sport=$port by=local
		said type=verdict sport=$port how=reset closed_by=local why=late closed_pid="$(pid_of app)"
	done
	silent type=reset op=received
}
