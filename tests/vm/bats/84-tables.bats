# SPDX-License-Identifier: GPL-2.0-only
# The tables: listeners, ended connections, ports, the busiest sockets, and counters. Compared with ss, with the
# applications' counts, with /proc/sys, and with the error of connect() when no port is left.

load helper
load watch
setup()
{
	common_setup
	load_source
}
teardown() { tables_teardown; }

tables_teardown()
{
	in_tmux kill-server 2>/dev/null || true
	watch_teardown
}

# table COMMAND...: its output as lines of key=value, in $TABLE
table()
{
	TABLE=$BATS_TEST_TMPDIR/table
	tcptrace-ctl "$@" --json | json_lines >"$TABLE"
}

# row WORD...: the one line that has all these words, in SAID
row()
{
	SAID=$(picked "$TABLE" "$@")
	[[ -n $SAID && $SAID != *$'\n'* ]] && return
	printf 'not exactly one line with: %s\n%s\n' "$*" "$SAID"
	cat "$TABLE"
	return 1
}

# stop_view NAME: with Ctrl-C; then its objects are in $TABLE
stop_view()
{
	stop "$1" INT
	same "$(<"$BATS_TEST_TMPDIR/$1.err")" ""
	TABLE=$BATS_TEST_TMPDIR/table
	json_lines "$(out_of "$1")" >"$TABLE"
}

# "RECV-Q SEND-Q" of a listener, according to ss: its accept queue, and how many it may hold
backlog_ss() { ss -Hltn "sport = :$1" | awk '{ print $2, $3 }'; }
backlog_is() { [[ $(backlog_ss "$1") = "$2" ]]; }
half_open_ss() { ss -Htn state syn-recv "sport = :$1" | grep -c . || true; }
half_open_are() { [[ $(half_open_ss "$1") = "$2" ]]; }

# ---- listen ----

@test "listen: a listener whose application does not accept" {
	local i
	peer_start client
	peer_start server
	spawn listen tcptrace-ctl listen --json 9840
	wait_until asking_are 1
	ask server listen l 127.0.0.1 9840 3
	for i in 1 2 3 4; do
		ask client connect "c$i" 127.0.0.1 9840
	done
	wait_until backlog_is 9840 "4 3"
	table listen --once 9840
	row type=listen sport=9840
	same "$(of backlog) $(of backlog_max)" "4 3"
	same "$(of pid)" "$(pid_of server)"
	# Two are accepted; the peak and the longest wait remain.
	ask server accept s1 l
	ask server accept s2 l
	wait_until backlog_is 9840 "2 3"
	table listen --once 9840
	row type=listen sport=9840
	same "$(of backlog) $(of backlog_max)" "2 3"
	stop_view listen
	SAID=$(picked "$TABLE" type=listen sport=9840 | tail -n 1)
	same "$(of backlog) $(of backlog_peak) $(of backlog_max) $(of accepted)" "2 4 3 2"
	is "$(of accept_wait_max_ns) > 0"
	# The third has waited longer than the second, which had waited when the third arrived.
	is "$(of accept_waiting_ns) > 0"
	same "$(of pid)" "$(pid_of server)"
}

@test "listen: half-open connections are the SYN queue, as ss counts them" {
	local i
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9841
	spawn listen tcptrace-ctl listen --json 9841
	wait_until asking_are 1
	# Their third segment is lost.
	drop 'tcp dport 9841 tcp flags & (syn | ack) == ack drop'
	for i in 1 2 3; do
		ask client start "c$i" 127.0.0.1 9841
	done
	wait_until half_open_are 9841 3
	table listen --once 9841
	row type=listen sport=9841
	same "$(of syn_backlog)" 3
	same "$(of backlog)" 0
	# It arrives when the SYN-ACK is retransmitted.
	dropped_no_more
	wait_until backlog_is 9841 "3 128"
	same "$(half_open_ss 9841)" 0
	stop_view listen
	SAID=$(picked "$TABLE" type=listen sport=9841 | tail -n 1)
	same "$(of syn_backlog) $(of syn_backlog_peak)" "0 3"
	same "$(of backlog) $(of backlog_peak)" "3 3"
}

overflows() { nstat -asz TcpExtListenOverflows | awk '$1 == "TcpExtListenOverflows" { print $2 }'; }
overflown() { (($(overflows) >= $1)); }

