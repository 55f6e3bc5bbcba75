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
	sysctl -qw net.ipv4.tcp_orphan_retries=0 net.ipv4.tcp_rfc1337=0
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
	ask app listen l 10.7.0.1 "$PORT"
	ask wire ports 40000 "$PORT"
	ask wire send S
	ask wire expect SA
	ask wire send A
	ask app accept s l
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
		"type=request op=dropped $END old=SYN_RECV new=CLOSE" "type=verdict $END state=CLOSE"
	silent type=listen state=CLOSE
	silent type=state
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
