# SPDX-License-Identifier: GPL-2.0-only
# Loading and unloading, many times, under traffic: nothing breaks and nothing is left.
# RELOADS says how often. 500, which show a leak of one object at each, are a quarter of an hour; 150 show one of two, and
# in a guest with kmemleak a few show any. Before 6.2 each symbol was looked for through all that there are, which makes loading slow
# in an emulated guest.

load helper
setup() { common_setup; }
teardown() { common_teardown; }

case ${TCPTRACE_KERNEL-} in
6.12) : "${RELOADS:=150}" ;;
5.10 | 6.1) : "${RELOADS:=50}" ;;
debug) : "${RELOADS:=6}" ;;
*) : "${RELOADS:=100}" ;;
esac

# Some leave all probes at rest, in others they are hit until the moment that they go.
PARAMETERS=(ring=64 flight=queue "ring=64 flight=life" attach=kprobe "flight=queue attach=kprobe" "")

traffic_begin()
{
	spawn one connections -p 9551 -n 0 --pause 3000
	spawn two connections -p 9552 -n 0 -f 6 -e reset -b 5000 --pause 5000
}

traffic_end()
{
	stop one
	stop two
	cat "$(out_of one)" "$(out_of two)"
	grep -qE '^connections=[1-9][0-9]* errors=0$' "$(out_of one)"
	grep -qE '^connections=[1-9][0-9]* errors=0$' "$(out_of two)"
}

# measure FILE: name and amount of what a leak would make grow. Objects of slabs are counted exactly only
# when the CPUs' own partly used slabs are given back.
measure()
{
	local cache
	kill -STOP "${JOBS[one]}" "${JOBS[two]}"
	nap 2
	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 >"$cache" || true
	done
	{
		awk '$1 ~ /^(kmalloc-.*|proc_dir_entry|kernfs_node_cache)$/ { print $1, $2 }' /proc/slabinfo
		awk '$1 == "VmallocUsed:" || $1 == "Percpu:" { print $1, $2 }' /proc/meminfo
	} >"$1"
	kill -CONT "${JOBS[one]}" "${JOBS[two]}"
}

@test "$RELOADS reloads under traffic: no error, nothing left, and from 150 on nothing grows" {
	local before=$BATS_TEST_TMPDIR/before after=$BATS_TEST_TMPDIR/after
	traffic_begin
	if ((RELOADS >= 150)); then
		# What is allocated only once, by the kernel too.
		reload "$KO" 12 "${PARAMETERS[@]}"
		measure "$before"
	fi
	reload "$KO" "$RELOADS" "${PARAMETERS[@]}"
	((RELOADS < 150)) || measure "$after"
	traffic_end
	fails grep tcptrace /proc/vmallocinfo
	none_armed
	((RELOADS >= 150)) || return 0

	# Other parts of the kernel let them grow and shrink, by up to 256, which are two slabs of the smallest. What is lost
	# at each reload, or at each with flight, shows above that from 500 on; with 150 it is what two are lost of.
	awk -v reloads="$RELOADS" '
		NR == FNR { before[$1] = $2; next }
		$2 != before[$1] { print $1, before[$1], "->", $2 }
		$2 - before[$1] >= (reloads >= 500 ? reloads / 2 : 300) { bad = bad " " $1 }
		END { if (bad) print "grew:" bad; exit bad != "" }' "$before" "$after"
}

@test "reloads under traffic: kmemleak finds nothing" {
	local leaks=/sys/kernel/debug/kmemleak
	[[ -e $leaks ]] || skip "this kernel has no kmemleak"
	echo clear >$leaks 2>/dev/null || skip "kmemleak is switched off (tests/vm/run --kmemleak switches it on)"
	traffic_begin
	reload "$KO" 6 "${PARAMETERS[@]}"
	traffic_end
	# It reports what it did not find twice.
	echo scan >$leaks
	nap 6
	echo scan >$leaks
	same "$(<$leaks)" ""
}
