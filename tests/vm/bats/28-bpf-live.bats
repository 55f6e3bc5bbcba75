# SPDX-License-Identifier: GPL-2.0-only
# The BPF source with readers of its own: it is chosen as documented, attaches, delivers what it is asked for and no
# more, and says what it cannot do. That it records what the module records is tested in 29-bpf.
#
# Detaching a program takes long if nobody else traces the function: each detach waits until every task has left the
# trampoline. So one reader, which asks for something that never happens, stays attached beside the others; the last
# test ends it.

load helper
load watch
setup() { common_setup; }
teardown() { watch_teardown; }

setup_file()
{
	tcptrace-ctl watch --source=bpf --level=queue 1 >"$BATS_FILE_TMPDIR/beside.out" 2>&1 </dev/null 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/beside"
	wait_until armed tcp_set_state
}

# reading NAME: the shell has become the reader, and waits for records; everything it needs is attached
reading()
{
	local comm
	read -r comm <"/proc/${JOBS[$1]}/comm"
	[[ $comm = tcptrace-ctl ]] && begun "$1"
}

# refused PATTERN COMMAND...: ends with status 1 and one line on standard error that matches PATTERN
refused()
{
	local status=0 lines
	"${@:2}" >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" || status=$?
	mapfile -t lines <"$BATS_TEST_TMPDIR/stderr"
	same "$status" 1 "the status of: ${*:2}"
	same "${#lines[@]}" 1 "lines on standard error: ${lines[*]}"
	like "${lines[0]}" "$1"
}

# said_source NAME: the last line of a view, started without --source, names it, as text and as JSON. Standard error of
# both is in ERRORS.
said_source()
{
	spawn text tcptrace-ctl watch --duration=0.1
	spawn json tcptrace-ctl watch --json --duration=0.1
	finish text
	finish json
	like "$(tail -n 1 "$(out_of text)")" "-- * from $1, 0 lost"
	same "$(json_lines "$(out_of json)" | tail -n 1 | tr ' ' '\n' | grep ^source=)" "source=$1"
	ERRORS=$(cat "$BATS_TEST_TMPDIR"/{text,json}.err)
}

@test "auto takes the module where it is loaded, else BPF, and says so" {
	said_source bpf
	like "$ERRORS" '*not loaded*BPF*not loaded*BPF*'
	load_module
	said_source module
	same "$ERRORS" ""
	same "$(tcptrace-ctl watch --once 2>&1 >/dev/null)" ""
}

@test "without the right: one line that says which" {
	local both='tcptrace-ctl: BPF: *CAP_NET_ADMIN and CAP_PERFMON (or CAP_SYS_ADMIN) are *'
	refused "$both" as_nobody tcptrace-ctl watch --source=bpf 9090
	refused "$both" unshare --user --map-root-user tcptrace-ctl watch --source=bpf 9090
	refused '*: CAP_PERFMON (or CAP_SYS_ADMIN) is missing*' with net_admin,bpf tcptrace-ctl watch --source=bpf 9090
	refused '*: CAP_NET_ADMIN is missing*' with perfmon,bpf tcptrace-ctl watch --source=bpf 9090
	refused '*: CAP_BPF (or CAP_SYS_ADMIN) is missing*' with net_admin,perfmon tcptrace-ctl watch --source=bpf 9090
}

# In a mount namespace that has neither the kernel's BTF file nor any other that libbpf would use instead.
without_btf()
{
	unshare --mount bash -c 'mount -t tmpfs none /sys/kernel/btf && mount -t tmpfs none /lib/modules && exec "$@"' - "$@"
}

@test "a kernel without type information: one line that says what to do" {
	refused 'tcptrace-ctl: BPF: this kernel has no type information*use the module*CONFIG_DEBUG_INFO_BTF*' \
		without_btf tcptrace-ctl watch --source=bpf --duration=5 9090
	refused '*the module is not loaded (sudo tcptrace-ctl load), and BPF: this kernel has no type information*' \
		without_btf tcptrace-ctl watch --duration=5 9090
}

@test "doctor knows whether BPF can stand in for the module" {
	local doctor=$BATS_TEST_TMPDIR/doctor
	tcptrace-ctl doctor >"$doctor"
	has_line "$doctor" 'ok    bpf *type information*'
	has_line "$doctor" 'warn  module *neither loaded nor installed*'
	fails without_btf tcptrace-ctl doctor >"$doctor"
	has_line "$doctor" 'warn  bpf *no type information*'
	has_line "$doctor" 'fail  module *neither loaded nor installed*'
}