@test "listen: what a full accept queue refuses, as the kernel counts it" {
	local i before after
	peer_start client
	peer_start server
	spawn listen tcptrace-ctl listen --json 9839
	wait_until asking_are 1
	ask server listen l 127.0.0.1 9839 1
	ask client connect c1 127.0.0.1 9839
	ask client connect c2 127.0.0.1 9839
	wait_until backlog_is 9839 "2 1"
	before=$(overflows)
	for i in 3 4 5; do
		ask client start "c$i" 127.0.0.1 9839
	done
	wait_until overflown $((before + 3))
	for i in 3 4 5; do
		ask client close "c$i"
	done
	after=$(overflows)
	stop_view listen
	SAID=$(picked "$TABLE" type=listen sport=9839 | tail -n 1)
	same "$(of overflows) $(of drops)" "$((after - before)) 0"
	same "$(of backlog) $(of backlog_peak) $(of backlog_max)" "2 2 1"
}

# ---- life ----

@test "life: bytes, requests and processes, as the applications count them" {
	local i
	spawn life tcptrace-ctl life --json '( sport = :9842 or dport = :9842 )' or '( sport = :9843 or dport = :9843 )'
	wait_until asking_are 1
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9842
	ask client connect c 127.0.0.1 9842
	ask server accept s l
	for i in 1 2 3; do
		ask client write c 100
		ask server read s 100
		same "$ANSWER" 100
		ask server write s 2000
		ask client read c 2000
		same "$ANSWER" 2000
	done
	ask client close c
	ask server end s
	wait_until quiet_port 9842
	connections -p 9843 -n 5 -b 3000 -e server >"$BATS_TEST_TMPDIR/made"
	like "$(<"$BATS_TEST_TMPDIR/made")" 'connections=5 errors=0'
	connections -p 9843 -n 2 -b 10 -e reset
	wait_until quiet_port 9843
	stop_view life
	row type=verdict dport=9842
	same "$(of bytes_out) $(of bytes_in) $(of requests) $(of connection)" "300 6000 3 long"
	same "$(of how) $(of closed_by) $(of pid)" "three-way local $(pid_of client)" ||
		same "$(of how) $(of closed_by) $(of pid)" "four-way local $(pid_of client)"
	row type=verdict sport=9842
	same "$(of bytes_out) $(of bytes_in) $(of requests) $(of closed_by)" "6000 300 3 remote"
	same "$(of pid)" "$(pid_of server)"
	same "$(lines "$TABLE" type=verdict sport=9843 bytes_in=3000 bytes_out=3000 closed_by=local)" 5
	same "$(lines "$TABLE" type=verdict dport=9843 bytes_in=3000 bytes_out=3000 closed_by=remote)" 5
	same "$(lines "$TABLE" type=verdict how=reset)" 4
	same "$(lines "$TABLE" type=verdict connection=short)" 14
	same "$(lines "$TABLE" type=verdict)" 16
}

# ---- ports ----

in_small() { nsenter "$(netns small)" "$@"; }

# left PORT: how many are left for the peer 127.0.0.1:PORT in the namespace; SAID has the rest of the row
left()
{
	table ports
	SAID=$(picked "$TABLE" "netns=$INODE" "dport=$1")
	# A peer without a connection is like any other.
	[[ -n $SAID ]] || SAID=$(picked "$TABLE" "netns=$INODE" "dport=")
	of left
}
time_waits_are() { [[ $(in_small ss -Htn state time-wait "dport = :$1" | grep -c .) = "$2" ]]; }
connects() { ask client connect "again$((TRIES++))" 127.0.0.1 "$1"; }

