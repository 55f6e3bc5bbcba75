# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the files that test tcptrace-ctl: what it printed, and what others in the same guest saw. Each begins with
#
#	load helper
#	load watch
#	setup() { common_setup; }
#	teardown() { watch_teardown; }
#
# What watch said is never compared with what another part of tcptrace said, but with ss, tcpdump, the kernel's
# tracepoint sock:inet_sock_set_state, and what the applications themselves count.

TRACE=/sys/kernel/tracing/instances/tcptrace-test
WATCHED=$BATS_TEST_DIRNAME

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

# How many programs of BPF are attached to tcp_set_state: of all that a reader attaches it is the last.
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

# How many readers have asked for a level. It is looked at many times: no word of a line is taken apart.
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

# begun NAME: a reader counts from a moment shortly after it has asked, and an emulated CPU may be away in between. It has
# begun when it has said something, or waits for records: ppoll(2), which is call 271. Of other programs nothing is asked.
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

# So many readers have asked, and ours have begun.
asking_are() { [[ $(asking) = "$1" ]] && all_begun; }

# watch_start [ARGUMENT...]: its JSON, numbers as on the wire
watch_start()
{
	local before
	before=$(asking)
	spawn watch tcptrace-ctl watch --source="$SOURCE" --json --absolute-seq "$@"
	wait_until asking_are $((before + 1))
}

# seen KEY=VALUE...: has watch said such a thing by now? Numbers and words, no patterns; and without a program, for
# it is asked many times.
seen()
{
	local line lines word
	mapfile -t lines <"$(out_of watch)"
	for line in "${lines[@]}"; do
		# The last line may be half there.
		[[ $line = *} ]] || return 1
		for word; do
			[[ $line = *"\"${word%%=*}\":${word#*=}"[,}]* || $line = *"\"${word%%=*}\":\"${word#*=}\""* ]] || continue 2
		done
		return 0
	done
	return 1
}

# watch_end: as Ctrl-C does
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

# said WORD...: exactly one object has them all, which is then in SAID
said()
{
	SAID=$(picked "$EVENTS" "$@")
	[[ -n $SAID && $SAID != *$'\n'* ]] && return
	printf 'not exactly one object with: %s\n%s\n' "$*" "$SAID"
	return 1
}
silent() { is "$(lines "$EVENTS" "$@") == 0"; }

# picked FILE WORD...: the lines that lines() counts
picked()
{
	local file=$1
	shift
	awk -v words="$*" '
		BEGIN { n = split(words, word, " ") }
		{
			line = " " $0 " "
			for (i = 1; i <= n; i++) if (line !~ " " word[i] " ") next
			print
		}' "$file"
}

# of KEY: in SAID
of() { value "$1" "$SAID"; }

# in_order WORDS...: events have these (each argument blank separated words) one after the other, with anything between
in_order()
{
	awk 'BEGIN { for (i = 2; i < ARGC; i++) wanted[i - 1] = ARGV[i]; count = ARGC - 2; ARGC = 2; next_one = 1 }
		next_one <= count {
			line = " " $0 " "
			n = split(wanted[next_one], word, " ")
			for (i = 1; i <= n; i++) if (line !~ " " word[i] " ") next
			next_one++
		}
		END {
			if (next_one > count) exit
			print "not in this order, this is missing: " wanted[next_one]
			exit 1
		}' "$EVENTS" "$@"
}

# ---- witnesses ----

# witnesses_start [DEVICE]: all segments on the loopback or that device, and the kernel's tracepoint; $SEGMENTS_AS are
# more options of tcpdump
witnesses_start()
{
	mkdir -p $TRACE
	# What an earlier try of the same test left is not of this one.
	: >$TRACE/trace
	echo 1 >$TRACE/events/sock/inet_sock_set_state/enable
	spawn segments tcpdump -i "${1-lo}" -s 160 -n -S ${SEGMENTS_AS-} -l --immediate-mode -B 8192 tcp
	wait_until has_line "$BATS_TEST_TMPDIR/segments.err" '*listening on *'
}

