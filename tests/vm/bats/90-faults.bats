# SPDX-License-Identifier: GPL-2.0-only
# What fails, goes away or interferes at the worst moment: allocations that fail, memory that runs short, CPUs and
# namespaces that go, tracers of the same functions. Afterwards everything is as before: nobody reads, nothing is armed,
# each hit is accounted for, and a reader sees every connection. What other files do of the table of faults in
# docs/testing.md is not repeated.

load helper

CPU1=/sys/devices/system/cpu/cpu1/online
CGROUP=/sys/fs/cgroup/tcptrace-test
LEAKS=/sys/kernel/debug/kmemleak
FAULTS=/sys/kernel/debug
TRACING=/sys/kernel/tracing

# What was lost before does not count.
setup_file() { ! kmemleak_on || echo clear >$LEAKS; }
setup() { common_setup; }
teardown()
{
	faults_off
	echo nop >$TRACING/current_tracer
	echo >$TRACING/set_ftrace_filter
	[[ ! -e $CPU1 ]] || echo 1 >$CPU1
	common_teardown
	local status=$?
	[[ ! -e $CGROUP ]] || rmdir $CGROUP || status=1
	return $status
}

kmemleak_on() { [[ -e $LEAKS ]] && echo scan=off >$LEAKS; } 2>/dev/null

# ---- faults ----

# An allocation may fail whether or not it may wait. The kernel logs some failures with a stack trace; a report has
# another line as well.
faults_on()
{
	local fault
	[[ -e /proc/self/fail-nth ]] || skip "this kernel has no fault injection"
	LOG_ALLOWED=(--allow "Call Trace:" --allow "RIP: 0033:")
	for fault in $FAULTS/fail{slab,_page_alloc,_usercopy}; do
		[[ -e $fault ]] || continue
		echo 0 >"$fault/verbose"
		[[ ! -e $fault/ignore-gfp-wait ]] || echo N >"$fault/ignore-gfp-wait"
		[[ ! -e $fault/ignore-gfp-highmem ]] || echo N >"$fault/ignore-gfp-highmem"
		[[ ! -e $fault/min-order ]] || echo 0 >"$fault/min-order"
	done
}
faults_off()
{
	local fault
	for fault in $FAULTS/fail{slab,_page_alloc,_usercopy}; do
		[[ ! -e $fault ]] || echo 0 >"$fault/probability"
	done
}

# walked LEAST-ERRORS OPERATION...: allocations of each operation have failed, and at least so many of its calls
walked()
{
	local least=$1 line
	shift
	run -0 faults "${FAULTS_MOST:-12}" $RANDOM "$@"
	echo "$output"
	same "${#lines[@]}" $#
	for line in "${lines[@]}"; do
		[[ $line =~ ^[a-z]+:\ allocations=[0-9]+\ faults=([0-9]+)\ errors=([0-9]+)$ ]]
		is "${BASH_REMATCH[1]} > 0 && ${BASH_REMATCH[2]} >= $least"
	done
}

# ---- afterwards ----

# accepted READER PORT: how many connections it was told of
accepted() { lines "$(out_of "$1")" type=accept sport="$2"; }

# Nobody reads, nothing is armed; a new reader sees each connection; and then it is as before again.
all_is_well()
{
	no_readers
	spawn_ready after ringdump --mine --clause sport=9600
	connections -p 9600 -n 5
	stop after
	is "$(accepted after 9600) == 5"
	no_readers
	same "$(armed_level)" off
	none_armed
	wait_until counters_agree
}

@test "allocations fail: files, filters, mappings, the snapshot, status" {
	faults_on
	load_module ring=64
	spawn_ready held connections -p 9601 -n 3 --hold
	walked 1 events life segment sockets status
	# These may do without what they do not get.
	walked 0 close map read
	stop held
	all_is_well
}

@test "allocations fail: netlink" {
	faults_on
	load_module ring=64
	walked 1 info probes cpus filters subscribe
	all_is_well
}

@test "allocations fail all over the loading of the module" {
	local hooks
	faults_on
	fails nobodys_memory
	hooks=$(cat $KPROBES $TRACED)
	run -0 faults "${FAULTS_MOST:-20}" $RANDOM load "$KO" "ring=64 flight=segment"
	echo "$output"
	[[ $output =~ ^load:\ allocations=([0-9]+)\ faults=([0-9]+)\ errors=([0-9]+)$ ]]
	is "${BASH_REMATCH[1]} > 100 && ${BASH_REMATCH[2]} > 0 && ${BASH_REMATCH[3]} > 0"
	fails loaded
	fails nobodys_memory
	same "$(cat $KPROBES $TRACED)" "$hooks" "kprobes and callbacks"
	[[ ! -e /proc/tcptrace ]]
	load_module ring=64
	all_is_well
}

@test "allocations fail now and then, under traffic" {
	local fault line calls=0 errors=0
	faults_on
	load_module ring=64
	spawn traffic connections -p 9602 -n 0 --pause 20000
	for fault in $FAULTS/fail{slab,_page_alloc}; do
		echo Y >"$fault/task-filter"
		echo 5 >"$fault/interval"
		echo -1 >"$fault/times"
		echo 100 >"$fault/probability"
	done
	# Without life and segment: if arming fails half-way, what is armed already would be disarmed without memory.
	run -0 faults often 20 events map sockets read status info probes cpus filters subscribe
	faults_off
	wait_until no_readers
	echo "$output"
	for line in "${lines[@]}"; do
		[[ $line =~ ^[a-z]+:\ calls=([0-9]+)\ errors=([0-9]+)$ ]]
		calls=$((calls + BASH_REMATCH[1])) errors=$((errors + BASH_REMATCH[2]))
	done
	is "errors > 0 && errors < calls"
	stop traffic
	all_is_well
}

