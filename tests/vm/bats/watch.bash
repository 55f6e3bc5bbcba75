# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the files that test tcptrace-ctl: its output, and what others in the same guest saw. Each begins with
#
#	load helper
#	load watch
#	setup() { common_setup; }
#	teardown() { watch_teardown; }
#
# The output of watch is never compared with that of another part of tcptrace, but with ss, tcpdump, the kernel's
# tracepoint sock:inet_sock_set_state, and what the applications themselves count.

# shellcheck source=tests/vm/bats/kernel.bash
. "$BATS_TEST_DIRNAME/kernel.bash"
# shellcheck source=tests/vm/bats/peers.bash
. "$BATS_TEST_DIRNAME/peers.bash"

watch_teardown()
{
	nft delete table inet test 2>/dev/null || true
	tc qdisc del dev lo root 2>/dev/null || true
	[[ ! -d $TRACE ]] || rmdir $TRACE
	if [[ ! $BATS_TEST_COMPLETED ]]; then
		local file
		for file in "$BATS_TEST_TMPDIR"/{events,segments.out,trace}; do
			[[ ! -s $file ]] || { echo "-- ${file##*/}:" && tail -n 60 "$file"; }
		done
	fi
	common_teardown
}

# ---- watch ----

# How many BPF programs are attached to tcp_set_state: a reader attaches that last.
attached()
{
	local program count=0 programs links
	armed tcp_set_state || { echo 0; return; }
	programs=$(bpftool prog show name set_state | grep -oE '^[0-9]+:')
	links=$(bpftool link show)
	for program in ${programs//:/}; do
		[[ "$links"$'\n' != *" prog $program "* ]] || count=$((count + 1))
	done
	echo $count
}

attached_are() { [[ $(attached) = "$1" ]] && all_begun; }

# How many readers have requested a level. It is called many times, so it does not split lines into words.
asking()
{
	local line lines column="" count=0
	[[ $SOURCE != bpf ]] || { attached; return; }
	mapfile -t lines <$STATUS
	for line in "${lines[@]}"; do
		if [[ $column ]]; then
			[[ ${line:column:4} = "off " ]] || count=$((count + 1))
		elif [[ $line = "id "*" level "* ]]; then
			column=${line%% level *}
			column=$((${#column} + 1))
		fi
	done
	echo $count
}

# begun NAME: a reader counts from shortly after its request on, and an emulated CPU may be preempted in between. It has
# begun when it has printed something, or waits for records: ppoll(2), which is call 271. Other programs are not checked.
begun()
{
	local process=/proc/${JOBS[$1]} comm call
	{ read -r comm <"$process/comm"; } 2>/dev/null || return 0
	[[ $comm = tcptrace-ctl && ! -s $BATS_TEST_TMPDIR/$1.out ]] || return 0
	{ read -r call _ <"$process/syscall"; } 2>/dev/null || return 0
	[[ $call = 271 ]]
}

all_begun()
{
	local name
	for name in "${!JOBS[@]}"; do
		begun "$name" || return 1
	done
}

# That many readers have requested a level, and ours have begun.
asking_are() { [[ $(asking) = "$1" ]] && all_begun; }

# watch_start [ARGUMENT...]: with --json, sequence numbers as on the wire
watch_start()
{
	local before
	before=$(asking)
	spawn watch tcptrace-ctl watch --source="$SOURCE" --json --absolute-seq "$@"
	wait_until asking_are $((before + 1))
}

# seen KEY=VALUE...: has watch printed such an object by now? Numbers and words, no patterns; and without a program, because
# it is called many times.
seen()
{
	local line lines word
	mapfile -t lines <"$(out_of watch)"
	for line in "${lines[@]}"; do
		# The last line may be incomplete.
		[[ $line = *} ]] || return 1
		for word; do
			[[ $line = *"\"${word%%=*}\":${word#*=}"[,}]* || $line = *"\"${word%%=*}\":\"${word#*=}\""* ]] || continue 2
		done
		return 0
	done
	return 1
}

# watch_end: stops it as Ctrl-C does
watch_end()
{
	stop watch INT
	same "$(<"$BATS_TEST_TMPDIR/watch.err")" ""
	EVENTS=$BATS_TEST_TMPDIR/events
	json_lines "$(out_of watch)" >"$EVENTS"
}

# watch_stop: the same. Nothing may have been lost.
watch_stop()
{
	watch_end
	nothing_lost
}

nothing_lost()
{
	same "$(tail -n 1 "$EVENTS" | grep -oE ' (lost|unknown|missed|model_full)=[0-9]+' | tr -d '\n')" \
		" lost=0 unknown=0 missed=0 model_full=0" "the last object"
	is "$(lines "$EVENTS" type=lost) == 1"
}

# ---- witnesses ----

# witnesses_start: all segments on loopback, until segments_stop, and the kernel's tracepoint
witnesses_start()
{
	mkdir -p $TRACE
	# Remove what an earlier try of the same test left.
	: >$TRACE/trace
	echo 1 >$TRACE/events/sock/inet_sock_set_state/enable
	spawn segments tcpdump -i lo -s 160 -n -S -l --immediate-mode -B 8192 "tcp or udp port $LAST_PORT"
	wait_until has_line "$BATS_TEST_TMPDIR/segments.err" '*listening on *'
}

# A port on which nobody listens. A datagram to it is the last that tcpdump has to see.
LAST_PORT=9

# segments_stop: tcpdump is behind the kernel, and is not stopped before it has written the last datagram.
segments_stop()
{
	echo "the last one" >/dev/udp/127.0.0.1/$LAST_PORT
	wait_until grep -qF " > 127.0.0.1.$LAST_PORT: UDP" "$(out_of segments)"
	stop segments INT
	grep -q '^0 packets dropped by kernel' "$BATS_TEST_TMPDIR/segments.err"
}

# What two readers print of the same events: through BPF each has programs of its own, and so times of its own.
untimed()
{
	if [[ $SOURCE = bpf ]]; then
		busybox sed -E 's/(^| )[a-z_]*(time|_ns)=[^ ]*//g'
	else
		cat
	fi
}
