# SPDX-License-Identifier: GPL-2.0-only
# How a connection ends: who closed it, how, why, and what is left of it for a while.

load helper
load watch
setup()
{
	common_setup
	load_source
}
teardown() { watch_teardown; }

# A TIME_WAIT of 60 s, begun before the first test and looked at in the last one.
setup_file() { "$BATS_TEST_DIRNAME/../../../build/tools/connections" -p 9699; }

# begin PORT [ADDRESS]: client's socket c and server's s are connected, and everybody watches
begin()
{
	PORT=$1
	peer_start client
	peer_start server
	witnesses_start
	watch_start "$PORT"
	ask server listen l "${2-127.0.0.1}" "$PORT"
	ask client connect c "${2-127.0.0.1}" "$PORT"
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
	CLIENT="sport=$PORT_OF_CLIENT dport=$PORT"
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
}

# over [VARIABLE...]: both ends have their verdict, and the witnesses agree
over()
{
	wait_until seen type=verdict sport="$PORT"
	wait_until seen type=verdict dport="$PORT"
	watch_stop
	witnesses_stop "$@"
}

# ss_state STATE FILTER: exactly one socket, in that state
ss_state() { [[ $(ss -Htan "$2") == "$1 "* ]]; }
client_is() { ss_state "$1" "dport = :$PORT"; }
server_is() { ss_state "$1" "( sport = :$PORT and dport = :$PORT_OF_CLIENT )"; }

# traced CHANGE...: does the kernel say so by now, of a socket of PORT?
traced()
{
	local change
	for change; do
		grep -E "[sd]port=$PORT .* oldstate=TCP_${change%>*} newstate=TCP_${change#*>}\$" $TRACE/trace >/dev/null || return 1
	done
}

@test "four-way, the server first" {
	begin 9631
	ask server close s
	wait_until server_is FIN-WAIT-2
	client_is CLOSE-WAIT
	ask client eof c
	ask client close c
	over
	said type=verdict $SERVER state=TIME_WAIT how=four-way closed_by=local closed_pid="$(pid_of server)" held_ms=60000
	said type=verdict $CLIENT state=CLOSE how=four-way closed_by=remote closed_pid="$(pid_of server)"
	said type=timewait op=begin $SERVER merged=false
}

