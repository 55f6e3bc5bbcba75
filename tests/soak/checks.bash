# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the two readers reported, compared with the kernel's counters and the applications' counts.
# shellcheck disable=SC2086,SC2004 # numbers, and keys of an associative array

PASSED=0 FAILED=0

ok() { PASSED=$((PASSED + 1)); echo "ok $((PASSED + FAILED)) - $*"; }
not_ok() { FAILED=$((FAILED + 1)); echo "not ok $((PASSED + FAILED)) - $*"; }

# agrees WHAT SEEN WANTED [LOST]: equal, or less by at most the number known to be lost
agrees()
{
	local missing=$(($3 - $2)) lost=${4-0}
	if ((missing == 0)); then
		ok "$1: $3"
	elif ((missing > 0 && missing <= lost)); then
		ok "$1: $2 of $3, which may be less by $lost"
	else
		not_ok "$1: $2 seen, $3 wanted, which may be less by $lost"
	fi
}
# holds WHAT CONDITION: an arithmetic condition
holds()
{
	if (($2)); then ok "$1 ($2)"; else not_ok "$1 ($2)"; fi
}

# sum FILE KEY WORD...: of KEY over the lines that have all of these words, which are patterns
sum()
{
	awk -v key="$2" -v words="${*:3}" '
		BEGIN { n = split(words, word, " ") }
		/^#/ { next }
		{
			line = " " $0 " "
			for (i = 1; i <= n; i++) if (line !~ " " word[i] " ") next
			at = index(line, " " key "=")
			total += substr(line, at + length(key) + 2)
		}
		END { printf "%d\n", total }' "$1"
}
seen() { sum "$WORK/tally" count "$@"; }
verdicts() { sum "$WORK/verdicts" count "$@"; }
# last FILE KEY: from its last line
last() { tail -n 1 "$1" | tr ' ' '\n' | awk -F= -v key="$2" '$1 == key { print $2 }'; }

# counters FILE: all counters of this namespace
counters() { nstat -asz | awk '!/^#/ { print $1, $2 }' >"$1"; }
# kernel NAME: the counter's growth
kernel()
{
	awk -v name="$1" '$1 == name { n[NR == FNR] = $2; found++ } END { if (found != 2) exit 1; printf "%d\n", n[0] - n[1] }' \
		"$WORK/counters.begin" "$WORK/counters.end"
}

# status_sum COLUMN: over all CPUs, of published, lost, ...
status_sum()
{
	awk -v name="$1" '
		$1 == "cpu" { for (i = 1; i <= NF; i++) if ($i == name) column = i; next }
		column && $1 == "id" { exit }
		column { total += $column }
		END { printf "%d\n", total }' "${2-/proc/tcptrace/status}"
}

check_losses()
{
	local tally=$WORK/tally life=$WORK/verdicts handed_out
	handed_out=$(($(status_sum published "$WORK/status.end") + $(status_sum lost "$WORK/status.end")))
	LOST=$(($(last "$tally" overwritten) + $(last "$tally" nested) + $(last "$tally" missed)))
	LOST_BY_LIFE=$(($(last "$life" lost) + $(last "$life" missed)))

	same "the recording is whole" "$(last "$tally" whole)" yes
	agrees "hits: published, filtered, ignored or lost" "$(($(status_sum published "$WORK/status.end") +
		$(status_sum filtered "$WORK/status.end") + $(status_sum ignored "$WORK/status.end") +
		$(status_sum lost "$WORK/status.end")))" "$(status_sum hits "$WORK/status.end")"
	# Both readers were there from the first record on.
	agrees "record: read and lost, by what the module has handed out" \
		$(($(last "$tally" counted) + $(last "$tally" overwritten) + $(last "$tally" nested))) "$handed_out"
	agrees "life: read and lost, by what the module has handed out" \
		$(($(last "$life" events) + $(last "$life" lost))) "$handed_out"
	agrees "record: in the file what its trailer says" "$(last "$tally" counted)" "$(last "$tally" events)"
	holds "record: in the order of time" "$(last "$tally" disorder) == 0"
	holds "nothing of an unknown type" "$(last "$tally" unknown) + $(last "$life" unknown) == 0"
	holds "the model had room" "$(last "$life" model_full) == 0"
}