@test "kprobes that are switched off: refused where one is needed, and nothing is missing where none is" {
	local life=$BATS_TEST_TMPDIR/life
	kprobes off
	refused "tcptrace-ctl: BPF: kprobes are switched off as a whole*echo 1 | sudo tee $KPROBES_ENABLED" \
		env TCPTRACE_BPF_KPROBE=1 tcptrace-ctl watch --source=bpf --level=life --duration=5 9564
	# A snapshot alone needs none.
	env TCPTRACE_BPF_KPROBE=1 tcptrace-ctl ss --source=bpf -tan
	spawn life tcptrace-ctl record --quiet --source=bpf --level=life "$life.tct" 9564
	wait_until reading life
	connections -p 9564 -n 3
	stop life INT
	same "$(<$KPROBES_ENABLED)" 0
	recording "$life.tct" >"$life"
	same "$(lines "$life" type=listen sport=9564)" 2
	same "$(lines "$life" type=connect dport=9564)" 3
	same "$(lines "$life" type=accept sport=9564)" 3
}

@test "two readers each get what they asked for, and one that is killed leaves nothing behind" {
	spawn four tcptrace-ctl record --quiet --source=bpf --level=life "$BATS_TEST_TMPDIR/four.tct" -4 9561
	spawn six tcptrace-ctl record --quiet --source=bpf --level=life "$BATS_TEST_TMPDIR/six.tct" -6 9562
	wait_until reading four
	wait_until reading six
	same "$(attached)" 3 "with the one beside them"
	connections -p 9561 -n 4
	connections -p 9562 -n 3 -f 6
	connections -p 9563 -n 2
	connections -p 9561 -n 2 -f 6
	stop six KILL || true
	wait_until attached_are 2
	connections -p 9561 -n 1
	stop four INT
	same "$(attached)" 1
	same "$(bpftool prog show name set_state | grep -c '^[0-9]')" 1 "programs"
	recording "$BATS_TEST_TMPDIR/four.tct" >"$BATS_TEST_TMPDIR/four"
	same "$(lines "$BATS_TEST_TMPDIR/four" type=connect)" 5
	same "$(lines "$BATS_TEST_TMPDIR/four" type=accept sport=9561 family=4)" 5
	same "$(lines "$BATS_TEST_TMPDIR/four" family=6)" 0
	same "$(lines "$BATS_TEST_TMPDIR/four" '.port=956[23]')" 0
}

# part ACCEPTS CONNECTS FAMILY PORT FILTER: another part of the filter, and which records of a connection to PORT have
# to pass it; no other part concerns that port
part()
{
	ASKED+="${ASKED:+ or }( $5 )"
	PARTS+=("$1 $2 $3 $4")
}

# One reader gets all parts at once: a part that passes too much or too little does so at its own port.
@test "each part of a filter is in the programs, and nothing else comes out of them" {
	local ASKED='' PARTS=() shown=$BATS_TEST_TMPDIR/shown last accepts connects family port accepted=0 connected=0 one
	part 1 0 4 9510 'sport = :9510'
	part 0 1 4 9511 'dport = :9511'
	part 1 0 4 9524 'sport >= :9520 and sport <= :9524'
	part 0 0 4 9512 'sport = :9505 and dport = :9512'
	part 0 0 4 9513 'sport = :9513 and src 127.0.0.2/31'
	part 1 1 4 9514 'dst 127.0.0.0/8 and ( sport = :9514 or dport = :9514 )'
	part 0 1 4 9515 '( sport = :1 and dport = :1 ) or ( dport = :9515 and dst 127.0.0.1 )'
	part 0 0 6 9516 'dst 127.0.0.0/8 and ( sport = :9516 or dport = :9516 )'
	part 0 1 6 9517 'dport = :9517 and dst ::/127'
	part 0 1 mapped 9518 'dport = :9518 and dst 127.0.0.1'
	spawn watch tcptrace-ctl watch --source=bpf --json --level=life "$ASKED"
	wait_until reading watch
	# And two ports outside the range, one on either side.
	for one in "${PARTS[@]}" '0 0 4 9519' '0 0 4 9525'; do
		read -r accepts connects family port <<<"$one"
		connections -f "$family" -p "$port" -e reset
	done
	stop watch INT
	json_lines "$(out_of watch)" >"$shown"
	last=$(tail -n 1 "$shown")
	like "$last" '*type=lost *'
	for one in "${PARTS[@]}"; do
		read -r accepts connects family port <<<"$one"
		echo "port $port"
		is "$(lines "$shown" type=accept sport="$port") == accepts"
		is "$(lines "$shown" type=connect dport="$port") == connects"
		accepted=$((accepted + accepts)) connected=$((connected + connects))
	done
	is "$(lines "$shown" type=accept) == accepted"
	is "$(lines "$shown" type=connect) == connected"
	# Nothing else was even delivered, for the program to filter out.
	same "$(value events "$last")" "$(grep -cvE 'type=(snapshot|verdict|lost)' "$shown")" "records handed over"
}

