# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# In a guest: makes the traffic of files whose recordings are judged afterwards, outside (recorded.bash).
# All traffic_NAME functions of a file run one after the other, each in a shell of its own, between one load and one
# unload of the module. Meanwhile one recording, one tcpdump of all devices, and the tracepoint
# sock:inet_sock_set_state are running. Functions that a file names in UNRECORDED come first, before anything is recorded:
# for tests of what is armed then, and for readers of their own. $RECORDED then has:
#
#	recording	of tcptrace-ctl
#	segments.pcap	of tcpdump
#	trace		of the tracepoint
#	durations	of the functions
#	NAME/status	0, or the status of the function
#	NAME/log	its output
#	NAME/vars	variables for the judgement (keep), and the processes that it started, by name
#	NAME/skipped	why it was skipped (skip)
#	NAME/unseen	what this kernel does not show
#	NAME/*.out	the output of its programs
#	NAME/counted_*	the kernel's counters, see counted

# A file may have variables RECORD_LEVEL and RECORD_FILTER for the recording, SEGMENTS_OF (a filter of tcpdump), LOAD_WITH
# (a parameter of the module), and functions recording_also and recording_also_end, which start and stop more recordings, in
# $RECORDED as well.

# keep VARIABLE...: for the judgement
keep()
{
	local name
	for name; do
		[[ $(declare -p "$name") = declare\ -a* ]] && printf '%s=(%s)\n' "$name" "$(eval "printf '%q ' \"\${${name}[@]}\"")" ||
			printf '%s=%q\n' "$name" "${!name}"
	done >>"$BATS_TEST_TMPDIR/vars"
}

skip() { echo "$*" >"$BATS_TEST_TMPDIR/skipped"; exit 0; }
unseen() { echo "$*" >>"$BATS_TEST_TMPDIR/unseen"; }

# connected PORT [ADDRESS]: client's socket c and server's s of the listener l; client and server are started if they
# are not running yet
connected()
{
	PORT=$1
	[[ ${JOBS[client]-} ]] || peer_start client
	[[ ${JOBS[server]-} ]] || peer_start server
	ask server listen l "${2-127.0.0.1}" "$PORT"
	ask client connect c "${2-127.0.0.1}" "$PORT"
	PORT_OF_CLIENT=$ANSWER
	ask server accept s l
	CLIENT="sport=$PORT_OF_CLIENT dport=$PORT"
	SERVER="sport=$PORT dport=$PORT_OF_CLIENT"
	keep PORT PORT_OF_CLIENT CLIENT SERVER
}

# closed_at_once PORT: the process both has both endpoints of a connection, and closes them one right after the other. tcp_fin()
# delays the ACK of the first FIN, so that it is in the segment of the second one. Only something that keeps the whole CPU from
# the process for as long as an ACK may be delayed can come in between: tcpdump shows which it was.
closed_at_once()
{
	PORT=$1
	[[ ${JOBS[both]-} ]] || peer_start both
	ask both listen l 127.0.0.1 "$PORT"
	ask both connect c 127.0.0.1 "$PORT"
	ask both accept s l
	tell both $'close c\nclose s\nclose l'
	hear both
	hear both
	hear both
	wait_until quiet_port "$PORT"
}

# ---- the kernel's counters of this namespace, by the names of nstat ----

# For the judgement, counted NAME is what was counted between these two.
counted_from_here() { counters >"$BATS_TEST_TMPDIR/counted_from"; }
counted_until_here() { counters >"$BATS_TEST_TMPDIR/counted_until"; }
counters() { echo "$(</proc/net/snmp)"$'\n'"$(</proc/net/netstat)"; }