next_try()
{
	stop client || true
	stop server || true
	rm "$BATS_TEST_TMPDIR"/*.{say,hear}
}

# How many segments PORT's passive end took to answer the first FIN, by tcpdump: 1, its own FIN; 2, an ACK before that.
answers()
{
	awk -v port="$1" '
		/ Flags \[[P]?F\.\]/ && !first { first = $3; next }
		first && $3 != first { answers++ }
		first && $3 != first && / Flags \[[P]?F\.\]/ { exit }
		END { print answers }' "$(out_of segments)"
}

@test "three-way: FIN and ACK are one segment, as tcpdump has it" {
	local try wanted
	# Whether the ACK waits for the application is up to the time that this takes: the wire decides what is true.
	for ((try = 0; try < 9; try++)); do
		begin $((9632 + try))
		tell server end s
		# The server has said nothing for long: its ACK may wait for its FIN.
		ask client close c
		hear server
		over
		case $(answers "$PORT") in
		1) wanted=three-way ;;
		2) wanted=four-way ;;
		esac
		said type=verdict $CLIENT how="$wanted" closed_by=local closed_pid="$(pid_of client)"
		said type=verdict $SERVER how="$wanted" closed_by=remote closed_pid="$(pid_of client)"
		said type=timewait op=begin $CLIENT merged="$([[ $wanted = three-way ]] && echo true || echo false)"
		said type=state $CLIENT new=FIN_WAIT2 flags="$([[ $wanted = three-way ]] && echo FIN,ACK || echo ACK)" dir=in
		[[ $wanted != three-way ]] || return 0
		next_try
	done
	# Elsewhere one of them is in time.
	[[ ${TCPTRACE_KERNEL-} != debug ]] || skip "on this slow kernel the application takes longer to close than an ACK may wait"
	echo "the ACK never came with the FIN"
	return 1
}

@test "simultaneous: the FINs cross" {
	local try
	modprobe -q sch_netem || true
	for ((try = 0; try < 5; try++)); do
		begin $((9641 + try))
		# What is sent stays on its way for a while, long enough for both to close.
		tc qdisc add dev lo root netem delay 500ms
		tell client close c
		tell server close s
		hear client
		hear server
		wait_until traced "(FIN_WAIT2|CLOSING)>CLOSE"
		over
		tc qdisc del dev lo root
		! grep -q "port=$PORT .*newstate=TCP_CLOSING" "$BATS_TEST_TMPDIR/trace" || break
		next_try
	done
	is "try < 5"
	in_order "type=state $CLIENT old=ESTABLISHED new=FIN_WAIT1 dir=out flags=FIN,ACK pid=$(pid_of client)" \
		"type=state $CLIENT old=FIN_WAIT1 new=CLOSING dir=in flags=FIN,ACK" \
		"type=timewait op=begin $CLIENT old=CLOSING new=TIME_WAIT dir=in flags=ACK" \
		"type=verdict $CLIENT how=simultaneous closed_by=both state=TIME_WAIT"
	in_order "type=state $SERVER old=ESTABLISHED new=FIN_WAIT1 pid=$(pid_of server)" \
		"type=state $SERVER old=FIN_WAIT1 new=CLOSING" \
		"type=timewait op=begin $SERVER old=CLOSING new=TIME_WAIT" \
		"type=verdict $SERVER how=simultaneous closed_by=both state=TIME_WAIT"
}

@test "half-closed: data goes on the other way" {
	begin 9646
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
	said type=shutdown op=shut_wr $CLIENT pid="$(pid_of client)"
	said type=verdict $CLIENT how=four-way bytes_in=30000 bytes_out=0 closed_by=local
	local from until
	said type=state $CLIENT new=FIN_WAIT1
	from=$(of time)
	said type=timewait op=begin $CLIENT
	until=$(of time)
	said type=verdict $CLIENT half_closed_ns=$((until - from))
	said type=verdict $SERVER bytes_in=0 bytes_out=30000 closed_by=remote
}

@test "shut down for reading, and for both" {
	begin 9647
	ask client shutdown c rd
	ask server shutdown s rdwr
	wait_until server_is FIN-WAIT-2
	ask client close c
	wait_until server_is TIME-WAIT
	over
	said type=shutdown op=shut_rd $CLIENT state=ESTABLISHED
	said type=shutdown op=shut_rdwr $SERVER pid="$(pid_of server)"
	said type=verdict $SERVER how=four-way closed_by=local
}

@test "closed with data unread: reset, by whom, why and how much" {
	begin 9648
	ask client write c 1234
	wait_until seen type=recv op=queued recvq=1234
	same "$(ss -Htn state established "( sport = :9648 )" | awk '{ print $1 }')" 1234
	ask server close s
	wait_until quiet_port 9648
	asked_fails ECONNRESET client read c 1
	over
	in_order "type=shutdown op=close $SERVER recvq=1234 pid=$(pid_of server)" \
		"type=state $SERVER old=ESTABLISHED new=CLOSE" \
		"type=reset op=sent $SERVER by=local why=unread flags=RST,ACK dir=out" \
		"type=verdict $SERVER how=reset closed_by=local why=unread unread=1234 closed_pid=$(pid_of server)"
	in_order "type=reset op=received $CLIENT by=remote dir=in" \
		"type=state $CLIENT old=ESTABLISHED new=CLOSE error=ECONNRESET" \
		"type=verdict $CLIENT how=reset closed_by=remote closed_pid=$(pid_of server) error=ECONNRESET"
	said type=verdict $SERVER recvq_peak=1234 bytes_in=1234
}

@test "closed with SO_LINGER and 0: reset" {
	begin 9649 ::1
	ask client set c linger 0
	ask client close c
	wait_until quiet_port 9649
	asked_fails ECONNRESET server read s 1
	over
	in_order "type=reset op=sent $CLIENT by=local why=linger" \
		"type=verdict $CLIENT how=reset closed_by=local why=linger closed_pid=$(pid_of client) family=6"
	in_order "type=reset op=received $SERVER by=remote" \
		"type=state $SERVER old=ESTABLISHED new=CLOSE error=ECONNRESET" \
		"type=verdict $SERVER how=reset closed_by=remote closed_pid=$(pid_of client)"
}

@test "the listener closes before it accepts: reset" {
	begin 9650
	ask client connect c2 127.0.0.1 9650
	local second=$ANSWER
	wait_until seen type=state new=ESTABLISHED sport=9650 dport="$second"
	ask server close l
	wait_until seen type=verdict sport="$second"
	ask client close c
	ask server eof s
	ask server close s
	over
	said type=verdict sport=9650 dport="$second" how=reset closed_by=local why=unaccepted
	said type=verdict dport=9650 sport="$second" how=reset closed_by=remote
}

@test "the process is killed: the kernel closes for it" {
	local pid
	begin 9651
	pid=$(pid_of client)
	stop client KILL || true
	ask server eof s
	ask server close s
	over
	said type=shutdown op=close $CLIENT pid="$pid"
	said type=verdict $CLIENT closed_by=local closed_pid="$pid" closed_comm=peer
	said type=verdict $SERVER closed_by=remote closed_pid="$pid" closed_comm=peer
}

@test "ss -K: destroyed" {
	begin 9652
	ss -K "dport = :9652" >/dev/null
	wait_until quiet_port 9652
	over
	said type=state $CLIENT old=ESTABLISHED new=CLOSE error=ECONNABORTED
	said type=verdict $CLIENT how=reset closed_by=local why=destroyed error=ECONNABORTED
	said type=verdict $SERVER how=reset closed_by=remote
}

@test "nobody answers any more: FIN_WAIT1, and LAST_ACK, as ss has them" {
	begin 9653
	drop tcp sport 9653 drop
	ask client shutdown c wr
	wait_until seen type=state new=FIN_WAIT1
	wait_until server_is CLOSE-WAIT
	client_is FIN-WAIT-1
	ask server close s
	wait_until seen type=state new=LAST_ACK
	server_is LAST-ACK
	client_is FIN-WAIT-1
	dropped_no_more
	# Their FINs come again.
	over
	said type=verdict $CLIENT how="(three-way|four-way)" closed_by=local
	said type=state $SERVER old=LAST_ACK new=CLOSE
}

@test "an orphan in FIN_WAIT2 is a timewait socket, and ends by tcp_fin_timeout" {
	local left
	sysctl -qw net.ipv4.tcp_fin_timeout=5
	begin 9654
	ask client close c
	wait_until seen type=timewait op=begin
	# Nobody owns it, its timer runs; the other end has seen the FIN.
	like "$(ss -Htano dport = :9654)" "FIN-WAIT-2 *timer:(timewait,*"
	server_is CLOSE-WAIT
	tcptrace-ctl watch --source="$SOURCE" --once --json 9654 | json_lines >"$BATS_TEST_TMPDIR/once"
	is "$(lines "$BATS_TEST_TMPDIR/once" type=snapshot state=FIN_WAIT2 dport=9654 'timeout_ms=[0-9]+') == 1"
	wait_until fails ss_has dport = :9654
	wait_until seen type=verdict dport=9654
	sysctl -qw net.ipv4.tcp_fin_timeout=60
	# The peer is late: nobody is there any more.
	ask server close s
	over
	said type=timewait op=begin $CLIENT old=FIN_WAIT2 new=FIN_WAIT2
	left=$(of timeout_ms)
	is "left > 0 && left <= 5000"
	in_order "type=timewait op=begin $CLIENT state=FIN_WAIT2" \
		"type=timewait op=end $CLIENT old=FIN_WAIT2 new=CLOSE" \
		"type=verdict $CLIENT how=timeout closed_by=local closed_pid=$(pid_of client)" \
		"type=reset op=replied $CLIENT by=local"
	said type=verdict $SERVER how=reset closed_by=remote
}

@test "an orphan in FIN_WAIT2 enters TIME_WAIT when the peer closes" {
	begin 9655
	ask client close c
	wait_until seen type=timewait op=begin
	client_is FIN-WAIT-2
	ask server close s
	wait_until client_is TIME-WAIT
	over
	in_order "type=timewait op=begin $CLIENT old=FIN_WAIT2 new=FIN_WAIT2" \
		"type=timewait op=substate $CLIENT old=FIN_WAIT2 new=TIME_WAIT timeout_ms=60000" \
		"type=verdict $CLIENT how=four-way closed_by=local state=TIME_WAIT"
	said type=verdict $SERVER how=four-way closed_by=remote state=CLOSE
}

@test "TIME_WAIT begins anew when the FIN comes again" {
	begin 9656
	ask client shutdown c wr
	wait_until client_is FIN-WAIT-2
	# The last ACK is lost: the server asks again and again.
	drop tcp dport 9656 tcp flags '& (fin | syn | ack) == ack' drop
	ask server close s
	wait_until seen type=timewait op=restart
	server_is LAST-ACK
	client_is TIME-WAIT
	dropped_no_more
	wait_until fails server_is LAST-ACK
	over
	in_order "type=timewait op=begin $CLIENT new=TIME_WAIT" \
		"type=timewait op=restart $CLIENT old=TIME_WAIT new=TIME_WAIT timeout_ms=60000"
	is "$(lines "$EVENTS" type=verdict) == 2"
}

@test "TIME_WAIT ends before its time when the port is connected anew" {
	begin 9657
	ask server close s
	wait_until server_is FIN-WAIT-2
	ask client close c
	wait_until server_is TIME-WAIT
	# The same four numbers: a SYN beyond the last sequence number takes the place.
	ask client reuse
	ask client connect c 127.0.0.1 9657 "$PORT_OF_CLIENT"
	ask server accept s l
	server_is ESTAB
	ask client close c
	ask server eof s
	ask server close s
	wait_until quiet_port 9657
	watch_stop
	witnesses_stop
	said type=timewait op=killed $SERVER old=TIME_WAIT new=CLOSE
	is "$(of timeout_ms) > 0 && $(of timeout_ms) <= 60000"
	local first
	first=$(of cookie)
	# Two connections, four ends, each with its own cookie.
	is "$(lines "$EVENTS" type=verdict) == 4"
	same "$(picked "$EVENTS" type=verdict | grep -oE ' cookie=[0-9]+' | sort -u | grep -c .)" 4
	said type=verdict cookie="$first" $SERVER closed_by=local how=four-way
}

# between LOW NUMBER HIGH
between() { is "$1 <= $2 && $2 <= $3"; }

@test "TIME_WAIT's time is that of ss, and its end is seen" {
	local before after ours
	# Where the tests before took longer than it, once more.
	ss_has state time-wait sport = :9699 or dport = :9699 || connections -p 9699
	watch_start 9699
	wait_until seen type=snapshot state=TIME_WAIT
	# Between two times that ss says is ours; it rounds.
	before=$(ss -Htno state time-wait | sed -nE 's/.*:9699 .*timewait,([0-9]*)sec.*|.*:9699 .*timewait,[0-9]*ms.*/\1/p')
	ours=$(tcptrace-ctl watch --source="$SOURCE" --once --json 9699 | json_lines | grep -oE ' timeout_ms=[0-9]+')
	after=$(ss -Htno state time-wait | sed -nE 's/.*:9699 .*timewait,([0-9]*)sec.*|.*:9699 .*timewait,[0-9]*ms.*/\1/p')
	ours=${ours#*=}
	between "${after:-0}000" "$ours" "${before:-0}999"
	wait_until fails ss_has state time-wait sport = :9699 or dport = :9699
	wait_until seen type=timewait op=end
	watch_stop
	said type=timewait op=end old=TIME_WAIT new=CLOSE timeout_ms=0
	said type=snapshot state=TIME_WAIT cookie="$(of cookie)"
	silent type=verdict
}
