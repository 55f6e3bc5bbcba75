# SPDX-License-Identifier: GPL-2.0-only
# The module itself: what modinfo shows, parameters, when probes are armed, and what is left after it.

load helper
shopt -s extglob
setup() { common_setup; }
teardown()
{
	# Some tests turn it off.
	sysctl -qw kernel.ftrace_enabled=1 || true
	common_teardown
}

@test "modinfo says all there is to say" {
	local info version
	info=$(modinfo "$KO")
	version=$(<"$TREE/VERSION")
	echo "$info"
	grep -qE "^version: +$version\$" <<<"$info"
	grep -qE '^license: +GPL$' <<<"$info"
	grep -qE '^description: +[A-Z]' <<<"$info"
	grep -qE '^author: +[A-Z]' <<<"$info"
	like "$info" "*"$'\n'"vermagic: "*(" ")"$(uname -r) "*
	# Each parameter's name, description and type.
	grep -qE '^parm: +ring:.*192 bytes.*power of two.* \(uint\)$' <<<"$info"
	grep -qE '^parm: +flight:.*off, life, queue or segment.* \(charp\)$' <<<"$info"
	grep -qE '^parm: +attach:.*auto: .* kprobe: .* \(charp\)$' <<<"$info"
	load_module
	same "$(cd /sys/module/tcptrace/parameters && echo *)" "attach flight ring"
	same "$(</sys/module/tcptrace/version)" "$version"
	has_line $STATUS "tcptrace $version, ABI *"
}

@test "the smallest ring is taken, and its size is told" {
	local size
	load_module ring=64
	same "$(</sys/module/tcptrace/parameters/ring)" 64
	has_line $STATUS "ring: 64 records on each CPU, on 0 of $(possible_cpus) CPUs now, *"
	# Sizes of the areas that can be mapped: one page of head, and for each CPU a page and 64 records.
	size=$((4096 + $(possible_cpus) * (4096 + 64 * 192)))
	same "$(stat -c %s /proc/tcptrace/events)" "$size"
}

# areas: the sizes in bytes of the rings' memory, as the kernel counts it; vmalloc adds a guard page
areas() { awk '/ tcptrace_ring_/ { print $2 - 4096 }' /proc/vmallocinfo | sort -n; }
# rings_are COUNT RECORDS: COUNT CPUs have a ring of RECORDS records, according to the kernel and to each interface
rings_are()
{
	local first=$((4096 * (1 + $(possible_cpus)))) memory info i
	memory=$((first + $1 * $2 * 192))
	same "$(areas)" "$(echo $first; for ((i = 0; i < $1; i++)); do echo $(($2 * 192)); done)" "areas of vmalloc"
	has_line $STATUS "ring: $2 records on each CPU, on $1 of $(possible_cpus) CPUs now, $((memory / 1024)) KiB"
	info=$(nlfamily info)
	same "$(value rings "$info") $(value memory "$info")" "$1 $memory"
}

@test "rings take memory while somebody wants something recorded, and no longer than a file is open" {
	local online published
	online=$(online_cpus)
	load_module ring=1024
	rings_are 0 1024
	# A reader that asks for nothing needs no rings.
	spawn_ready idle ringdump --level off
	rings_are 0 1024
	spawn_ready reader ringdump
	rings_are "$online" 1024
	connections -p 9109 -n 5
	stop reader
	# The other reader may have mapped them.
	rings_are "$online" 1024
	published=$(counter published)
	is "published > 0"
	stop idle
	rings_are 0 1024
	# The counts are kept. The next reader finds an empty ring, not the records of others.
	same "$(counter published)" "$published"
	spawn_ready reader ringdump --oldest
	rings_are "$online" 1024
	connections -p 9110 -n 5
	stop reader
	is "$(lines "$(out_of reader)" '[sd]port=9109') == 0"
	is "$(lines "$(out_of reader)" type=accept sport=9110) == 5"
	is "$(value read "$(tail -n 1 "$(out_of reader)")") + $published == $(counter published)"
	tcptrace-ctl status >"$BATS_TEST_TMPDIR/status"
	has_line "$BATS_TEST_TMPDIR/status" "rings *1024 records of 192 bytes per CPU, on 0 of $(possible_cpus) CPUs now, * MiB in total"
	unload_module
	load_module ring=1024 flight=life
	rings_are "$online" 1024
}

