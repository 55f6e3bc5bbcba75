# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the files whose tests run outside of guests. Each begins with
#
#	load recorded
#	setup_file() { recorded; }
#
# and has, before each test, a function traffic_NAME that runs in a guest (traffic.bash). The test begins with
# "judge NAME", and compares what tcptrace-ctl prints of the recording with what others saw in the guest at that
# time: tcpdump, the kernel's tracepoint sock:inet_sock_set_state, ss and nstat, and the applications.
#
#	bats tests/vm/bats/21-close.bats		boots a guest (TCPTRACE_KERNEL, by default 6.12), and judges
#	TCPTRACE_RECORDED=FOLDER bats ...		judges what tests/vm/guest-traffic has left in FOLDER/NN

TREE=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd -P)
PATH=$TREE/build/tools:$TREE/build:$PATH
KERNEL=${TCPTRACE_KERNEL-6.12}
SOURCE=${TCPTRACE_SOURCE:-${SOURCE_OF_RECORDS:-module}}
# The records come from a file. This file is sourced again for each test.
unset TCPTRACE_SOURCE
export SOURCE_OF_RECORDS=$SOURCE
# Awk and grep as in the guest.
# shellcheck source=tests/vm/emulated.bash
. "$TREE/tests/vm/emulated.bash"
# shellcheck source=tests/vm/bats/assert.bash
. "$BATS_TEST_DIRNAME/assert.bash"

recorded()
{
	local number=${BATS_TEST_FILENAME##*/}
	number=${number%%-*}
	if [[ -z ${TCPTRACE_RECORDED-} ]]; then
		"$TREE/tests/vm/run" --kernel "$KERNEL" --out "$BATS_FILE_TMPDIR" --env "TCPTRACE_KO=$TREE/build/$KERNEL/tcptrace.ko" \
			--env "TCPTRACE_SOURCE=$SOURCE" -- tests/vm/guest-traffic "$BATS_TEST_FILENAME"
	fi
	export RECORDED=${TCPTRACE_RECORDED:-$BATS_FILE_TMPDIR}/$number
	# The tracepoint had room for everything that it saw.
	awk '$2 ~ /^entries-in-buffer/ { split($3, entries, "/"); whole = entries[1] == entries[2] } END { exit !whole }' "$RECORDED/trace"
	# Devices have other numbers here: what tcpdump prints before each address is removed.
	tcpdump -n -S -r "$RECORDED/segments.pcap" 2>/dev/null | sed -E 's/^([0-9:.]+) .* (IP6? )/\1 \2/' >"$BATS_FILE_TMPDIR/segments"
}

# judge NAME [PORT...]: what traffic_NAME left is in KEPT, the variables it kept are set, and the output of watch for these ports
# (PORT, if none is given) is in EVENTS, with sequence numbers as on the wire
judge()
{
	KEPT=$RECORDED/$1
	shift
	# shellcheck source=/dev/null
	. "$KEPT/vars"
	[[ ! -e $KEPT/skipped ]] || skip "$(<"$KEPT/skipped")"
	if [[ $(<"$KEPT/status") != 0 ]]; then
		echo "in the guest:"
		cat "$KEPT/log"
		return 1
	fi
	[[ ! -e $KEPT/unseen ]] || sed 's/^/# unseen: /' "$KEPT/unseen" >&3
	PORTS=("$@")
	((${#PORTS[@]})) || PORTS=("$PORT")
	EVENTS=$BATS_TEST_TMPDIR/events
	events "$(of_ports)" >"$EVENTS"
	is "$(lines "$EVENTS" type=lost lost=0 unknown=0 missed=0 model_full=0) == 1"
}

# of_ports: a filter
of_ports()
{
	local port text=''
	for port in "${PORTS[@]}"; do
		text+="${text:+ or }sport = :$port or dport = :$port"
	done
	echo "( $text )"
}

# events ARGUMENT...: the JSON output of watch, as lines of key=value
events() { tcptrace-ctl watch --source="$RECORDED/recording" --json --absolute-seq "$@" | json_lines; }

# What the program NAME printed in the guest, and its pid.
out_of() { echo "$KEPT/$1.out"; }
pid_of()
{
	local name=PID_$1
	echo "${!name}"
}

# segments, trace: what tcpdump and the tracepoint saw of PORTS
segments()
{
	local pattern
	pattern=$(IFS='|' && echo "${PORTS[*]}")
	grep -E "\.($pattern)( >|:)" "$BATS_FILE_TMPDIR/segments"
}
trace()
{
	local pattern
	pattern=$(IFS='|' && echo "${PORTS[*]}")
	grep -E "[sd]port=($pattern) " "$RECORDED/trace"
}

# answers: how many segments the passive side took to answer the first FIN, by tcpdump: 1, its own FIN; 2, an ACK before it
answers()
{
	segments | awk '
		/ Flags \[[P]?F\.\]/ && !first { first = $3; next }
		first && $3 != first { answers++ }
		first && $3 != first && / Flags \[[P]?F\.\]/ { exit }
		END { print answers }'
}

# counted NAME: what the kernel counted between counted_from_here and counted_until_here, by its name in nstat
counted()
{
	local from until
	from=$(kernel_counter "$1" "$KEPT/counted_from") && until=$(kernel_counter "$1" "$KEPT/counted_until") && echo $((until - from))
}
kernel_counter()
{
	awk -v wanted="$1" '
		NR % 2 { n = split($0, names, " "); next }
		{
			kind = $1
			sub(/:$/, "", kind)
			for (i = 2; i <= n; i++) if (kind names[i] == wanted) { print $i; found = 1 }
		}
		END { exit !found }' "$2"
}

# witnesses [VARIABLE...]: they saw what watch printed, and nothing else of these ports. Arguments are awk variables of
# segments.awk.
witnesses()
{
	local arguments=() argument
	for argument; do
		arguments+=(-v "$argument")
	done
	trace >"$BATS_TEST_TMPDIR/trace"
	segments >"$BATS_TEST_TMPDIR/segments"
	awk -f "$BATS_TEST_DIRNAME/states.awk" "$BATS_TEST_TMPDIR/trace" "$EVENTS"
	awk -f "$BATS_TEST_DIRNAME/segments.awk" "${arguments[@]}" "$BATS_TEST_TMPDIR/segments" "$EVENTS"
}