@test "ports: what is left, until connect() says that nothing is" {
	local i TRIES=0
	add_netns small
	INODE=$(netns_inode small)
	in_small busybox sysctl -qw net.ipv4.ip_local_port_range="40000 40009"
	in_small busybox sysctl -qw net.ipv4.ip_local_reserved_ports=40003
	in_small busybox sysctl -qw net.ipv4.tcp_tw_reuse=0
	peer_start server nsenter "$(netns small)" peer
	peer_start client nsenter "$(netns small)" peer
	ask server listen l 127.0.0.1 9850
	ask server listen m 127.0.0.1 9851
	ask server listen in-range 127.0.0.1 40006
	same "$(left 9850)" 8 "none in use"
	for ((i = 1; i <= 8; i++)); do
		ask client connect "c$i" 127.0.0.1 9850
		ask server accept "s$i" l
		same "$(left 9850)" $((8 - i)) "$i in use"
	done
	asked_fails EADDRNOTAVAIL client connect none 127.0.0.1 9850
	# All of them are available for each destination.
	same "$(left 9851)" 8 "of another port"
	ask client connect d 127.0.0.1 9851
	same "$(left 9851)" 7 "of another port, one in use"

	# Closed by the client: its ports stay in use.
	for i in 1 2 3 4; do
		ask client close "c$i"
		ask server end "s$i"
	done
	wait_until time_waits_are 9850 4
	same "$(left 9850)" 0 "TIME_WAIT counts"
	left 9850 >/dev/null
	same "$(of in_use) $(of timewait) $(of reusable)" "8 4 0"
	asked_fails EADDRNOTAVAIL client connect none2 127.0.0.1 9850
	# Unless they may be reused.
	in_small busybox sysctl -qw net.ipv4.tcp_tw_reuse=2
	same "$(left 9850)" 4 "over the loopback"
	wait_until connects 9850
	same "$(left 9850)" 3 "one of them is used again"
	# From inside the namespace, the same.
	in_small tcptrace-ctl ports dst 127.0.0.1:9850 >"$BATS_TEST_TMPDIR/text"
	has_line "$BATS_TEST_TMPDIR/text" "netns $INODE: ports 40000-40009, 10 in all, 1 reserved, 1 held by bind()"
	has_line "$BATS_TEST_TMPDIR/text" '127.0.0.1 127.0.0.1:9850 *8 *3 *38% *3 *3'
	# This host's own, according to /proc.
	local range
	read -ra range </proc/sys/net/ipv4/ip_local_port_range
	row "netns=$(stat -Lc %i /proc/self/ns/net)" "dport="
	same "$(of range_low) $(of range_high)" "${range[*]}"
}

@test "ports: one that bind() took before connect() is chosen for no destination" {
	local i TRIES=0
	add_netns small
	INODE=$(netns_inode small)
	in_small busybox sysctl -qw net.ipv4.ip_local_port_range="40000 40009"
	peer_start server nsenter "$(netns small)" peer
	peer_start client nsenter "$(netns small)" peer
	ask server listen l 127.0.0.1 9852
	ask server listen m 127.0.0.1 9853
	for i in 0 1 2 3; do
		ask client connect "c$i" 127.0.0.1 9852 "4000$i"
		ask server accept "s$i" l
	done
	same "$(left 9853)" 6 "of another port"
	for ((i = 1; i <= 6; i++)); do
		ask client connect "d$i" 127.0.0.1 9853
	done
	same "$(left 9853)" 0 "all used"
	asked_fails EADDRNOTAVAIL client connect none 127.0.0.1 9853
	# The same while it is in TIME_WAIT.
	ask client close c0
	ask server end s0
	wait_until time_waits_are 9852 1
	same "$(left 9854)" 6 "of a third port"
}

# ---- top ----

# "RECV-Q SEND-Q" of the client's and the server's socket of $1, according to ss
queues_of()
{
	ss -Htn state established "( sport = :$1 )" | awk '{ print $1, $2 }'
	ss -Htn state established "( dport = :$1 )" | awk '{ print $1, $2 }'
}

# unread PORT BYTES: a connection whose server leaves so many bytes unread, according to ss
unread()
{
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 "$1"
	ask client connect c 127.0.0.1 "$1"
	ask server accept s l
	ask client write c "$2"
	wait_until queues_are "$1" "$2 0" "0 0"
}
queues_are() { [[ $(queues_of "$1") = "$2"$'\n'"$3" ]]; }

# In how many of top's tables so far nothing is unread; empty_again N: in at least N
empty_frames() { grep -E '"sport":9870,.*"state":"ESTABLISHED".*"recvq":0,' "$(out_of top)" | grep -c . || true; }
empty_again() { (($(empty_frames) >= $1)); }

