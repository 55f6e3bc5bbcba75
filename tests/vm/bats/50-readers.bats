# SPDX-License-Identifier: GPL-2.0-only
# Readers of the rings: several at once, filters, exact losses, mappings, waking, and what keeps the module loaded.

load helper
setup() { common_setup; }
teardown()
{
	witness_end
	common_teardown
}

@test "two readers with different filters each get exactly their records" {
	local four six raw
	four=$(out_of four) six=$(out_of six) raw=$(out_of raw)
	load_module
	spawn_ready four ringdump --mine --clause sport=9501,family=4 --clause dport=9501,family=4
	spawn_ready six ringdump --mine --clause sport=9502,family=6 --clause dport=9502,family=6
	spawn_ready raw ringdump --no-filter
	is "$(readers) == 3"
	connections -p 9501 -n 20
	connections -p 9502 -n 15 -f 6
	# What nobody asked for: another port, and each port in the other family.
	connections -p 9503 -n 10
	connections -p 9501 -n 5 -f 6
	connections -p 9502 -n 5
	stop four
	stop six
	stop raw

	is "$(lines "$four" type=connect dport=9501) == 20"
	is "$(lines "$four" type=accept sport=9501) == 20"
	is "$(lines "$four" type=timewait op=begin family=4) == 20"
	is "$(lines "$four" family=6) == 0"
	is "$(lines "$four" '.port=950[23]') == 0"
	is "$(lines "$six" type=connect dport=9502) == 15"
	is "$(lines "$six" type=accept sport=9502) == 15"
	is "$(lines "$six" family=4) == 0"
	is "$(lines "$six" '.port=950[13]') == 0"
	# The rings hold what both asked for, and nothing else.
	is "$(lines "$raw" type=connect) == 35"
	is "$(lines "$raw" type=accept) == 35"
	is "$(lines "$raw" '.port=9503') == 0"
	is "$(lines "$raw" '.port=9501' family=6) == 0"
	is "$(lines "$raw" '.port=9502' family=4) == 0"
	# Two endpoints of each connection, and the listener.
	is "$(grep -oE ' cookie=[0-9a-f]+' "$four" | sort -u | grep -c .) == 41"
}

# seen ACCEPTS CONNECTS CLAUSE...: the same connection each time, with only CLAUSEs as the kernel's filter
seen()
{
	local accepts=$1 connects=$2 clause arguments=()
	shift 2
	for clause; do
		arguments+=(--clause "$clause")
	done
	echo "clauses $*"
	spawn_ready reader ringdump "${arguments[@]}"
	connections -p 9504 -e reset
	stop reader
	is "$(lines "$(out_of reader)" type=accept) == $accepts"
	is "$(lines "$(out_of reader)" type=connect) == $connects"
	[[ $accepts$connects != 00 ]] || is "$(lines "$(out_of reader)" 'type=.*') == 0"
}

@test "each part of a clause lets through what fits and nothing else" {
	local netns
	netns=$(stat -Lc %i /proc/self/ns/net)
	load_module
	seen 1 0 sport=9504
	seen 0 1 dport=9504
	seen 1 0 sport=9500-9504
	seen 0 0 sport=9505-9600,dport=9504
	seen 1 1 saddr=127.0.0.0/8
	seen 1 1 daddr=127.0.0.1
	seen 0 0 saddr=127.0.0.2/31
	seen 0 0 family=6
	seen 1 1 family=4,netns="$netns"
	seen 0 0 netns=$((netns + 1))
	seen 1 1 sport=9504 dport=9504
	seen 0 1 sport=1,dport=1 dport=9504,daddr=127.0.0.1/32
}

@test "an IPv6 prefix, and an IPv4 one for a mapped connection" {
	load_module
	spawn_ready six ringdump --mine --clause saddr=::/127
	spawn_ready mapped ringdump --mine --clause saddr=127.0.0.0/8,family=6
	connections -p 9505 -f 6
	connections -p 9506 -f mapped
	stop six
	stop mapped
	is "$(lines "$(out_of six)" 'type=(accept|connect)' saddr=::1) == 2"
	# The listener, on [::], is within ::/127, too; the connections to it are not.
	is "$(lines "$(out_of six)" 'type=(accept|connect)' '.port=9506') == 0"
	is "$(lines "$(out_of mapped)" type=accept saddr=::ffff:127.0.0.1 sport=9506) == 1"
	is "$(lines "$(out_of mapped)" family=4) == 0"
	is "$(lines "$(out_of mapped)" '.port=9505') == 0"
}