@test "a subscriber of the group has rings made, and they go with it" {
	load_module ring=1024
	spawn_ready life nlfamily life
	rings_are "$(online_cpus)" 1024
	stop life KILL || true
	connections -p 9111
	wait_until rings_are 0 1024
}

# refused MESSAGE PARAMETER...: insmod fails and leaves nothing behind; the kernel's log has MESSAGE
refused()
{
	local message=$1
	shift
	MESSAGES+=("$message")
	echo "refused? $*"
	fails load_module "$@"
	fails loaded
	[[ ! -e /proc/tcptrace ]]
}

all_messages()
{
	local message log
	log=$(kernel_log)
	for message in "${MESSAGES[@]}"; do
		like "$log" "*tcptrace: $message*"
	done
}

@test "odd sizes of the ring are refused, with what is allowed" {
	local value
	for value in 100 0 32 2097152 4294967296 -64 "" many 64k; do
		refused "ring=$value: must be a power of two from 64 to 1048576" ring="$value"
	done
	all_messages
}

@test "a ring beyond the memory is refused, with how much it would be" {
	local limit cpus ring=64
	limit=$(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) / 4 * 1024))
	cpus=$(online_cpus)
	while ((ring <= 1048576 && cpus * ring * 192 <= limit)); do
		ring=$((ring * 2))
	done
	((ring <= 1048576)) || skip "$cpus CPUs and much memory: the largest ring is no quarter of it"
	refused "ring=$ring: $cpus CPUs would take [0-9]* MiB, more than a quarter of the memory" ring=$ring
	all_messages
	load_module ring=$((ring / 2))
}

@test "unknown words for flight and attach are refused, with what is allowed" {
	refused "flight=bogus: must be off, life, queue or segment" flight=bogus
	refused "flight=: must be off, life, queue or segment" flight=
	refused "flight=LIFE: must be off, life, queue or segment" flight=LIFE
	refused "attach=magic: must be auto or kprobe" attach=magic
	all_messages
}

@test "an unknown parameter is named in the log" {
	load_module colour=red
	like "$(kernel_log)" "*tcptrace: unknown parameter 'colour' ignored*"
}

@test "with kernel.ftrace_enabled=0 a filter is refused and status says why" {
	load_module
	fails has_line $STATUS '*ftrace_enabled*'
	sysctl -qw kernel.ftrace_enabled=0
	run -1 ringdump --once
	like "$output" "*filter: Device or resource busy*"
	has_line $STATUS 'kernel.ftrace_enabled is 0: no probe fires until it is 1'
	same "$(value ftrace_off "$(nlfamily info)")" yes
	none_armed
	# A filter that asks for nothing is accepted.
	ringdump --level off --once
	sysctl -qw kernel.ftrace_enabled=1
	fails has_line $STATUS '*ftrace_enabled*'
	same "$(value ftrace_off "$(nlfamily info)")" ""
	spawn_ready reader ringdump
	connections -p 9101
	stop reader
	is "$(lines "$(out_of reader)" type=connect) == 1"
}

@test "while probes are armed kernel.ftrace_enabled cannot be switched off, afterwards it can" {
	load_module
	spawn_ready reader ringdump
	fails sysctl -w kernel.ftrace_enabled=0
	same "$(</proc/sys/kernel/ftrace_enabled)" 1
	stop reader
	sysctl -qw kernel.ftrace_enabled=0
	same "$(</proc/sys/kernel/ftrace_enabled)" 0
}

KPROBES_SILENT="$KPROBES_ENABLED is 0: no kprobe or kretprobe fires until it is 1"

