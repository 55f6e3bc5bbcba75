# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of ss and netstat share: sockets in all states that the kernel lists, which stay unchanged,
# and two programs that list them at the same moment.

tables_teardown()
{
	nft delete table inet tests 2>/dev/null || true
	common_teardown
}

# drop_flags (dport|sport PORT FLAGS)...: drops segments with these flags, of syn, ack and fin, to or from this port
drop_flags()
{
	{
		echo "add table inet tests"
		echo "add chain inet tests input { type filter hook input priority 0; }"
		printf 'add rule inet tests input tcp %s %s tcp flags & %s drop\n' "$@"
	} | nft -f -
}

# all_states [N]: N connections of each kind for each family, in all states that the kernel lists, and a socket in
# CLOSE, which it does not list: it is bound, and neither connects nor listens. A process for each family holds them.
all_states()
{
	local n=${1-3} family p=9700 drops=() first=(-H -B -p 9799 +)
	for family in 4 6 mapped; do
		p=$((p + 20))
		drops+=(
			dport $((p + 1)) "(syn|ack) == ack"
			dport $((p + 2)) "(syn|ack) == syn"
			dport $((p + 3)) "fin == fin"
			dport $((p + 4)) "fin == fin"
			sport $((p + 5)) "fin == fin"
		)
	done
	drop_flags "${drops[@]}"
	p=9700
	for family in 4 6 mapped; do
		p=$((p + 20))
		# Half open, unanswered, FIN_WAIT1, CLOSING, LAST_ACK, FIN_WAIT2, orphans, queued, unread, unsent, TIME_WAIT.
		spawn "states$family" connections "${first[@]}" \
			-H -f $family -p $((p + 1)) -n 0 -w "$n" + \
			-H -f $family -p $((p + 2)) -n 0 -w "$n" + \
			-H -f $family -p $((p + 3)) -n "$n" -c + \
			-H -f $family -p $((p + 4)) -n "$n" -C -x + \
			-H -f $family -p $((p + 5)) -n "$n" -C + \
			-H -f $family -p $((p + 6)) -n "$n" -c + \
			-H -f $family -p $((p + 7)) -n "$n" -o + \
			-H -f $family -p $((p + 8)) -n 0 -w "$n" + \
			-H -f $family -p $((p + 9)) -n "$n" -u 1000 -k + \
			-H -f $family -p $((p + 10)) -n 1 -s 8000000 + \
			-f $family -p $((p + 11)) -n "$n"
		first=()
	done
	for family in 4 6 mapped; do
		wait_until ready_or_over "states$family"
		ready "states$family"
	done
}

# says FILTER COMMAND: the output of a shell command, passed through the filter, and then its exit status. Without
# another shell, which would be another program to start.
says()
{
	trap - ERR
	set +eE +o pipefail
	if [[ $1 = cat ]]; then
		eval "$2"
		echo "status $?"
	else
		eval "$2" | $1
		echo "status ${PIPESTATUS[0]}"
	fi
}

# steady FILTER REAL OURS: the output of both commands, passed through the filter, in $REAL and $OURS, with their exit
# statuses as last lines. The real one runs before and after. What changes by itself in between (a timer, a retransmitted
# segment) is no difference: if ours equals neither, and these differ from each other, all are run again.
steady()
{
	local after file=$BATS_TEST_TMPDIR/steady
	for _ in {1..20}; do
		REAL=$(says "$1" "$2" 2>/dev/null)
		OURS=$(says "$1" "$3" 2>"$file.err")
		[[ $OURS != "$REAL" ]] || return 0
		after=$(says "$1" "$2" 2>/dev/null)
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

# agree [-f FILTER] REAL WORDS...: the program prints the same as tcptrace-ctl with the same words
agree()
{
	local filter=cat
	[[ $1 != -f ]] || { filter=$2; shift 2; }
	steady "$filter" "$*" "$(ours "$@")"
	same "$OURS" "$REAL" "$*" || { cat "$BATS_TEST_TMPDIR/steady.err"; return 1; }
}

# agree_on COLUMNS COMMAND...: the same on a terminal, for one command after the other
agree_on()
{
	local command columns=$1 our_commands=()
	shift
	for command; do
		our_commands+=("$(ours "$command")")
	done
	steady cat "$(on_terminal "$columns" "$@")" "$(on_terminal "$columns" "${our_commands[@]}")"
	same "$OURS" "$REAL" "$* on $columns columns"
}

# ends_alike WORDS...: with the same exit status
ends_alike()
{
	local theirs=0 status=0
	eval "$*" >/dev/null 2>&1 </dev/null || theirs=$?
	eval "$(ours "$@")" >/dev/null 2>&1 </dev/null || status=$?
	same "$status" "$theirs" "$*"
	# shellcheck disable=SC2034 # of use to the tests
	THEIRS=$theirs
}

# on_terminal COLUMNS COMMAND...: prints what the commands print on such a terminal; returns the status of the last one
# that is not 0
on_terminal()
{
	local commands
	commands=$(printf '; %s || s=$?' "${@:2}")
	printf "script -qec 's=0; stty cols %d%s; exit \$s' /dev/null" "$1" "${commands//\'/\'\\\'\'}"
}