# According to the kernel's own counters.
check_kernel()
{
	agrees "TcpActiveOpens" "$(seen type=connect)" "$(kernel TcpActiveOpens)" $LOST
	agrees "TcpPassiveOpens" "$(seen type=request op=acked)" "$(kernel TcpPassiveOpens)" $LOST
	agrees "TcpEstabResets" "$(seen type=state 'old=(ESTABLISHED|CLOSE_WAIT)' new=CLOSE)" "$(kernel TcpEstabResets)" $LOST
	agrees "TcpAttemptFails" "$(($(seen type=state 'old=(SYN_SENT|SYN_RECV)' new=CLOSE) + $(seen type=request op=dropped)))" \
		"$(kernel TcpAttemptFails)" $LOST
	agrees "TcpOutRsts" "$(seen type=reset 'op=(sent|replied)')" "$(kernel TcpOutRsts)" $LOST
	agrees "TcpRetransSegs" "$(sum "$WORK/tally" segments type=retransmit)" "$(kernel TcpRetransSegs)" $LOST
	# The timer finds some that cannot be retransmitted, since the receiver still holds the previous copy.
	agrees "TcpExtTCPTimeouts" "$(seen type=retransmit 'op=(rto|syn)')" "$(kernel TcpExtTCPTimeouts)" \
		$((LOST + $(kernel TcpExtTCPSpuriousRtxHostQueues)))
	agrees "TIME_WAIT entered, TcpExtTW and TcpExtTWKilled" "$(seen type=timewait op=begin)" \
		$(($(kernel TcpExtTW) + $(kernel TcpExtTWKilled))) $LOST
	agrees "TIME_WAIT left" "$(seen type=timewait 'op=(end|killed)')" "$(seen type=timewait op=begin)" $LOST
	check_segments
}

check_segments()
{
	# Segments that wait for a busy socket are merged: one record for these, and one for each that came to no
	# socket.
	agrees "TcpInSegs" $(($(seen type=segment dir=in) + $(seen type=drop op=segment name=NO_SOCKET) +
		$(kernel TcpExtTCPBacklogCoalesce))) "$(kernel TcpInSegs)" $LOST
	# OutSegs does not count retransmissions, except of SYN-ACKs; RSTs in reply to segments of no connection are
	# records of their own.
	agrees "TcpOutSegs" $(($(sum "$WORK/tally" segments type=segment dir=out) + $(seen type=reset op=replied) -
		$(sum "$WORK/tally" segments type=retransmit) + $(seen type=retransmit op=synack))) "$(kernel TcpOutSegs)" $LOST
}

check_applications()
{
	local port name
	agrees "nginx: accepted, by stub_status" "$(seen type=accept "sport=($NGINX|$NGINX_STATUS)")" "${COUNTS[nginx]}" $LOST
	agrees "redis: connections, by INFO" "$(seen type=accept sport=$REDIS)" "${COUNTS[redis]}" $LOST
	agrees "iperf3: connections, by its reports" "$(seen type=accept sport=$IPERF)" "${COUNTS[iperf3]}" $LOST
	for port in "${!SHORT[@]}"; do
		name="connections, port $port"
		agrees "$name: connected" "$(seen type=connect "dport=$port")" "${COUNTS[$port]}" $LOST
		agrees "$name: accepted" "$(seen type=accept "sport=$port")" "${COUNTS[$port]}" $LOST
	done
	agrees "refused" "$(seen type=state old=SYN_SENT new=CLOSE dport=$NOBODY)" "${COUNTS[refused]}" $LOST
	holds "nginx answered what wrk counts" "${COUNTS[requests]} >= ${COUNTS[wrk]}"
	holds "all of them had something to do" "${COUNTS[nginx]} > 100 && ${COUNTS[redis]} > 100 && ${COUNTS[iperf3]} > 5"
}

# Each endpoint of each connection has one verdict, the one that its application knows.
check_verdicts()
{
	local closed='how=(four-way|three-way|simultaneous)'
	agrees "verdicts, one for each end" "$(verdicts)" $(($(kernel TcpActiveOpens) + $(kernel TcpPassiveOpens))) $LOST_BY_LIFE
	agrees "verdicts: reset" "$(verdicts port=$RESETS how=reset)" $((2 * COUNTS[$RESETS])) $LOST_BY_LIFE
	agrees "verdicts: refused" "$(verdicts how=refused)" "${COUNTS[refused]}" $LOST_BY_LIFE
	agrees "verdicts: closed by the client" "$(verdicts port=$CLIENT_FIRST "$closed")" $((2 * COUNTS[$CLIENT_FIRST])) $LOST_BY_LIFE
	agrees "verdicts: closed by the server" "$(verdicts port=$SERVER_FIRST "$closed")" $((2 * COUNTS[$SERVER_FIRST])) $LOST_BY_LIFE
	agrees "verdicts: IPv4-mapped" "$(verdicts port=$MAPPED "$closed")" $((2 * COUNTS[$MAPPED])) $LOST_BY_LIFE
	# Without a loss, the verdicts account for each byte that the applications passed.
	((LOST_BY_LIFE)) || agrees "bytes of IPv6" "$(sum "$WORK/verdicts" bytes_in port=$SERVER_FIRST side=server)" $((3000 * COUNTS[$SERVER_FIRST]))
	((LOST_BY_LIFE)) || agrees "bytes of IPv4-mapped" "$(sum "$WORK/verdicts" bytes_out port=$MAPPED side=server)" $((20000 * COUNTS[$MAPPED]))
}

same()
{
	if [[ $2 == "$3" ]]; then ok "$1: $3"; else not_ok "$1: '$2', wanted '$3'"; fi
}