# refused_without_kprobes PARAMETER...
refused_without_kprobes()
{
	load_module "$@"
	kprobes off
	same "$(<$KPROBES_ENABLED)" 0
	has_line $STATUS "$KPROBES_SILENT"
	same "$(value kprobes_off "$(nlfamily info)")" yes
	run -1 ringdump --once
	like "$output" "*filter: Cannot send after transport endpoint shutdown*"
	none_armed
	same "$(armed_level)" off
	ringdump --level off --once
	kprobes on
	fails has_line $STATUS "$KPROBES_SILENT"
	same "$(value kprobes_off "$(nlfamily info)")" ""
	spawn_ready reader ringdump
	connections -p 9109
	stop reader
	is "$(lines "$(out_of reader)" type=listen) == 2"
	is "$(lines "$(out_of reader)" type=connect) == 1"
}

@test "with kprobes switched off a filter is refused and status says why" {
	refused_without_kprobes
}

@test "with kprobes switched off a filter is refused and status says why, with attach=kprobe" {
	refused_without_kprobes attach=kprobe
}

@test "kprobes that are switched off while a reader is there: status says so, until they are on again" {
	load_module attach=kprobe
	spawn_ready reader ringdump
	connections -p 9110
	is "$(probe_hits tcp_connect) == 1"
	kprobes off
	connections -p 9110
	# The kernel did not call the probe, which still counts as armed, so something has to say so.
	is "$(probe_hits tcp_connect) == 1"
	like "$(probe_state tcp_connect)" "life kprobe armed 1 *"
	has_line $STATUS "$KPROBES_SILENT"
	same "$(value kprobes_off "$(nlfamily info)")" yes
	run -1 ringdump --level life --once
	run -1 ringdump --level queue --once
	like "$output" "*filter: Cannot send after transport endpoint shutdown*"
	same "$(armed_level)" life
	kprobes on
	fails has_line $STATUS "$KPROBES_SILENT"
	connections -p 9110
	is "$(probe_hits tcp_connect) == 2"
	stop reader
	is "$(lines "$(out_of reader)" type=connect) == 2"
	none_armed
}

@test "unloading while kprobes, or ftrace, are switched off" {
	local reader
	for reader in flight=off flight=life; do
		load_module $reader
		kprobes off
		unload_module
		load_module
		kprobes on
		fails has_line $STATUS "$KPROBES_SILENT"
		unload_module
	done
	load_module
	sysctl -qw kernel.ftrace_enabled=0
	unload_module
	load_module
	has_line $STATUS 'kernel.ftrace_enabled is 0: *'
	sysctl -qw kernel.ftrace_enabled=1
	fails has_line $STATUS 'kernel.ftrace_enabled is 0: *'
	spawn_ready reader ringdump
	connections -p 9111
	stop reader
	is "$(lines "$(out_of reader)" type=connect) == 1"
}

@test "flight while kernel.ftrace_enabled=0 does not load" {
	sysctl -qw kernel.ftrace_enabled=0
	run -1 load_module flight=life
	like "$output" "*Device or resource busy*"
	fails grep tcp_set_state $KPROBES
	load_module
}

@test "flight while kprobes are switched off does not load" {
	kprobes off
	run -1 load_module flight=life
	like "$output" "*Cannot send after transport endpoint shutdown*"
	fails grep -E 'tcp_set_state|tcptrace' $KPROBES
	load_module
}

LIFE=(tcp_set_state inet_csk_listen_start tcp_connect $ACCEPT __tcp_close inet_twsk_kill tcp_rtx_synack)
QUEUE=(tcp_data_ready $READ tcp_push tcp_ack tcp_write_wakeup tcp_conn_request)
SEGMENT=(ip_queue_xmit ip6_xmit tcp_v4_do_rcv tcp_check_req)