# by_ss NAMESPACE...: the sockets of this namespace and of the named ones, according to ss
by_ss()
{
	local name
	{
		ss -tanHOe
		for name; do
			nsenter "$(netns "$name")" ss -tanHOe
		done
	} | ss_lines
}

by_bpf()
{
	tcptrace-ctl watch --source=bpf --once --json | json_lines | awk '/type=snapshot/ {
		for (i = 1; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
		printf "%s %s %s %s %s %x\n", value["state"], value["recvq"], value["sendq"], value["sport"],
			value["dport"], value["cookie"]
	}' | sort
}

@test "the snapshot is what ss shows, in each namespace" {
	local name try
	add_netns one
	add_netns two
	for name in one two; do
		spawn "v4$name" nsenter "$(netns "$name")" connections -H -p 9551 -n 2 -u 1000
		spawn "v6$name" nsenter "$(netns "$name")" connections -H -f 6 -p 9552 -n 1 -s 3000000
		spawn "half$name" nsenter "$(netns "$name")" connections -H -p 9553 -n 1 -c
		nsenter "$(netns "$name")" "$(command -v connections)" -p 9554
	done
	drop tcp dport 9555 tcp flags '&' '(syn|ack)' == ack drop
	spawn half_open connections -H -p 9555 -n 0 -w 2
	for name in "${!JOBS[@]}"; do
		wait_until ready "$name"
	done
	# TIME_WAITs of an earlier test may end between the two.
	for try in 1 2 3 4 5; do
		by_ss one two >"$BATS_TEST_TMPDIR/ss"
		by_bpf >"$BATS_TEST_TMPDIR/ours"
		! cmp -s "$BATS_TEST_TMPDIR/ss" "$BATS_TEST_TMPDIR/ours" || break
	done
	is "$(grep -c TIME_WAIT "$BATS_TEST_TMPDIR/ss") >= 2"
	is "$(grep -c SYN_RECV "$BATS_TEST_TMPDIR/ss") >= 2"
	same "$(<"$BATS_TEST_TMPDIR/ours")" "$(<"$BATS_TEST_TMPDIR/ss")" "snapshot against ss"
}

# STATE RECV-Q SEND-Q PORT PEER-PORT COOKIE
ss_lines()
{
	awk '
		BEGIN {
			n = split("ESTAB=ESTABLISHED SYN-SENT=SYN_SENT SYN-RECV=SYN_RECV FIN-WAIT-1=FIN_WAIT1 " \
				"FIN-WAIT-2=FIN_WAIT2 TIME-WAIT=TIME_WAIT CLOSE-WAIT=CLOSE_WAIT LAST-ACK=LAST_ACK " \
				"LISTEN=LISTEN CLOSING=CLOSING", words, " ")
			for (i = 1; i <= n; i++) { split(words[i], pair, "="); state[pair[1]] = pair[2] }
		}
		function port(text) { sub(/.*:/, "", text); return text == "*" ? 0 : text }
		{
			for (i = 6; i <= NF; i++) if ($i ~ /^sk:/) cookie = substr($i, 4)
			print state[$1], $2, $3, port($4), port($5), cookie
		}' | sort
}

@test "what finds no room is counted, and the rest is whole" {
	local events lost tally
	spawn record tcptrace-ctl record --source=bpf --json --level=queue "$BATS_TEST_TMPDIR/tct" 9560
	wait_until reading record
	# A stopped reader reads nothing; the buffer holds 41 943 records.
	kill -STOP "${JOBS[record]}"
	connections -p 9560 -n 1 -b 30000000 >"$BATS_TEST_TMPDIR/made"
	kill -CONT "${JOBS[record]}"
	stop record INT
	json_lines "$(out_of record)" >"$BATS_TEST_TMPDIR/told"
	lost=$(value lost "$(<"$BATS_TEST_TMPDIR/told")")
	events=$(value events "$(<"$BATS_TEST_TMPDIR/told")")
	same "$(<"$BATS_TEST_TMPDIR/made")" "connections=1 errors=0"
	is "$lost > 0"
	is "$events >= 41943"
	# According to its own count.
	tally=$(tally <"$BATS_TEST_TMPDIR/tct" | tail -n 1)
	like "$tally" '* whole=yes'
	same "$(value counted "$tally")" "$events"
	echo "$events events, $lost lost"
}

# The hits that the module's own kretprobes missed: a kprobe that is hit while another one's handler runs is lost.
kretprobes_missed() { awk '$3 == "kretprobe" { missed += $6 } END { print missed + 0 }' $STATUS; }