# counted NAME: since counted_from_here. It is called many times, so it starts no program.
counted() { echo $(($(kernel_counter "$1" < <(counters)) - $(kernel_counter "$1" <"$BATS_TEST_TMPDIR/counted_from"))); }
kernel_counter()
{
	local name names values i
	while read -ra names && read -ra values; do
		name=${1#"${names[0]%:}"}
		[[ $name != "$1" ]] || continue
		for i in "${!names[@]}"; do
			[[ ${names[i]} != "$name" ]] || { echo "${values[i]}"; return; }
		done
	done
	echo "no counter $1" >&2
	return 1
}

# enough NAME NUMBER: by the kernel's count
enough() { (($(counted "$1") >= $2)); }

# ---- one function ----

traffic_over()
{
	local status=$? name
	set +eE
	trap - EXIT ERR
	for name in "${!JOBS[@]}"; do
		echo "PID_$name=${JOBS[$name]}"
		kill -CONT "${JOBS[$name]}" 2>/dev/null
		kill -KILL "${JOBS[$name]}" 2>/dev/null
		wait "${JOBS[$name]}" 2>/dev/null
	done >>"$BATS_TEST_TMPDIR/vars"
	for name in "${NETNS[@]}"; do
		ip netns del "$name"
	done
	! type -t traffic_cleanup >/dev/null || traffic_cleanup
	exit "$status"
}

# make_traffic NAME
make_traffic()
{
	local status=0 start=${EPOCHREALTIME/./}
	BATS_TEST_TMPDIR=$RECORDED/$1
	mkdir "$BATS_TEST_TMPDIR"
	(
		set -eE
		JOBS=() NETNS=()
		trap traffic_over EXIT
		trap 'echo "line $LINENO of ${BASH_SOURCE[0]##*/}: $BASH_COMMAND" >&2' ERR
		"traffic_$1"
	) >"$BATS_TEST_TMPDIR/log" 2>&1 3>&1
	status=$?
	echo $status >"$BATS_TEST_TMPDIR/status"
	echo "$1 $(((${EPOCHREALTIME/./} - start) / 1000)) ms" >>"$RECORDED/durations"
	((status == 0)) || { echo "# traffic $1: status $status" && sed 's/^/# /' "$BATS_TEST_TMPDIR/log"; }
}

# ---- a file ----

# unrecorded NAME
unrecorded() { [[ " ${UNRECORDED[*]-} " = *" $1 "* ]]; }

traffic_begin()
{
	mkdir -p $TRACE
	echo 8192 >$TRACE/buffer_size_kb
	echo 1 >$TRACE/events/sock/inet_sock_set_state/enable
	# What the connections of one function learn about a path, mainly its RTT, must not influence the next one's.
	echo 1 >/proc/sys/net/ipv4/tcp_no_metrics_save
	load_source ${LOAD_WITH-}
}

recording_begin()
{
	BATS_TEST_TMPDIR=$RECORDED
	spawn segments tcpdump -Z root -i any -s 160 -w "$RECORDED/segments.pcap" -U --immediate-mode -B 16384 \
		"${SEGMENTS_OF-tcp} or udp port $LAST_PORT"
	spawn record tcptrace-ctl record --quiet --source="$SOURCE" --level="${RECORD_LEVEL-queue}" "$RECORDED/recording" \
		${RECORD_FILTER:+"$RECORD_FILTER"}
	wait_until has_line "$RECORDED/segments.err" '*listening on *'
	wait_until asking_are 1
	! type -t recording_also >/dev/null || recording_also
}

# tcpdump is behind the kernel: it is not stopped before it has written the last datagram.
segments_end()
{
	local mark="the last datagram of ${RECORDED##*/}"
	echo "$mark" >/dev/udp/127.0.0.1/$LAST_PORT
	# Not busybox's grep: it ends a line with the first 0.
	wait_until command grep -qaF "$mark" "$RECORDED/segments.pcap"
	stop segments INT
	grep -q '^0 packets dropped by kernel' "$RECORDED/segments.err"
}

recording_end()
{
	BATS_TEST_TMPDIR=$RECORDED
	! type -t recording_also_end >/dev/null || recording_also_end
	stop record INT
	segments_end
	echo 0 >$TRACE/events/sock/inet_sock_set_state/enable
	cat $TRACE/trace >"$RECORDED/trace"
	rmdir $TRACE
	unload_source
}
