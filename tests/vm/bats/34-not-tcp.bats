# SPDX-License-Identifier: GPL-2.0-only
# What is not TCP and goes through the same kernel functions, or has TCP's protocol number: no record may report it.

load recorded
setup_file() { recorded; }

# shellcheck disable=SC2034 # of traffic.bash
RECORD_LEVEL=segment

# Raw records, to be counted by lines(); no view is involved.
records() { [[ -s $BATS_FILE_TMPDIR/records ]] || recording "$RECORDED/recording" >"$BATS_FILE_TMPDIR/records"; RECORDS=$BATS_FILE_TMPDIR/records; }
# unrecorded_port PORT
unrecorded_port()
{
	records
	same "records of port $1: $(lines "$RECORDS" sport="$1") $(lines "$RECORDS" dport="$1")" "records of port $1: 0 0"
}

traffic_cleanup()
{
	nft delete table inet test
	echo 1000 >/proc/sys/user/max_net_namespaces
} 2>/dev/null

# dropped_by_rule [COMMAND...]: nft's rule has counted something, in the namespace that COMMAND enters
dropped_by_rule() { [[ $("$@" nft list table inet test) = *"counter packets "[1-9]* ]]; }

# Its timers and those of its requests end with the namespace; the kernel counts the namespace until all of it is gone.
limit_namespaces() { sysctl -qw user.max_net_namespaces=1; }
namespaces_gone() { unshare -n true 2>/dev/null; }

# in_netns COMMAND...: in the namespace with the DCCP sockets
in_netns() { nsenter "$(netns dccp)" "$@"; }
dccp_state() { [[ $(in_netns ss -Hdan state "$1") ]]; }

# all_of_it ADDRESS PORT: from listen() to TIME_WAIT
all_of_it()
{
	ask server listen "l$2" "$1" "$2"
	ask client connect "c$2" "$1" "$2"
	ask server accept "s$2" "l$2"
	ask client write "c$2" 100
	ask server read "s$2" 100
	BY_SS=$(in_netns ss -Hdan "sport = :$2")
	ask client close "c$2"
	ask server eof "s$2"
	ask server close "s$2"
	ask server close "l$2"
	wait_until dccp_state time-wait
}

traffic_dccp()
{
	local BY_SS peer
	modprobe -q -a dccp dccp_ipv4 dccp_ipv6 dccp_diag || skip "this kernel has no DCCP (removed in 6.16)"
	add_netns dccp
	peer_start client nsenter "$(netns dccp)" peer
	peer_start server nsenter "$(netns dccp)" peer
	ask client dccp
	ask server dccp
	all_of_it 127.0.0.1 9901
	BY_SS4=$BY_SS
	all_of_it ::1 9902
	BY_SS6=$BY_SS
	keep BY_SS4 BY_SS6
	# Half a connection, whose listener closes: its request is dropped by its timer.
	in_netns nft -f - <<<'table inet test { chain in { type filter hook input priority 0; ip protocol dccp dccp type response counter drop; }; }'
	ask server listen l 127.0.0.1 9903
	ask client start c 127.0.0.1 9903
	wait_until dropped_by_rule in_netns
	ask server close l
	ask client close c
	# A TCP connection in the same place.
	peer_start both nsenter "$(netns dccp)" peer
	ask both listen l 127.0.0.1 9904
	ask both connect c 127.0.0.1 9904
	ask both close c
	ask both close l
	for peer in client server both; do
		stop $peer || true
	done
	limit_namespaces
	ip netns del dccp
	NETNS=()
	wait_until namespaces_gone
}

# of_dccp PORT STATE>STATE: according to the tracepoint, which reports the protocol
of_dccp() { grep -E "protocol=IPPROTO_DCCP .*[sd]port=$1 .* oldstate=TCP_${2%>*} newstate=TCP_${2#*>}\$" "$RECORDED/trace" >/dev/null; }

@test "DCCP, from listen() to the end of its TIME_WAIT" {
	local port
	judge dccp 9904
	like "$BY_SS4" "*ESTAB*127.0.0.1:9901*"
	like "$BY_SS6" "*ESTAB*[[]::1]:9902*"
	for port in 9901 9902; do
		of_dccp $port 'CLOSE>LISTEN'
		of_dccp $port 'LISTEN>CLOSE'
	done
	of_dccp 9903 'CLOSE>LISTEN'
	for port in 9901 9902 9903; do
		unrecorded_port $port
	done
	said type=connect dport=9904
}

traffic_sctp()
{
	modprobe -q sctp || skip "this kernel has no SCTP"
	peer_start client
	peer_start server
	ask client sctp
	ask server sctp
	ask server listen l 127.0.0.1 9905
	ask client connect c 127.0.0.1 9905
	ask server accept s l
	ask client write c 100
	ask server read s 100
	BY_SS=$(ss -HSan "sport = :9905")
	PORT=9905
	keep PORT BY_SS
	ask client close c
	ask server eof s
	ask server close s
}