@test "top: the queues that ss has, and the bytes that the application wrote" {
	unread 9870 5000
	table top --count=1 9870
	row sport=9870 state=ESTABLISHED
	same "$(of recvq) $(of sendq) $(of recvq_peak)" "5000 0 5000"
	row dport=9870 state=ESTABLISHED
	same "$(of recvq) $(of sendq)" "0 0"
	row sport=9870 state=LISTEN
	spawn top tcptrace-ctl top --json --interval=0.5 9870
	wait_until asking_are 1
	wait_until has_line "$(out_of top)" '*'
	ask client write c 40000
	ask server read s 45000
	wait_until queues_are 9870 "0 0" "0 0"
	# The first one may be from before the last byte arrived; the second is not.
	wait_until empty_again $(($(empty_frames) + 2))
	stop_view top
	local sum
	# Bytes a second, rounded down, times the seconds: at most what arrived, and less than that by less than a byte
	# a second.
	sum=$(picked "$TABLE" sport=9870 state=ESTABLISHED | awk '{
			for (i = 1; i <= NF; i++) { split($i, part, "="); field[part[1]] = part[2] }
			if ("in_bytes_per_s" in field && before) {
				least += field["in_bytes_per_s"] * (field["time"] - before) / 1e9
				most += (field["in_bytes_per_s"] + 1) * (field["time"] - before) / 1e9
			}
			before = field["time"]
		} END { printf "%d %d", least, most + 1 }')
	is "${sum% *} <= 40000 && ${sum#* } >= 40000"
	SAID=$(picked "$TABLE" sport=9870 state=ESTABLISHED | tail -n 1)
	is "$(of recvq) == 0"
	is "$(of recvq_peak) > 5000"
}

# Each screen has a server of its own: a client that finds the last one about to exit fails.
in_tmux() { tmux -S "$BATS_TEST_TMPDIR/screen-${SCREENS-0}" "$@"; }
picture() { in_tmux capture-pane -p >"$BATS_TEST_TMPDIR/picture"; mapfile -t PICTURE <"$BATS_TEST_TMPDIR/picture"; }
last_line_is() { picture && like "${PICTURE[$(($1 - 1))]-}" "$2" >"$BATS_TEST_TMPDIR/like"; }
drawn() { picture && has_line "$BATS_TEST_TMPDIR/picture" "$1"; }
tmux_over() { [[ -e $BATS_TEST_TMPDIR/status ]]; }

# on_screen COLUMNS LINES COMMAND...: in a terminal, without a shell that would restore it; its status goes to "status"
on_screen()
{
	local wide=$1 high=$2
	shift 2
	rm -f "$BATS_TEST_TMPDIR/status"
	SCREENS=$((${SCREENS-0} + 1))
	# shellcheck disable=SC2016 # for the inner shell
	in_tmux -f /dev/null new-session -d -x "$wide" -y "$high" \
		"cd '$BATS_TEST_TMPDIR'; PATH=$PATH; stty -a >before; echo marker; $*; echo \$? >status.new; stty -a >after; mv status.new status; sleep 1000"
}

@test "top on a terminal: drawn in place, at 40x10 and back, keys, and left as it was found" {
	unread 9871 7000
	on_screen 130 30 tcptrace-ctl top 9871
	wait_until last_line_is 30 'q quit  / filter*R reverse'
	wait_until drawn '*127.0.0.1:9871*ESTABLISHED *7000 *peer/*'
	same "$(grep -c 7000 "$BATS_TEST_TMPDIR/picture")" 1 "one line of it, not one below the other"
	in_tmux send-keys r
	wait_until drawn '*by Recv-Q*'
	in_tmux resize-window -x 40 -y 10
	wait_until last_line_is 10 'q quit*'
	wait_until drawn '127.0.0.1:9871 *7000*'
	is "${#PICTURE[@]} <= 10"
	in_tmux resize-window -x 130 -y 30
	wait_until last_line_is 30 'q quit  / filter*R reverse'
	in_tmux send-keys / 'state listening' Enter
	wait_until drawn '* 1 socket, *'
	drawn '*127.0.0.1:9871 *LISTEN*'
	in_tmux send-keys q
	wait_until tmux_over
	wait_until drawn marker
	same "$(<"$BATS_TEST_TMPDIR/status")" 0
	same "$(in_tmux display-message -p '#{alternate_on} #{cursor_flag}')" "0 1"
	same "$(<"$BATS_TEST_TMPDIR/after")" "$(<"$BATS_TEST_TMPDIR/before")"
	in_tmux kill-server

	local signal
	for signal in TERM INT QUIT SEGV; do
		on_screen 80 24 tcptrace-ctl top 9871
		wait_until last_line_is 24 'q quit*'
		kill -$signal "$(pgrep -f '^tcptrace-ctl top 9871')"
		wait_until tmux_over
		wait_until drawn marker
		same "$(in_tmux display-message -p '#{alternate_on} #{cursor_flag}')" "0 1" "after SIG$signal"
		same "$(<"$BATS_TEST_TMPDIR/after")" "$(<"$BATS_TEST_TMPDIR/before")" "after SIG$signal"
		in_tmux kill-server
	done
	wait_until no_readers
}

