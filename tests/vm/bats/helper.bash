# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the files of this folder share. Each begins with
#
#	load helper
#	setup() { common_setup; }
#	teardown() { common_teardown; }
#
# A test loads the module itself, with the parameters it needs. What it starts with spawn() ends with it.
# teardown() ends all of that, unloads the module (which must work), and fails a test in which the kernel
# reported something or became tainted.
#
# In an emulated guest, starting a program takes most of the time: 0.1 s, and a fork of the shell 0.03 s. So
# the shell itself reads files where that is as clear; see also emulated.bash.

TREE=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd -P)
PATH=$TREE/build/tools:$TREE/build:$PATH
KO=${TCPTRACE_KO:-$TREE/build/${TCPTRACE_KERNEL:-$(uname -r)}/tcptrace.ko}
STATUS=/proc/tcptrace/status
# shellcheck disable=SC2034 # of use to the tests
KPROBES=/sys/kernel/debug/kprobes/list
TRACED=/sys/kernel/tracing/enabled_functions

# 5.10 has no function that an accepted connection passes together with its listener. There accept is seen in another one.
ACCEPT=__inet_accept READ=__tcp_cleanup_rbuf
[[ $(</proc/sys/kernel/osrelease) != 5.10.* ]] || ACCEPT=security_sock_graft READ=tcp_cleanup_rbuf

# The taint flags of loading this module: out of tree, not signed.
TAINT_OF_MODULE=$((1 << 12 | 1 << 13))

# shellcheck source=tests/vm/emulated.bash
. "$TREE/tests/vm/emulated.bash"
# shellcheck source=tests/vm/bats/assert.bash
. "$BATS_TEST_DIRNAME/assert.bash"

# ---- the beginning and end of each test ----

common_setup()
{
	declare -gA JOBS=()
	NETNS=()
	LOG_ALLOWED=()	# --allow REGEX of tests/vm/klog
	! loaded || rmmod tcptrace
	TAINT=$(</proc/sys/kernel/tainted)
	LOG_MARK="test ${BATS_TEST_FILENAME##*/} $BATS_TEST_NUMBER begins"
	echo "<6>$LOG_MARK" >/dev/kmsg
}

common_teardown()
{
	local name failed=0 taint

	kprobes on
	for name in "${!JOBS[@]}"; do
		kill -CONT "${JOBS[$name]}" 2>/dev/null || true
		kill -KILL "${JOBS[$name]}" 2>/dev/null || true
		wait "${JOBS[$name]}" 2>/dev/null || true
		if [[ ! $BATS_TEST_COMPLETED && -s $BATS_TEST_TMPDIR/$name.err ]]; then
			echo "$name said:"
			head -n 20 "$BATS_TEST_TMPDIR/$name.err"
		fi
	done
	for name in "${NETNS[@]}"; do
		ip netns del "$name" || true
	done
	if loaded; then
		[[ $BATS_TEST_COMPLETED ]] || grep -vE 'disarmed +0 +0$' $STATUS || true
		rmmod tcptrace || failed=1
	fi
	kernel_log | "$TREE/tests/vm/klog" "${LOG_ALLOWED[@]}" || failed=1
	taint=$(</proc/sys/kernel/tainted)
	if ((taint & ~(TAINT | TAINT_OF_MODULE))); then
		echo "the kernel was tainted: $TAINT before, $taint after"
		failed=1
	fi
	return $failed
}

# What the kernel has logged since this test began.
kernel_log()
{
	busybox dmesg | awk -v mark="$LOG_MARK" '
		{ lines[n++] = $0 }
		index($0, mark) { seen = 1; n = 0 }
		END {
			if (!seen) print "WARNING: the log of the kernel has lost where this test began"
			for (i = 0; i < n; i++) print lines[i]
		}'
}

# wait_until COMMAND...: polls. The deadline ends a hang; it measures nothing.
wait_until()
{
	local end=$((SECONDS + ${DEADLINE:-120}))
	until "$@" >/dev/null; do
		if ((SECONDS >= end)); then
			echo "did not come true: $*"
			return 1
		fi
		nap
	done
}

# ---- the module ----

loaded() { [[ -e /sys/module/tcptrace ]]; }
# The source of records for files that do not care: $TCPTRACE_SOURCE, module or bpf.
# The program reads the same variable as the default of --source; unset, it is auto.
SOURCE=${TCPTRACE_SOURCE:-module}
[[ $SOURCE = bpf ]] || unset TCPTRACE_SOURCE
# load_source [PARAMETER...]: loads the module, if that is the source
load_source() { [[ $SOURCE = bpf ]] || load_module "$@"; }
unload_source() { [[ $SOURCE = bpf ]] || unload_module; }
# module_only WHAT: skips a test of something that only the module has
module_only() { [[ $SOURCE = module ]] || skip "the module's: $1"; }
# $TCPTRACE_PARAMS: parameters for every load, such as attach=kprobe; those of a test come later and win.
# shellcheck disable=SC2086 # several words they may be
load_module() { insmod "$KO" ${TCPTRACE_PARAMS-} "$@"; }
unload_module() { rmmod tcptrace; }
# Memory that the kernel attributes to a function that no longer exists: of a module that was unloaded.
nobodys_memory() { grep -E '^0x[^ ]+ +[0-9]+ 0x' /proc/vmallocinfo; }