@test "SCTP" {
	judge sctp
	like "$BY_SS" "*127.0.0.1:9905*"
	unrecorded_port 9905
}

# Three segments that no connection sent, from port 6: a raw socket's "port" is its protocol number.
RAW='import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
for seq in (1111, 2222, 3333):
	try:
		s.sendto(struct.pack("!HHIIBBHHH", 6, 9906, seq, 0, 5 << 4, 2, 1000, 0, 0), ("127.0.0.1", 0))
	except PermissionError:
		pass'
FROM_PORT_6='table inet test { chain out { type filter hook output priority 0; tcp sport 6 counter drop; }; }'

has_reasons() { grep -q ' reason;' /sys/kernel/tracing/events/skb/kfree_skb/format; }

traffic_raw()
{
	has_reasons || skip "this kernel drops without a reason (until 5.16)"
	# nft's modules, which a user namespace may not load.
	nft "$FROM_PORT_6"
	nft delete table inet test
	# shellcheck disable=SC2016 # is for the inner shell
	DROPPED=$(setpriv --reuid 1000 --regid 1000 --clear-groups unshare -Urn bash -ec \
		'ip link set lo up; nft "$0"; python3 -c "$1"; nft list table inet test' "$FROM_PORT_6" "$RAW")
	keep DROPPED
}

@test "a segment that a user sends by a raw socket, and his rule drops" {
	judge raw 9906
	records
	like "$DROPPED" "*counter packets 3 *"
	same "$(lines "$RECORDS" type=drop kind=none sport=9906 dport=6)" 3
	same "$(lines "$RECORDS" type=drop sport=6 dport=9906)" 0
	same "$(lines "$RECORDS" type=drop kind=full sport=6)" 0
}

traffic_control()
{
	has_reasons || skip "this kernel drops without a reason (until 5.16)"
	peer_start client
	nft "$FROM_PORT_6"
	ask client start c 127.0.0.1 6
	PORT_OF_CLIENT=$ANSWER PORT=6
	wait_until dropped_by_rule
	ask client close c
	nft delete table inet test
	keep PORT PORT_OF_CLIENT
}

@test "a RST that the kernel's own socket sends from port 6, and a rule drops" {
	judge control
	records
	# The RST, and the SYN that it answers.
	is "$(lines "$RECORDS" type=drop kind=none sport="$PORT_OF_CLIENT" dport=6) >= 1"
	is "$(lines "$RECORDS" type=drop kind=none sport=6 dport="$PORT_OF_CLIENT") >= 1"
	is "$(lines "$RECORDS" type=reset op=replied kind=none sport=6 dport="$PORT_OF_CLIENT") >= 1"
	same "$(lines "$RECORDS" type=drop kind=full sport=6)" 0
}

# cookies_of OPTION: of the sockets on PORT, according to ss
cookies_of() { ss -Hane "$1" "sport = :$PORT or dport = :$PORT" | grep -oE ' sk:[0-9a-f]+' | sed 's/ sk://'; }

traffic_mptcp()
{
	[[ -e /proc/sys/net/mptcp/enabled ]] || skip "this kernel has no MPTCP"
	sysctl -qw net.mptcp.enabled=1
	peer_start client
	peer_start server
	peer_start plain
	ask client mptcp
	ask server mptcp
	connected 9907
	# And one that does not use it.
	ask plain connect p 127.0.0.1 9907
	ask server accept sp l
	mapfile -t MPTCP < <(cookies_of -M)
	mapfile -t TCP < <(cookies_of -t)
	keep MPTCP TCP
	ask plain close p
	ask server eof sp
	ask server close sp
	ask client close c
	ask server eof s
	ask server close s
	ask server close l
	wait_until quiet_port 9907
}

@test "MPTCP's own sockets, which are beside the TCP sockets of their subflows" {
	local cookie
	judge mptcp
	records
	is "${#MPTCP[@]} >= 2"
	for cookie in "${MPTCP[@]}"; do
		same "$cookie: $(lines "$RECORDS" cookie="$cookie") $(lines "$EVENTS" listener=$((16#$cookie)))" "$cookie: 0 0"
	done
	for cookie in "${TCP[@]}"; do
		is "$(lines "$RECORDS" cookie="$cookie") > 0"
	done
}

traffic_smc()
{
	modprobe -q smc || skip "this kernel has no SMC"
	peer_start client
	peer_start server
	ask client smc
	ask server smc
	connected 9908
	ask client write c 100
	ask server read s 100
	ask client close c
	ask server eof s
	ask server close s
	ask server close l
	wait_until quiet_port 9908
}

@test "SMC's TCP socket, inside of its own, is seen as TCP, and once" {
	judge smc
	trace >"$BATS_TEST_TMPDIR/trace"
	awk -f "$BATS_TEST_DIRNAME/states.awk" "$BATS_TEST_TMPDIR/trace" "$EVENTS"
	said type=connect $CLIENT
	said type=verdict $CLIENT
	said type=verdict $SERVER
}