# ---- each of them ----

@test "tables of a recording: the same as live, by anybody, without the module" {
	local view
	local filter='( sport = :9860 or dport = :9860 ) or ( sport = :9862 or dport = :9862 )'
	spawn record tcptrace-ctl record --quiet "$BATS_TEST_TMPDIR/kept" "$filter"
	spawn live tcptrace-ctl life --json "$filter"
	wait_until asking_are 2
	# One that still exists at the end.
	spawn_ready held connections -p 9862 -n 1 --hold
	connections -p 9860 -n 20 -b 500
	wait_until quiet_port 9860
	stop record INT
	stop_view live
	cp "$TABLE" "$BATS_TEST_TMPDIR/live"
	stop held TERM
	unload_source
	for view in listen:9862 life:9860 "ports --range=1024-65535:9862" "top --rows=100:9862"; do
		echo "$view"
		# shellcheck disable=SC2086 # words they are
		as_nobody tcptrace-ctl ${view%:*} --source=- <"$BATS_TEST_TMPDIR/kept" >"$BATS_TEST_TMPDIR/text"
		is "$(grep -c "127.0.0.1:${view##*:}" "$BATS_TEST_TMPDIR/text") > 0"
	done
	tcptrace-ctl life --json --source="$BATS_TEST_TMPDIR/kept" | json_lines >"$BATS_TEST_TMPDIR/again"
	grep type=verdict "$BATS_TEST_TMPDIR/live" | untimed | sort >"$BATS_TEST_TMPDIR/live.sorted"
	grep type=verdict "$BATS_TEST_TMPDIR/again" | untimed | sort >"$BATS_TEST_TMPDIR/again.sorted"
	same "$(grep -c . "$BATS_TEST_TMPDIR/again.sorted")" 40
	diff "$BATS_TEST_TMPDIR/live.sorted" "$BATS_TEST_TMPDIR/again.sorted"
}

# view NAME WORDS...: starts the view from $FROM; shown NAME: it has printed the port (or word) at the end of its name,
# and no error
view()
{
	local words=${2%:*}
	# shellcheck disable=SC2086 # words they are
	spawn "$1" tcptrace-ctl ${words%% *} --source="$FROM" ${words#"${words%% *}"}
}
shown()
{
	same "$(<"$BATS_TEST_TMPDIR/$1.err")" "" "$FROM: $2"
	grep -q "${2##*:}" "$(out_of "$1")" || { echo "$FROM: $2"; cat "$(out_of "$1")"; return 1; }
}

@test "each view from each source" {
	local i FROM
	[[ $SOURCE = module ]] || skip "the module is one of them"
	local now=("watch --once:9862" "listen --once:9862" "top --count=1 --batch:9862" "ports --range=1024-65535:9862" \
		"ss -tan:9862" "ss -tan --history=0.1:9862" "netstat -ant:9862")
	local later=("watch:9863" "life:9863" "ladder --level=queue:9863" "window:9863" "states:CLOSE_WAIT")
	spawn_ready held connections -H -p 9862 -n 2
	spawn record tcptrace-ctl record --quiet --level=segment "$BATS_TEST_TMPDIR/kept"
	wait_until asking_are 1
	connections -p 9863 -n 3 -b 100
	wait_until quiet_port 9863
	stop record INT
	for FROM in module bpf "$BATS_TEST_TMPDIR/kept"; do
		# All at once: until a BPF program is attached, it waits most of the time.
		for i in "${!now[@]}"; do
			view "now$i" "${now[i]}"
		done
		for i in "${!now[@]}"; do
			finish "now$i" || same $? 0 "$FROM: ${now[i]}"
			shown "now$i" "${now[i]}"
		done
		for i in "${!later[@]}"; do
			view "later$i" "${later[i]}"
		done
		if [[ $FROM != /* ]]; then
			SOURCE=$FROM wait_until asking_are ${#later[@]}
			connections -p 9863 -n 3 -b 100
			wait_until quiet_port 9863
		fi
		for i in "${!later[@]}"; do
			if [[ $FROM = /* ]]; then
				finish "later$i" || same $? 0 "$FROM: ${later[i]}"
			else
				stop "later$i" INT || same $? 0 "$FROM: ${later[i]}"
			fi
			shown "later$i" "${later[i]}"
		done
	done
}

# printed NAME LINES
printed() { (($(grep -c . "$(out_of "$1")") >= $2)); }

@test "tables: no rows, a closed pipe, Ctrl-C, nothing lost" {
	local view
	for view in "listen --once" "ports"; do
		# shellcheck disable=SC2086
		tcptrace-ctl $view 'dport = :9999' >"$BATS_TEST_TMPDIR/text"
		is "$(grep -c '[A-Z]' "$BATS_TEST_TMPDIR/text") > 0"
		fails grep 9999 "$BATS_TEST_TMPDIR/text"
	done
	spawn flood connections -p 9861 -n 0 --pause 3000
	set +o pipefail
	for view in life "listen --interval=0.2" "top --interval=0.2"; do
		# shellcheck disable=SC2086
		tcptrace-ctl $view 9861 2>"$BATS_TEST_TMPDIR/err" | head -n 1 >"$BATS_TEST_TMPDIR/text"
		same "$(<"$BATS_TEST_TMPDIR/err")" ""
		is "$(grep -c . "$BATS_TEST_TMPDIR/text") == 1"
	done
	set -o pipefail
	stop flood TERM
	wait_until no_readers
	spawn life tcptrace-ctl life 9861
	wait_until asking_are 1
	# So few that the rings hold all of it, even if the reader is late.
	spawn flood connections -p 9861 -n 300 --pause 3000
	wait_until printed life 10
	stop life INT
	like "$(tail -n 1 "$(out_of life)")" '-- * events*, 0 lost'
	stop flood TERM || true
	none_armed
}

# ---- export ----

# metric SAMPLE: its value; the labels at the end may be omitted
metric() { awk -v name="$1" 'index($0, name) == 1 { print $NF; exit }' "$BATS_TEST_TMPDIR/metrics/file"; }
metric_is() { [[ $(metric "$1") = "$2" ]]; }
established_ss() { ss -Htn state established '( sport = :9866 or dport = :9866 )' | grep -c . || true; }

@test "export: prometheus: a file that is replaced while ss and the applications say the same" {
	local i
	peer_start client
	peer_start server
	mkdir "$BATS_TEST_TMPDIR/metrics"
	spawn export tcptrace-ctl export --format=prometheus --interval=0.2 --textfile="$BATS_TEST_TMPDIR/metrics/file" \
		'( sport = :9866 or dport = :9866 )'
	wait_until asking_are 1
	ask server listen l 127.0.0.1 9866 5
	for i in 1 2 3; do
		ask client connect "c$i" 127.0.0.1 9866
	done
	ask server accept s1 l
	wait_until backlog_is 9866 "2 5"
	wait_until metric_is 'tcptrace_listener_accept_queue{local="127.0.0.1:9866"' 2
	metric_is 'tcptrace_listener_accept_queue_max{local="127.0.0.1:9866"' 5
	wait_until metric_is 'tcptrace_sockets{state="ESTABLISHED"}' "$(established_ss)"
	metric_is 'tcptrace_sockets{state="ESTABLISHED"}' 6
	ask server accept s2 l
	ask server accept s3 l
	ask client write c1 700
	ask server read s1 700
	ask client set c2 linger 0
	for i in 1 2 3; do
		ask client close "c$i"
		# Until the FIN or the RST has arrived, the other endpoint's close would not be the second one.
		if ((i == 2)); then
			asked_fails ECONNRESET server eof s2
		else
			ask server eof "s$i"
		fi
		ask server close "s$i"
	done
	wait_until quiet_port 9866
	stop export INT
	like "$(<"$BATS_TEST_TMPDIR/export.err")" '-- * events from *, 0 lost'
	same "$(<"$(out_of export)")" ""
	same "$(echo "$BATS_TEST_TMPDIR"/metrics/*)" "$BATS_TEST_TMPDIR/metrics/file"
	metric_is 'tcptrace_sockets{state="ESTABLISHED"}' 0
	metric_is 'tcptrace_transitions_total{from="CLOSE",to="SYN_SENT"}' 3
	metric_is 'tcptrace_listener_accepted_total{local="127.0.0.1:9866"' 3
	metric_is 'tcptrace_endpoints_closed_total{how="reset",closed_by="local"}' 1
	metric_is 'tcptrace_endpoints_closed_total{how="reset",closed_by="remote"}' 1
	metric_is tcptrace_accept_wait_seconds_count 3
	is "$(metric tcptrace_received_bytes_total) == 700 && $(metric tcptrace_sent_bytes_total) == 700"
}