held_in_cgroup()
{
	spawn_ready held bash -c "echo \$\$ >$CGROUP/cgroup.procs; exec connections -p 9603 -n 2 --hold --unsent 3000000"
}

@test "memory is short where connections and their reader live" {
	local usage
	[[ -e /sys/fs/cgroup/cgroup.controllers ]] || skip "no cgroups of version 2"
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || skip "this kernel has no memory cgroups"
	load_module
	mkdir $CGROUP
	spawn_ready reader bash -c "echo \$\$ >$CGROUP/cgroup.procs; exec ringdump --mine --clause sport=9603"
	held_in_cgroup
	usage=$(<$CGROUP/memory.current)
	stop held || true
	# Not memory.max, which would kill a process for what it needs itself, apart from its sockets. And little less
	# than is needed: the kernel makes a process sleep for the square of the excess.
	echo $((usage / 20 * 19)) >$CGROUP/memory.high
	held_in_cgroup
	# According to the kernel, it was reached.
	cat $CGROUP/memory.events
	grep -qE '^high [1-9]' $CGROUP/memory.events
	stop held || true
	stop reader
	is "$(accepted reader 9603) == 4"
	all_is_well
}

# ---- what goes ----

@test "a CPU goes and comes while rings are read: no record is missing" {
	local i
	[[ -e $CPU1 ]] || skip "one CPU only"
	load_module
	spawn_ready reader ringdump --mine --clause sport=9604 --clause sport=9605
	spawn traffic connections -p 9604 -n 0 --pause 2000
	for ((i = 0; i < 6; i++)); do
		taskset -c 1 connections -p 9605 -n 3
		echo 0 >$CPU1
		connections -p 9605 -n 3
		echo 1 >$CPU1
	done
	stop traffic
	stop reader
	cat "$(out_of traffic)"
	# Its last message about what it lost.
	tail -n 1 "$(out_of reader)"
	is "$(accepted reader 9605) == 36"
	grep -qx "connections=$(accepted reader 9604) errors=0" "$(out_of traffic)"
	all_is_well
}

@test "the module goes and comes in a storm, while a CPU does" {
	[[ -e $CPU1 ]] || skip "one CPU only"
	spawn storm storm -p 9606 --pause 3000
	spawn hotplug bash -c "while :; do echo 0 >$CPU1; echo 1 >$CPU1; done"
	reload "$KO" 8 ring=64 "ring=64 flight=segment" attach=kprobe
	running storm
	running hotplug
	stop hotplug || true
	stop storm
	echo 1 >$CPU1
	load_module
	all_is_well
}

namespace_gone() { snapshot | awk -v netns="netns=$1" '{ for (i = 1; i <= NF; i++) found += $i == netns } END { exit found > 0 }'; }

@test "a namespace goes, with its sockets, while it is read" {
	local netns
	load_module
	add_netns going
	netns=$(netns_inode going)
	spawn_ready reader ringdump --mine --level segment --clause netns="$netns"
	spawn_ready life nlfamily --rcvbuf 1000000 life
	spawn_ready held nsenter "$(netns going)" connections -p 9607 -n 4 --hold
	fails namespace_gone "$netns"
	stop held KILL || true
	ip netns del going
	NETNS=()
	wait_until namespace_gone "$netns"
	stop life
	stop reader
	is "$(accepted reader 9607) == 4"
	# The group is read until the next record finds nobody there.
	connections -p 9607
	wait_until no_readers
	all_is_well
}

# ---- who else traces ----

@test "both tracers of the kernel on the same functions, before, during and after" {
	local tracer
	printf '%s\n' 'tcp_*' '__tcp_*' 'inet_*' >$TRACING/set_ftrace_filter
	for tracer in function function_graph; do
		grep -qw $tracer $TRACING/available_tracers || skip "this kernel has no tracer of functions"
		echo $tracer >$TRACING/current_tracer
		load_module
		spawn_ready reader ringdump --mine --level segment --clause sport=9608
		connections -p 9608 -n 5 -b 3000
		echo nop >$TRACING/current_tracer
		connections -p 9608 -n 5 -b 3000
		echo $tracer >$TRACING/current_tracer
		connections -p 9608 -n 5 -b 3000
		stop reader
		is "$(accepted reader 9608) == 15"
		wait_until counters_agree
		unload_module
		echo nop >$TRACING/current_tracer
	done
	echo >$TRACING/set_ftrace_filter
	load_module
	all_is_well
}

# ---- and nothing is left of all that ----

@test "kmemleak finds nothing" {
	kmemleak_on || skip "kmemleak is switched off (tests/vm/run --kmemleak switches it on)"
	# kmemleak ignores what is younger than 5 s, and reports what it did not find in two scans.
	echo scan >$LEAKS
	nap 6
	echo scan >$LEAKS
	same "$(<$LEAKS)" ""
}
