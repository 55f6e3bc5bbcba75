# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of ss and netstat share: sockets in all states that the kernel lists, which stay as they are,
# and two programs that are asked of them at the same moment.

tables_teardown()
{
	nft delete table inet tests 2>/dev/null || true
	common_teardown
}

# drop dport|sport PORT FLAGS: segments with these flags, of syn, ack and fin, to or from this port
drop()
{
	nft -f - <<-END
		add table inet tests
		add chain inet tests input { type filter hook input priority 0; }
		add rule inet tests input tcp $1 $2 tcp flags & $3 drop
	END
}

# all_states [N]: N connections of each kind for each family, in all states but CLOSE, which no list has
all_states()
{
	local n=${1-3} family p=9700
	for family in 4 6 mapped; do
		p=$((p + 20))
		drop dport $((p + 1)) "(syn|ack) == ack"
		drop dport $((p + 2)) "(syn|ack) == syn"
		drop dport $((p + 3)) "fin == fin"
		drop dport $((p + 4)) "fin == fin"
		drop sport $((p + 5)) "fin == fin"
		spawn_ready "half_open$family" connections -H -f $family -p $((p + 1)) -n 0 -w "$n"
		spawn_ready "unanswered$family" connections -H -f $family -p $((p + 2)) -n 0 -w "$n"
		spawn_ready "fin_wait1$family" connections -H -f $family -p $((p + 3)) -n "$n" -c
		spawn_ready "closing$family" connections -H -f $family -p $((p + 4)) -n "$n" -C
		spawn_ready "last_ack$family" connections -H -f $family -p $((p + 5)) -n "$n" -C
		spawn_ready "fin_wait2$family" connections -H -f $family -p $((p + 6)) -n "$n" -c
		spawn_ready "orphan$family" connections -H -f $family -p $((p + 7)) -n "$n" -o
		spawn_ready "queued$family" connections -H -f $family -p $((p + 8)) -n 0 -w "$n"
		spawn_ready "unread$family" connections -H -f $family -p $((p + 9)) -n "$n" -u 1000 -k
		spawn_ready "unsent$family" connections -H -f $family -p $((p + 10)) -n 1 -s 8000000
		connections -f $family -p $((p + 11)) -n "$n"
	done
}

# steady FILTER REAL OURS: the output of both commands where that of the real one, passed through the filter, is the
# same before and after: what changes by itself in between (a timer, a segment sent again) is no difference. In
# $REAL and $OURS, with their exit statuses as last lines.
steady()
{
	local filter=$1 after file=$BATS_TEST_TMPDIR/steady
	for _ in 1 2 3 4 5 6 7 8; do
		REAL=$(bash -c "$2" 2>/dev/null | $filter; echo "status ${PIPESTATUS[0]}")
		OURS=$(bash -c "$3" 2>"$file.err" | $filter; echo "status ${PIPESTATUS[0]}")
		after=$(bash -c "$2" 2>/dev/null | $filter; echo "status ${PIPESTATUS[0]}")
		[[ $REAL != "$after" ]] || return 0
	done
	echo "what the real one says does not stay the same for long enough: $2"
	return 1
}

# agree [-f FILTER] REAL WORDS...: the program says the same as tcptrace-ctl does with the same words
agree()
{
	local filter=cat
	[[ $1 != -f ]] || { filter=$2; shift 2; }
	steady "$filter" "$*" "tcptrace-ctl $*"
	same "$OURS" "$REAL" "$*" || { cat "$BATS_TEST_TMPDIR/steady.err"; return 1; }
}

# on_terminal COLUMNS COMMAND: as a command that prints what the command prints on such a terminal
on_terminal() { printf "script -qec 'stty cols %d; %s' /dev/null" "$1" "${2//\'/\'\\\'\'}"; }
