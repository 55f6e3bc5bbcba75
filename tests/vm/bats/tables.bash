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

# drop_flags dport|sport PORT FLAGS: segments with these flags, of syn, ack and fin, to or from this port
drop_flags()
{
	nft -f - <<-END
		add table inet tests
		add chain inet tests input { type filter hook input priority 0; }
		add rule inet tests input tcp $1 $2 tcp flags & $3 drop
	END
}

# all_states [N]: N connections of each kind for each family, in all states that the kernel lists, and a socket in
# CLOSE, which it does not: it is bound, and neither connects nor listens.
all_states()
{
	local n=${1-3} family p=9700
	spawn_ready bound python3 -c 'import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 9799))
print("# ready", flush=True)
time.sleep(3600)'
	for family in 4 6 mapped; do
		p=$((p + 20))
		drop_flags dport $((p + 1)) "(syn|ack) == ack"
		drop_flags dport $((p + 2)) "(syn|ack) == syn"
		drop_flags dport $((p + 3)) "fin == fin"
		drop_flags dport $((p + 4)) "fin == fin"
		drop_flags sport $((p + 5)) "fin == fin"
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

# steady FILTER REAL OURS: the output of both commands, passed through the filter, in $REAL and $OURS, with their exit
# statuses as last lines. The real one is asked before and after. What changes by itself in between (a timer, a segment
# sent again) is no difference: where ours is like neither and these are not alike, all are asked again.
steady()
{
	local filter=$1 after file=$BATS_TEST_TMPDIR/steady
	for _ in {1..20}; do
		REAL=$(bash -c "$2" 2>/dev/null | $filter; echo "status ${PIPESTATUS[0]}")
		OURS=$(bash -c "$3" 2>"$file.err" | $filter; echo "status ${PIPESTATUS[0]}")
		[[ $OURS != "$REAL" ]] || return 0
		after=$(bash -c "$2" 2>/dev/null | $filter; echo "status ${PIPESTATUS[0]}")
		[[ $REAL != "$after" ]] || return 0
		REAL=$after
		[[ $OURS != "$REAL" ]] || return 0
	done
	echo "what the real one says does not stay the same for long enough: $2"
	return 1
}

# ours WORDS...: the same command line for tcptrace-ctl
ours()
{
	local words=$*
	echo "tcptrace-ctl ${words%% *} --source=$SOURCE${words#"${words%% *}"}"
}

# agree [-f FILTER] REAL WORDS...: the program says the same as tcptrace-ctl does with the same words
agree()
{
	local filter=cat
	[[ $1 != -f ]] || { filter=$2; shift 2; }
	steady "$filter" "$*" "$(ours "$@")"
	same "$OURS" "$REAL" "$*" || { cat "$BATS_TEST_TMPDIR/steady.err"; return 1; }
}

# agree_on COLUMNS WORDS...: the same on a terminal
agree_on()
{
	steady cat "$(on_terminal "$1" "${*:2}")" "$(on_terminal "$1" "$(ours "${@:2}")")"
	same "$OURS" "$REAL" "${*:2} on $1 columns"
}

# ends_alike WORDS...: with the same exit status
ends_alike()
{
	local theirs=0 status=0
	bash -c "$*" >/dev/null 2>&1 </dev/null || theirs=$?
	bash -c "$(ours "$@")" >/dev/null 2>&1 </dev/null || status=$?
	same "$status" "$theirs" "$*"
	# shellcheck disable=SC2034 # of use to the tests
	THEIRS=$theirs
}

# on_terminal COLUMNS COMMAND: as a command that prints what the command prints on such a terminal
on_terminal() { printf "script -qec 'stty cols %d; %s' /dev/null" "$1" "${2//\'/\'\\\'\'}"; }