# ---- a witness of the hits: kprobes of tracefs on the same functions ----

TRACING=/sys/kernel/tracing

witness_begin()
{
	local symbol
	for symbol; do
		echo "p:witness/$symbol $symbol" >>$TRACING/kprobe_events
	done
	echo 1 >$TRACING/events/witness/enable
}
witness_end()
{
	[[ -e $TRACING/events/witness ]] || return 0
	echo 0 >$TRACING/events/witness/enable
	echo >$TRACING/kprobe_events
}
# witness_hits SYMBOL...: the HITS and misses of each
witness_hits()
{
	local symbol name hits missed
	local -A of_witness=()
	while read -r name hits missed; do
		of_witness[$name]=$((hits + missed))
	done <$TRACING/kprobe_profile
	HITS=''
	for symbol; do
		HITS+=" ${of_witness[$symbol]}"
	done
}
# module_hits SYMBOL...: the same according to the module
module_hits()
{
	local symbol line lines word
	local -A of_probe=()
	mapfile -t lines <$STATUS
	for line in "${lines[@]}"; do
		read -ra word <<<"$line"
		((${#word[@]} != 6)) || of_probe[${word[0]}]=${word[4]}
	done
	HITS=''
	for symbol; do
		HITS+=" ${of_probe[$symbol]}"
	done
}

# hits_ahead SYMBOL...: how many more hits of each the witness has than the module, in AHEAD. Nothing was hit between
# the two readings: the module's count is the same before and after the witness is read.
hits_ahead()
{
	local before i module witness
	module_hits "$@"
	before=$HITS
	witness_hits "$@"
	read -ra witness <<<"$HITS"
	module_hits "$@"
	[[ $HITS = "$before" ]] || return 1
	read -ra module <<<"$HITS"
	AHEAD=''
	for ((i = 0; i < $#; i++)); do
		AHEAD+=" $((witness[i] - module[i]))"
	done
}

# counted_hits PARAMETER...
counted_hits()
{
	local ahead symbols=(tcp_set_state tcp_connect $ACCEPT __tcp_close inet_twsk_kill tcp_ack tcp_push tcp_data_ready)
	load_module "$@"
	witness_begin "${symbols[@]}"
	spawn_ready reader ringdump --level queue --clause sport=9507 --clause dport=9507
	# A TIME_WAIT of an earlier test may end at any time: before the module's probe is armed, or between the two
	# readings.
	wait_until hits_ahead "${symbols[@]}"
	ahead=$AHEAD
	connections -p 9507 -n 10 -b 3000
	connections -p 9508 -n 10 -e server
	connections -p 9507 -n 5 -f 6 -e reset
	# Each of them but the first replaces a TIME_WAIT, which ends.
	connections -p 9507 -P 33334 -n 5 -e server
	wait_until hits_ahead "${symbols[@]}"
	same "$AHEAD" "$ahead" "hits of the witness that the module has not, of ${symbols[*]}"
	is "$(probe_hits inet_twsk_kill) >= 4"
	same "$(probe_hits tcp_connect)" 30
	same "$(probe_hits $ACCEPT)" 30
	is "$(probe_hits tcp_ack) > 30"
	stop reader

	# At rest, on each CPU and over all probes, each hit is accounted for.
	awk '
		$1 == "cpu" { cpus = 1; next }
		$1 == "id" { exit }
		cpus && NF { hits += $2; filtered += $4; ignored += $5; if ($2 != $3 + $4 + $5 + $6) wrong = wrong " " $1 }
		$2 ~ /^(life|queue)$/ { of_probes += $5 }
		END {
			printf "hits %d, of probes %d, filtered %d, ignored %d\n", hits, of_probes, filtered, ignored
			if (wrong) printf "hits are not published + filtered + ignored + lost on CPU%s\n", wrong
			exit wrong || hits != of_probes || !filtered || !ignored
		}' $STATUS
	# As many were published as the reader read.
	is "$(value read "$(tail -n 1 "$(out_of reader)")") == $(counter published)"
	is "$(counter lost) == 0"
}

@test "each hit is counted, and each counted hit is published, filtered, ignored or lost" {
	counted_hits
}

@test "each hit is counted, with attach=kprobe" {
	counted_hits attach=kprobe
}

# ---- losses ----

# tally NAME: sets the variables of the reader's last line: read overwritten holes reserved wakes
tally()
{
	local word last
	last=$(tail -n 1 "$(out_of "$1")")
	echo "$last"
	for word in ${last#\# }; do
		printf -v "${word%=*}" %s "${word#*=}"
	done
}

@test "a reader that is stopped loses exactly what was overwritten, and gets the newest" {
	local slots=64 kept read overwritten holes reserved
	load_module ring=$slots
	spawn_ready reader ringdump
	kill -STOP "${JOBS[reader]}"
	connections -p 9510 -n 100
	# A last one, to be recognised at the end.
	connections -p 9510 -P 33333 -e reset
	kill -CONT "${JOBS[reader]}"
	stop reader
	tally reader
	# By the module's own counters, and without them: a hundred connections make so many records.
	is "reserved == $(counter published) + $(counter lost)"
	is "reserved > 1000 && overwritten > 0"
	is "read + overwritten + holes == reserved"
	kept=$(awk -v slots=$slots '
		$1 == "cpu" { cpus = 1; next }
		$1 == "id" { exit }
		cpus && NF { n = $3 + $6; sum += n < slots ? n : slots }
		END { print sum }' $STATUS)
	is "read + holes == $kept"
	is "$(lines "$(out_of reader)" 'type=.*') == read"
	is "$(lines "$(out_of reader)" '.port=33333' 'new=CLOSE') >= 1"
	# On each CPU there is no gap between the records that were read.
	awk '
		/^#/ { next }
		{ match($0, / cpu=[0-9]+/); cpu = substr($0, RSTART + 5, RLENGTH - 5)
		  match($0, / position=[0-9]+/); position = substr($0, RSTART + 10, RLENGTH - 10)
		  if (cpu in last && position != last[cpu] + 1) { print "after " last[cpu] " on CPU " cpu " came " position; bad = 1 }
		  last[cpu] = position }
		END { exit bad }' "$(out_of reader)"
}

@test "a reader too slow for a small ring reads whole records and counts the others" {
	local read overwritten holes reserved
	load_module ring=64
	# A TIME_WAIT of an earlier test may end just now; it is not counted.
	spawn_ready reader ringdump --level queue --clause sport=9511-9512 --clause dport=9511-9512
	spawn one connections -p 9511 -n 0 -b 20000
	spawn two connections -p 9512 -n 0 -f 6
	DEADLINE=600 wait_until enough 20000
	stop one
	stop two
	stop reader
	grep -q ' errors=0$' "$(out_of one)"
	grep -q ' errors=0$' "$(out_of two)"
	tally reader
	is "reserved == $(counter published) + $(counter lost)"
	is "read + overwritten + holes == reserved"
	is "read > 0"
	# A record put together from two would name an unused port or another family.
	is "$(lines "$(out_of reader)" 'type=.*') == read"
	is "$(lines "$(out_of reader)" '.port=9511' family=4) + $(lines "$(out_of reader)" '.port=9512' family=6) == read"
	# On each CPU positions only grow.
	awk '
		/^#/ { next }
		{ match($0, / cpu=[0-9]+/); cpu = substr($0, RSTART + 5, RLENGTH - 5)
		  match($0, / position=[0-9]+/); position = substr($0, RSTART + 10, RLENGTH - 10) + 0
		  if (position <= last[cpu]) { print "after " last[cpu] " on CPU " cpu " came " position; bad = 1 }
		  last[cpu] = position }
		END { exit bad }' "$(out_of reader)"
}
enough() { (($(counter published) >= $1)); }

@test "a reader killed in the middle takes its wish with it, and nothing else" {
	load_module
	spawn_ready first ringdump --level queue
	spawn_ready second ringdump --clause sport=9513
	spawn traffic connections -p 9513 -n 0
	wait_until enough 200
	stop first KILL || true
	is "$(readers) == 1"
	fails armed tcp_ack
	armed tcp_set_state
	stop second KILL || true
	none_armed
	is "$(readers) == 0"
	stop traffic
	grep -q ' errors=0$' "$(out_of traffic)"
	# The next reader finds everything in order.
	spawn_ready third ringdump
	connections -p 9514 -n 3
	stop third
	is "$(lines "$(out_of third)" type=accept sport=9514) == 3"
}

@test "a forked child has no mapping of its parent's, unless it asks, and then it holds the module" {
	load_module
	if ! mappings child >"$(out_of child)" 2>"$BATS_TEST_TMPDIR/child.err" 3>&-; then
		# 7.2's madvise(MADV_DOFORK) refuses a mapping that must not be expanded, as ours must not. The debug
		# kernel is built without madvise().
		[[ $(<"$BATS_TEST_TMPDIR/child.err") = "mappings: mapping for a child: "@(Invalid argument|Function not implemented) ]]
		unload_module
		skip "this kernel lets no child have such a mapping, even if it asks"
	fi
	wait_until has_line "$(out_of child)" '# ready *'
	JOBS[child]=$(awk '$2 == "ready" { print $3 }' "$(out_of child)")
	run -1 delete_module tcptrace
	same "$output" EAGAIN
	kill -TERM "${JOBS[child]}"
	wait_until has_line "$(out_of child)" 'child still reads: fine'
	wait_until no_readers
	run -0 delete_module tcptrace
}

# ---- what is refused ----

@test "every mapping but a shared one to read is refused" {
	load_module
	mappings >"$BATS_TEST_TMPDIR/mappings"
	same "$(</$BATS_TEST_TMPDIR/mappings)" "\
size: $(stat -c %s /proc/tcptrace/events)
whole: fine
none: fine
write: EPERM
write only: EPERM
exec: EPERM
private: EPERM
private write: EPERM
offset: EINVAL
offset of the end: EINVAL
offset that overflows: EOVERFLOW
longer: EINVAL
much longer: EINVAL
mprotect write: EACCES
mprotect exec: EACCES
mremap longer: EFAULT
fork: SEGV
ring without a reader: fine
records without a reader: BUS
records with a reader: fine
the last of all: fine"
	unload_module
}

@test "every wrong filter is refused, and the one before stays in force" {
	load_module
	spawn_ready writer filters
	same "$(grep -v '^#' "$(out_of writer)")" "\
right: fine
right, one clause: fine
32 clauses: fine
33 clauses: E2BIG
so many clauses that their size overflows: E2BIG
empty: EINVAL
one byte: EINVAL
short by one: EINVAL
long by one: EINVAL
half of its clauses: EINVAL
a clause short by one: EINVAL
a clause too many: EINVAL
abi 0: EINVAL
abi 2: EINVAL
level 4: EINVAL
level 9: EINVAL
wake_records above the ring: EINVAL
wake_ms of an hour: EINVAL
reserved[0]: EINVAL
reserved[1]: EINVAL
reserved[2]: EINVAL
saddr_len 129: EINVAL
daddr_len 255: EINVAL
family of unix: EINVAL
sport from 2 to 1: EINVAL
dport from 2 to 1: EINVAL
clause reserved: EINVAL
clause reserved2: EINVAL
clause reserved3: EINVAL
cgroup: EINVAL
the second clause: EINVAL"
	# id, pid, level, clauses, name
	has_line $STATUS "* ${JOBS[writer]} *life *32 *filters"
	armed tcp_connect
	fails armed tcp_ack
}

# group_told NAME PORT: a subscriber of the group has received an accept on PORT
group_told() { (($(lines "$(out_of "$1")" type=4 sport="$2") > 0)); }

@test "there are as many readers as may be, and who comes next is told why" {
	load_module
	spawn_ready limits limits files
	same "$(grep -v '^#' "$(out_of limits)")" "\
files: 64, then EUSERS
after one was closed: fine
and one more: EUSERS"
	is "$(readers) == 64"
	run -1 tcptrace-ctl watch 9525
	like "$output" "tcptrace-ctl*: the module has its maximum of readers (64): stop one, \
tcptrace-ctl status lists them"
	# The group is not one of the readers. The TIME_WAITs of earlier tests end meanwhile, all at once.
	spawn_ready life nlfamily --rcvbuf 67108864 life
	connections -p 9525
	wait_until group_told life 9525
	stop limits || true
	spawn_ready reader ringdump
}

@test "there are as many clauses as may be, and who comes next is told why" {
	load_module
	spawn_ready limits limits clauses
	same "$(grep -v '^#' "$(out_of limits)")" "\
filters of 32 clauses: 32, then ENOSPC
without a clause: fine
asking for nothing: fine
with one more: ENOSPC
another in place of the own: fine
after one was closed: fine"
	run -1 tcptrace-ctl watch 9526
	like "$output" "tcptrace-ctl*: the filters of all readers together have the maximum of clauses (1024): stop a \
reader, tcptrace-ctl status lists them"
	# They match nothing, and each hit is compared with all of them; a filter without a clause is not one of them.
	connections -p 9526 -n 5
	is "$(counter published) == 0 && $(counter filtered) > 0"
	spawn_ready reader ringdump
	connections -p 9526 -n 5
	stop reader
	is "$(lines "$(out_of reader)" type=accept sport=9526) == 5"
}

# ---- waking ----

@test "poll wakes by watermark, not for each record" {
	local read overwritten holes reserved wakes
	load_module
	spawn_ready reader ringdump --wake-records 256 --wake-ms 10000
	connections -p 9515 -n 200
	wait_until has_line "$(out_of reader)" 'type=accept *'
	stop reader
	tally reader
	is "overwritten == 0 && read == reserved"
	is "$(lines "$(out_of reader)" type=accept) == 200"
	is "wakes >= 1"
	# Each CPU wakes once in 256 records; the clock of 10 s may add one or two.
	is "wakes <= read / 64"
}

@test "poll wakes after a time where the watermark is not reached" {
	load_module
	spawn_ready reader ringdump --wake-records 16384 --wake-ms 50
	connections -p 9516
	# It prints only when woken: nobody ends it.
	wait_until has_line "$(out_of reader)" 'type=accept *'
	stop reader
}

@test "a reader is not woken because another one asks for less" {
	local read overwritten holes reserved wakes eager began=$SECONDS
	load_module
	spawn_ready idle ringdump --wake-records 16384 --wake-ms 10000
	spawn_ready eager ringdump --wake-records 1 --wake-ms 1
	connections -p 9521 -n 200
	wait_until has_line "$(out_of eager)" 'type=accept *'
	stop eager
	tally eager
	eager=$wakes
	stop idle
	tally idle
	# Its own clock may have run out: once in 10 s at most.
	is "wakes <= (SECONDS - began) / 10 + 1"
	is "eager > wakes"
	is "overwritten == 0 && read == reserved"
}

@test "a watermark below the floor is the floor: no reader is woken for each record" {
	local read overwritten holes reserved wakes began=$SECONDS
	load_module
	spawn_ready reader ringdump --wake-records 1 --wake-ms 10000
	connections -p 9522 -n 200
	wait_until has_line "$(out_of reader)" 'type=accept *'
	stop reader
	tally reader
	is "overwritten == 0 && read == reserved"
	# 256 on one CPU, and its clock.
	is "wakes >= 1 && wakes <= read / 256 + (SECONDS - began) / 10 + 1"
}

@test "all readers together are woken by time as often as one: 200 times a second" {
	local read overwritten holes reserved wakes n all=0 began readers=20
	load_module
	# When the last one starts, as many exist as it counts on.
	for ((n = 0; n < readers; n++)); do
		spawn_ready "eager$n" ringdump --wake-ms 1 --mine -c sport=9529
	done
	spawn_ready last ringdump
	began=$SECONDS
	connections -p 9528 -n 300
	wait_until has_line "$(out_of last)" 'type=accept *'
	for ((n = 0; n < readers; n++)); do
		stop "eager$n"
		tally "eager$n"
		all=$((all + wakes))
	done
	is "all > 0"
	is "all <= 200 * (SECONDS - began + 1) + readers"
}

@test "a reader that waits for long makes no other wait" {
	load_module
	spawn_ready slow ringdump --wake-records 16384 --wake-ms 10000
	# Its clock runs from here on.
	connections -p 9523
	spawn_ready quick ringdump --wake-records 16384 --wake-ms 10
	connections -p 9524
	# Each prints only when woken.
	wait_until has_line "$(out_of quick)" 'type=accept *sport=9524 *'
	is "$(lines "$(out_of slow)" type=accept) == 0"
	stop slow
	is "$(lines "$(out_of slow)" type=accept) == 2"
}

# ---- what holds the module ----

@test "an open file or a mapping holds the module" {
	load_module
	for what in events sockets status; do
		exec 9<"/proc/tcptrace/$what"
		run -1 delete_module tcptrace
		same "$what $output" "$what EAGAIN"
		exec 9<&-
	done
	# The file is closed, but its mapping exists, and so does its wish.
	spawn_ready reader ringdump --mapping-only
	run -1 delete_module tcptrace
	same "$output" EAGAIN
	run -1 rmmod tcptrace
	like "$output" "*in use*"
	armed tcp_set_state
	is "$(readers) == 1"
	stop reader
	none_armed
	run -0 delete_module tcptrace
	fails loaded
}

@test "unloading under traffic is clean" {
	local n
	# A pause, since loading needs a CPU as well.
	spawn one connections -p 9517 -n 0 --pause 1000
	spawn two connections -p 9518 -n 0 -f 6 -e reset -b 5000 --pause 1000
	for n in 1 2 3; do
		load_module flight=queue
		wait_until enough 500
		unload_module
		load_module flight=queue attach=kprobe
		wait_until enough 500
		unload_module
	done
	none_armed
	stop one
	stop two
	grep -q ' errors=0$' "$(out_of one)"
	grep -q ' errors=0$' "$(out_of two)"
}