# armed_exactly SYMBOL...: these, and no others of LIFE, QUEUE and SEGMENT, are armed, according to the kernel and to
# status
armed_exactly()
{
	local symbol wanted line lines word
	local -A traced=() told=()
	mapfile -t lines <$TRACED
	for line in "${lines[@]}"; do
		[[ $line != *" ("* ]] || traced[${line%% (*}]=1
	done
	# symbol, level, method, state; a function may have several rows
	mapfile -t lines <$STATUS
	for line in "${lines[@]}"; do
		[[ $line = *armed\ * ]] || continue
		read -ra word <<<"$line"
		told[${word[0]}]+=" ${word[3]-} "
	done
	for symbol in "${LIFE[@]}" "${QUEUE[@]}" "${SEGMENT[@]}"; do
		wanted=disarmed
		[[ " $* " != *" $symbol "* ]] || wanted=armed
		[[ ${traced[$symbol]-} && $wanted = armed || ! ${traced[$symbol]-} && $wanted = disarmed ]] ||
			{ echo "$symbol is not $wanted" && return 1; }
		like "status: $symbol ${told[$symbol]-}" "* $wanted *"
	done
}

# armed_while_asked PARAMETER...
armed_while_asked()
{
	local hits
	load_module "$@"
	armed_exactly
	same "$(armed_level)" off
	connections -p 9102 -n 3
	is "$(counter hits) == 0"

	spawn_ready one ringdump --level life
	armed_exactly "${LIFE[@]}"
	same "$(armed_level)" life
	spawn_ready two ringdump --level queue
	armed_exactly "${LIFE[@]}" "${QUEUE[@]}"
	same "$(armed_level)" queue
	spawn_ready three ringdump --level segment
	armed_exactly "${LIFE[@]}" "${QUEUE[@]}" "${SEGMENT[@]}"
	same "$(armed_level)" segment
	stop three
	armed_exactly "${LIFE[@]}" "${QUEUE[@]}"
	stop two
	armed_exactly "${LIFE[@]}"
	hits=$(probe_hits tcp_ack)
	connections -p 9102 -n 3
	is "$(probe_hits tcp_ack) == $hits"
	is "$(probe_hits tcp_connect) == 3"
	# A killed reader is like one that closed.
	stop one KILL || true
	armed_exactly
	none_armed
	hits=$(counter hits)
	connections -p 9102 -n 3
	is "$(counter hits) == $hits"
	is "$(readers) == 0"
}

@test "probes are armed while a reader asks, and no others than of its level" {
	armed_while_asked
}

@test "probes are armed while a reader asks, with attach=kprobe" {
	armed_while_asked attach=kprobe
	same "$(awk '$3 == "ftrace"' $STATUS)" ""
	# Here the list of kprobes shows it, too.
	spawn_ready one ringdump --level life
	grep -E 'tcp_set_state\+0x[04] ' $KPROBES | fails grep DISABLED
	grep -E 'tcp_ack\+0x[04] ' $KPROBES | grep DISABLED
}

@test "flight=life records with no reader, and a late one finds it" {
	load_module flight=life
	armed_exactly "${LIFE[@]}"
	connections -p 9103 -n 5
	ringdump --oldest --once --no-filter >"$BATS_TEST_TMPDIR/late"
	is "$(lines "$BATS_TEST_TMPDIR/late" type=connect dport=9103) == 5"
	is "$(lines "$BATS_TEST_TMPDIR/late" type=accept sport=9103) == 5"
	is "$(lines "$BATS_TEST_TMPDIR/late" type=recv) == 0"
	same "$(value flight "$(nlfamily info)")" 1
	# A reader that comes and goes does not stop the recording.
	ringdump --level queue --once
	armed_exactly "${LIFE[@]}"
}

@test "flight=queue records queues" {
	load_module flight=queue
	armed_exactly "${LIFE[@]}" "${QUEUE[@]}"
	connections -p 9104
	ringdump --oldest --once --no-filter >"$BATS_TEST_TMPDIR/late"
	is "$(lines "$BATS_TEST_TMPDIR/late" type=recv op=read sport=9104) >= 1"
}

# without SYMBOL: makes a copy of the module whose table has a name for that function that no kernel has
without()
{
	MADE=${1%??}_X
	/bin/sed "s/\x00$1\x00/\x00$MADE\x00/g" "$KO" >"$BATS_TEST_TMPDIR/without.ko"
	fails cmp -s "$KO" "$BATS_TEST_TMPDIR/without.ko"
}

@test "a function that this kernel has not is reported, and the rest works" {
	without tcp_connect
	insmod "$BATS_TEST_TMPDIR/without.ko"
	like "$(kernel_log)" "*tcptrace: no $MADE on this kernel (error -2): what it shows is not visible*"
	same "$(probe_state "$MADE")" "life absent disarmed 0 0"
	like "$(nlfamily probes)" "* symbol=$MADE level=1 method=0 hits=0 missed=0 error=2
*"
	spawn_ready reader ringdump
	connections -p 9105 -n 2
	stop reader
	is "$(lines "$(out_of reader)" type=accept) == 2"
	is "$(lines "$(out_of reader)" type=connect) == 0"
}

@test "where a function has only its older name, that is taken" {
	without __tcp_close
	insmod "$BATS_TEST_TMPDIR/without.ko"
	same "$(probe_state "$MADE")" ""
	like "$(probe_state tcp_close)" "life @(ftrace|kprobe) disarmed 0 0"
	spawn_ready reader ringdump
	armed tcp_close
	connections -p 9110 -n 3
	stop reader
	# Each endpoint is found by its process.
	is "$(lines "$(out_of reader)" type=shutdown op=close '[sd]port=9110' comm=connections) == 6"
}

# in_kallsyms REGEX: not by busybox's grep, which is slow on a hundred thousand lines
in_kallsyms() { LC_ALL=C command grep "$1" /proc/kallsyms >/dev/null; }

@test "where there is no __inet_accept another function says the same" {
	in_kallsyms ' security_sock_graft$' || skip "this kernel is built without LSMs and has no security_sock_graft either"
	without __inet_accept
	insmod "$BATS_TEST_TMPDIR/without.ko"
	# 5.10 also has no drop reasons, and no MPTCP.
	same "$(kernel_log | grep 'not visible' | grep -vE 'no (kfree_skb|mptcp_subflow_data_available) ')" ""
	same "$(probe_state "$MADE")" ""
	like "$(probe_state security_sock_graft)" "life @(ftrace|kprobe) disarmed 0 0"
	spawn_ready reader ringdump
	armed security_sock_graft
	connections -p 9108 -n 3 + -p 9108 -n 2 -f 6
	# The function is called for sockets of other families, too.
	perl -MSocket -e '
		$name = pack_sockaddr_un("\0tcptrace-test");
		socket(A, AF_UNIX, SOCK_STREAM, 0) and bind(A, $name) and listen(A, 1) and
			socket(B, AF_UNIX, SOCK_STREAM, 0) and connect(B, $name) and accept(C, A) or die $!'
	stop reader
	is "$(lines "$(out_of reader)" type=accept sport=9108 comm=connections kind=full) == 5"
	is "$(lines "$(out_of reader)" type=accept) == 5"
}

left_nothing()
{
	fails loaded
	[[ ! -e /proc/tcptrace ]]
	fails in_kallsyms '\[tcptrace\]'
	fails grep -E 'tcp_|inet_' $KPROBES
	fails nobodys_memory
	none_armed
	fails nlfamily info
}

@test "without tcp_set_state it does not load, and leaves nothing" {
	without tcp_set_state
	run -1 insmod "$BATS_TEST_TMPDIR/without.ko"
	like "$(kernel_log)" "*tcptrace: cannot attach to $MADE: error -2*"
	left_nothing
}

@test "unloaded, it leaves nothing" {
	# All these places show the module while it is loaded, so the test looks in the right places.
	load_module flight=queue
	[[ -e /proc/tcptrace ]]
	in_kallsyms '\[tcptrace\]'
	grep -q tcp_ack $KPROBES
	grep -q tcptrace /proc/vmallocinfo
	armed tcp_ack
	nlfamily info
	connections -p 9106 -n 5
	unload_module
	left_nothing
	connections -p 9106 -n 5
}

@test "loaded twice it is refused, and the first stays" {
	load_module
	run -1 load_module
	like "$output" "*File exists*"
	has_line $STATUS 'armed: off'
}