published_are() { (($(counter published) >= $1)); }

# under_storm TRY: the records of the same storm from the module (ALL) and from BPF attached by kprobe (EVENTS), and
# MISSED. Each segment is held for a while and then received in an interrupt, wherever that hits the CPU, also in the
# handler of a kprobe. Each try has ports of its own.
under_storm()
{
	local tally before filter='sport = :9571 or dport = :9571 or sport = :9572 or dport = :9572'
	# The module's is never longer than BPF's.
	TCPTRACE_BPF_KPROBE=1 spawn bpf tcptrace-ctl record --json --force --source=bpf --level=queue \
		"$BATS_TEST_TMPDIR/bpf.tct" "$filter"
	wait_until reading bpf
	spawn module tcptrace-ctl record --json --force --source=module --level=queue "$BATS_TEST_TMPDIR/module.tct" "$filter"
	wait_until reading module
	before=$(kretprobes_missed)
	tc qdisc add dev lo root netem delay 1ms
	spawn_ready storm storm -p 9571 --client-port $((7000 + 3000 * $1)) --seed "$1" --pause 0
	spawn_ready other storm -p 9572 --client-port $((32000 + 3000 * $1)) --seed "$1" --pause 0
	wait_until published_are $((4000 * $1))
	stop storm
	stop other
	wait_until quiet_port 9571
	wait_until quiet_port 9572
	tc qdisc del dev lo root
	stop module INT
	stop bpf INT
	tally=$(json_lines "$(out_of module)")
	like "$tally" "* lost=0 unknown=0 missed=$(($(kretprobes_missed) - before)) *"
	ALL=$(value events "$tally")
	tally=$(json_lines "$(out_of bpf)")
	EVENTS=$(value events "$tally") MISSED=$(value missed "$tally")
	echo "$ALL records of the module, $EVENTS of BPF, $MISSED missed"
	same "$(value lost "$tally")" 0
}

# The module, called by ftrace, loses only what its few kretprobes miss.
@test "what kprobes miss is counted, where the kernel tells" {
	local try
	case $(</proc/sys/kernel/osrelease) in
	5.10.* | 6.1.*) skip "until 6.6 the kernel does not tell what the kprobes of a BPF program missed" ;;
	esac
	modprobe -q sch_netem || true
	load_module ring=65536
	for try in 1 2 3 4 5; do
		under_storm "$try"
		is "ALL - EVENTS <= MISSED"
		((EVENTS >= ALL)) || break
	done
	is "EVENTS < ALL"
}

retransmitted() { (($(counted TcpRetransSegs) > 0)); }

@test "entries whose return was missed make room for others" {
	local id n zeros shown=$BATS_TEST_TMPDIR/shown
	peer_start client
	spawn watch tcptrace-ctl watch --source=bpf --json --level=life 9575
	wait_until reading watch
	# More tasks that never return than any of its maps holds. The other reader has an older map of that name.
	id=$(bpftool map show name entered | grep -oE '^[0-9]+' | tail -n 1)
	zeros=$(printf ' 00%.0s' {1..48})
	for ((n = 1; n <= 2000; n++)); do
		printf "map update id $id key hex %02x %02x${zeros::42} value hex$zeros\n" $((n >> 8)) $((n & 255))
	done >"$BATS_TEST_TMPDIR/batch"
	# A map without room ends it early.
	bpftool batch file "$BATS_TEST_TMPDIR/batch" || true
	counted_from_here
	drop tcp dport 9575 drop
	ask client start c 127.0.0.1 9575
	wait_until retransmitted
	ask client close c
	stop watch INT
	json_lines "$(out_of watch)" >"$shown"
	same "$(lines "$shown" type=retransmit op=syn dport=9575)" "$(counted TcpRetransSegs)"
	like "$(tail -n 1 "$shown")" "* lost=0 *"
}

# The next one is there before the previous one ends, and each is checked while it is alone.
@test "each level attaches its own functions and no others" {
	local level before=''
	for level in segment queue life; do
		spawn $level tcptrace-ctl watch --source=bpf --json --level=$level 9505
		wait_until reading $level
		if [[ $before ]]; then
			stop $before INT
		else
			kill -INT "$(<"$BATS_FILE_TMPDIR/beside")"
			wait_until attached_are 1
		fi
		armed tcp_connect
		[[ $level = life ]] || armed tcp_ack
		[[ $level != life ]] || fails armed tcp_ack
		[[ $level != segment ]] || armed ip_queue_xmit
		[[ $level = segment ]] || fails armed ip_queue_xmit
		before=$level
	done
	stop life INT
	none_armed
}