# witnesses_stop: ends them, and compares what they saw with what watch said of the same ports.
# Arguments are awk variables of segments.awk.
witnesses_stop()
{
	local arguments=() argument
	cat $TRACE/trace >"$BATS_TEST_TMPDIR/trace"
	echo 0 >$TRACE/events/sock/inet_sock_set_state/enable
	stop segments INT
	grep -q '^0 packets dropped by kernel' "$BATS_TEST_TMPDIR/segments.err"
	for argument; do
		arguments+=(-v "$argument")
	done
	awk -f "$WATCHED/states.awk" "$BATS_TEST_TMPDIR/trace" "$EVENTS"
	awk -f "$WATCHED/segments.awk" "${arguments[@]}" "$(out_of segments)" "$EVENTS"
}

# What two readers say of the same events: through BPF each has programs of its own, and so times of its own.
untimed()
{
	if [[ $SOURCE = bpf ]]; then
		busybox sed -E 's/(^| )[a-z_]*(time|_ns)=[^ ]*//g'
	else
		cat
	fi
}

# counted NAME: what the kernel has counted since counted_from_here
counted_from_here() { nstat -n; }
counted() { nstat -sz "$1" | awk -v name="$1" '$1 == name { print $2 }'; }

# ss_has FILTER...: does ss show a socket so?
ss_has() { [[ -n $(ss -Htan "$@") ]]; }

# Nothing of a port is left but listeners and TIME_WAIT.
quiet_port() { ! ss_has state connected exclude time-wait "( sport = :$1 or dport = :$1 )"; }

# drop RULE: of nft, on what comes in, until dropped_no_more
drop()
{
	nft -f - <<-END
		table inet test {
			chain input {
				type filter hook input priority 0; policy accept;
				$*
			}
		}
	END
}
dropped_no_more() { nft delete table inet test; }

# as_nobody COMMAND...: without any right
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"; }

# ---- peers that do what they are told, see tests/tools/peer.c and wire.c ----

declare -gA PEER_IN PEER_OUT

# peer_start NAME [COMMAND...]: peer, if no other is named
peer_start()
{
	local name=$1 in out
	shift
	(($#)) || set -- peer
	mkfifo "$BATS_TEST_TMPDIR/$name.say" "$BATS_TEST_TMPDIR/$name.hear"
	exec {in}<>"$BATS_TEST_TMPDIR/$name.say" {out}<>"$BATS_TEST_TMPDIR/$name.hear"
	PEER_IN[$name]=$in PEER_OUT[$name]=$out
	"$@" <&"$in" >&"$out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- &
	JOBS[$name]=$!
	read -rt 120 -u "$out"
	same "$REPLY" "# ready"
}

# wire_start: the host 10.7.0.2, and whoever else of 10.7/16 it speaks for; we are 10.7.0.1
wire_start()
{
	modprobe -q tun || true
	peer_start wire wire
	ip addr add 10.7.0.1/16 dev wire0
	ip link set wire0 up
}

# wire_connects PORT: from its port 40000 to the listener l of the peer app, whose socket is then s
wire_connects()
{
	ask app listen l 10.7.0.1 "$1"
	ask wire ports 40000 "$1"
	ask wire send S
	ask wire expect SA
	ask wire send A
	ask app accept s l
}

# tell NAME WORD...: without waiting for the answer; hear NAME: waits for it
tell() { echo "${*:2}" >&"${PEER_IN[$1]}"; }
hear()
{
	local line
	read -rt 120 -u "${PEER_OUT[$1]}" line || { echo "$1 does not answer"; return 1; }
	ANSWER=$line
}

# ask NAME WORD...: it must work; ANSWER is what it tells
ask()
{
	tell "$@"
	hear "$1"
	[[ $ANSWER = ok* ]] || { echo "$*: $ANSWER"; return 1; }
	ANSWER=${ANSWER#ok }
}

# asked_fails ERROR NAME WORD...: it must fail so
asked_fails()
{
	tell "${@:2}"
	hear "$2"
	same "$ANSWER" "error $1" "${*:2}"
}

pid_of() { echo "${JOBS[$1]}"; }