possible_cpus()
{
	local range
	range=$(</sys/devices/system/cpu/possible)
	echo $((${range##*-} + 1))
}
# Not nproc --all: that also counts CPUs that may come online.
online_cpus() { grep -c ^processor /proc/cpuinfo; }

# kprobes on|off: all of the kernel's. They are switched on again after each test.
KPROBES_ENABLED=/sys/kernel/debug/kprobes/enabled
kprobes()
{
	local -A word=([on]=1 [off]=0)
	echo "${word[$1]}" >$KPROBES_ENABLED
}

# Is anything called at the entry of this function, by a kprobe or an ftrace callback? According to the kernel.
armed() { has_line $TRACED "$1 (*"; }
none_armed() { fails grep -E '^_*(tcp|inet|sk|ip|ip6)_' $TRACED; }

# probe_state SYMBOL: level method state hits missed; status_field N of that line
probe_state()
{
	local line lines word
	mapfile -t lines <$STATUS
	for line in "${lines[@]}"; do
		read -ra word <<<"$line"
		[[ ${word[0]-} != "$1" ]] || echo "${word[@]:1}"
	done
}
probe_hits()
{
	local state
	state=$(probe_state "$1")
	state=${state% *}
	echo "${state##* }"
}
armed_level() { probe_state armed:; }

# counter hits|published|filtered|ignored|lost: the sum of all CPUs
counter()
{
	awk -v name="$1" '
		$1 == "cpu" { for (i = 1; i <= NF; i++) if ($i == name) column = i; next }
		column && $1 == "id" { exit }
		column { sum += $column }
		END { print sum + 0 }' $STATUS
}
# When idle, each hit is accounted for on each CPU.
counters_agree()
{
	awk '
		$1 == "cpu" { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$1 == "id" { exit }
		at["hits"] && NF { seen++; bad += $at["hits"] != $at["published"] + $at["filtered"] + $at["ignored"] + $at["lost"] }
		END { exit !seen || bad }' $STATUS
}
# How many files are open for reading events.
readers() { awk 'seen { n++ } $1 == "id" && $5 == "reader" { seen = 1 } END { print n + 0 }' $STATUS; }
no_readers()
{
	[[ $SOURCE != bpf ]] || { fails armed tcp_set_state; return; }
	[[ $(readers) = 0 ]]
}

# ---- processes ----

# spawn NAME COMMAND...: a program in the background, not a function, so that its process is the one that is ended; its output is in $NAME.out below $BATS_TEST_TMPDIR, see out_of
spawn()
{
	local name=$1
	shift
	# Not by the child alone: until it runs, the output of an earlier one with this name would be taken for its own.
	: >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err"
	exec "$@" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- </dev/null &
	JOBS[$name]=$!
}
out_of() { echo "$BATS_TEST_TMPDIR/$1.out"; }

running() { kill -0 "${JOBS[$1]}" 2>/dev/null; }

ready() { has_line "$BATS_TEST_TMPDIR/$1.out" '# ready*'; }
ready_or_over() { ready "$1" || ! running "$1"; }

# spawn_ready NAME COMMAND...: the same, and waits until it prints "# ready"
spawn_ready()
{
	spawn "$@"
	wait_until ready_or_over "$1"
	if ! ready "$1"; then
		echo "$1 ended before it was ready"
		cat "$BATS_TEST_TMPDIR/$1".{out,err}
		return 1
	fi
}

# harmless FILE: it is UTF-8 without control characters, except newlines
harmless()
{
	local bad
	bad=$({
		LC_ALL=C command grep -naP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$1"
		LC_ALL=C.UTF-8 command grep -naxv '.*' "$1"
	} | cat -v) || true
	[[ ! $bad ]] && return
	printf 'not harmless: %s\n%s\n' "$1" "$bad"
	return 1
}

# stop NAME [SIGNAL]: and waits until it ends; returns its status
stop()
{
	local pid=${JOBS[$1]}
	kill -"${2:-TERM}" "$pid"
	unset "JOBS[$1]"
	wait "$pid"
}

# finish NAME: waits until it ends; returns its status
finish()
{
	local pid=${JOBS[$1]}
	unset "JOBS[$1]"
	wait "$pid"
}

# add_netns NAME: deleted when the test ends
add_netns()
{
	ip netns add "$1"
	NETNS+=("$1")
	ip -n "$1" link set lo up
}
# For: nsenter $(netns NAME) COMMAND... (ip netns exec would mount another /sys, without what is mounted below it)
netns() { echo "--net=/run/netns/$1"; }
netns_inode() { stat -Lc %i "/run/netns/$1"; }

# with CAPABILITIES COMMAND...: root with only these, such as "net_admin,perfmon"
with() { setpriv --bounding-set "-all,+${1//,/,+}" --inh-caps -all "${@:2}"; }
# as_nobody COMMAND...: without any rights
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"; }
