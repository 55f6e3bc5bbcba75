# SPDX-License-Identifier: GPL-2.0-only
# Loading and unloading, many times: nothing breaks, and nothing is left behind. RELOADS is how often under traffic.
# What is left is judged by what is exact at any number: the kernel's own lists under traffic; at rest the objects that
# its allocator counts, whose number grows with each reload that loses some; and kmemleak where the kernel has it.

load helper
setup()
{
	common_setup
	BUCKETS=$(</proc/sys/net/ipv4/tcp_max_tw_buckets)
	# The number of TIME_WAITs soon stays the same.
	echo 64 >/proc/sys/net/ipv4/tcp_max_tw_buckets
}
teardown()
{
	echo "$BUCKETS" >/proc/sys/net/ipv4/tcp_max_tw_buckets
	sysctl -qw kernel.ftrace_enabled=1
	common_teardown
}

: "${RELOADS:=8}"

# In some reloads all probes are at rest, in others they are hit until they are removed.
PARAMETERS=(ring=64 flight=queue "ring=64 flight=life" attach=kprobe "flight=queue attach=kprobe" "")
LEAKS=/sys/kernel/debug/kmemleak
KMEMLEAK_OFF="kmemleak is switched off (tests/vm/run --kmemleak switches it on)"

# Microseconds between connections. A kernel with all checks would have no CPU time left to load anything.
PAUSE=4000
[[ ${TCPTRACE_KERNEL-} != debug ]] || PAUSE=40000

traffic_begin()
{
	spawn one connections -p 9551 -n 0 --pause $PAUSE
	spawn two connections -p 9552 -n 0 -f 6 -e reset -b 5000 --pause $PAUSE
}

traffic_end()
{
	stop one
	stop two
	cat "$(out_of one)" "$(out_of two)"
	grep -qE '^connections=[1-9][0-9]* errors=0$' "$(out_of one)"
	grep -qE '^connections=[1-9][0-9]* errors=0$' "$(out_of two)"
}

# Whether kmemleak is on (tests/vm/run --kmemleak). If so, it scans only when told to: a scan keeps a CPU busy for so
# long that unloading waits for it. What was lost before does not count.
kmemleak_on() { [[ -e $LEAKS ]] && echo scan=off >$LEAKS && echo clear >$LEAKS; } 2>/dev/null

# Filters that are refused because probes would not fire.
refusals()
{
	sysctl -qw kernel.ftrace_enabled=0
	load_module
	fails ringdump --once
	fails load_module flight=life
	kprobes off
	sysctl -qw kernel.ftrace_enabled=1
	fails ringdump --once
	kprobes on
	unload_module
}

# reloads: under traffic
reloads()
{
	refusals
	traffic_begin
	reload "$KO" "$RELOADS" "${PARAMETERS[@]}"
	traffic_end
	: >"$BATS_FILE_TMPDIR/reloaded"
}

# hooks: everything that is attached anywhere
hooks() { cat $KPROBES $TRACED; }

@test "reloads under traffic: no error, and nothing is left" {
	local hooks
	kmemleak_on || true
	fails nobodys_memory
	hooks=$(hooks)
	reloads
	fails nobodys_memory
	same "$(hooks)" "$hooks" "kprobes and callbacks"
	none_armed
	[[ ! -e /proc/tcptrace ]]
	fails nlfamily info
	# All of this would be noticed.
	load_module flight=queue
	fails same "$(hooks)" "$hooks" >/dev/null
	nlfamily info >/dev/null
}

@test "reloads under traffic: kmemleak finds nothing" {
	[[ -e $LEAKS ]] || skip "this kernel has no kmemleak"
	# Those of the previous test, if it has created them.
	if [[ ! -e $BATS_FILE_TMPDIR/reloaded ]]; then
		kmemleak_on || skip "$KMEMLEAK_OFF"
		reloads
	fi
	echo scan=off >$LEAKS 2>/dev/null || skip "$KMEMLEAK_OFF"
	# kmemleak ignores what is younger than 5 s, and reports what it did not find in two scans.
	echo scan >$LEAKS
	nap 6
	echo scan >$LEAKS
	same "$(<$LEAKS)" ""
}

# The caches from which lost memory would come: objects smaller than a page, and what files in /proc and /sys are made
# of.
objects()
{
	local cache name count
	for cache in /sys/kernel/slab/{kmalloc-*,:*,proc_dir_entry,kernfs_node_cache}/shrink; do
		[[ ! -e $cache ]] || echo 1 >"$cache" || true
	done
	while read -r name count _; do
		case $name in
		kmalloc-* | proc_dir_entry | kernfs_node_cache) echo "$name $count" ;;
		esac
	done </proc/slabinfo
}

# measure FILE: the number of objects, at rest: what is freed with a delay is gone in one of several readings.
measure()
{
	for _ in 1 2 3 4 5; do
		objects
		nap 0.2
	done | awk '!($1 in least) || $2 < least[$1] { least[$1] = $2 } END { for (name in least) print name, least[name] }' | sort >"$1"
}

# growing FILE ROUNDS LEAST: the caches that have grown by LEAST in each round; FILE.said has the history of all that
# changed
growing()
{
	local i files=()
	for ((i = 0; i <= $2; i++)); do
		files+=("$1.$i")
	done
	awk -v least="$3" -v said="$1.said" '
		{ count[$1, FILENAME] = $2; names[$1] }
		END {
			for (name in names) {
				grown = changed = 0
				text = name " " count[name, ARGV[1]]
				for (i = 2; i < ARGC; i++) {
					more = count[name, ARGV[i]] - count[name, ARGV[i - 1]]
					grown += more >= least
					changed += more != 0
					text = text " " count[name, ARGV[i]]
				}
				if (changed) print text >said
				if (grown == ARGC - 2) print name
			}
		}' "${files[@]}"
}

# The counts are exact when the CPUs' own partly used slabs are returned. Whatever else the kernel does makes some
# objects come and go, and increases their number for some rounds; but what is lost at each load increases it in every
# round.
@test "reloads: nothing grows with each of them" {
	local round each=$((RELOADS < 48 ? 6 : RELOADS / 8 / 6 * 6)) file=$BATS_TEST_TMPDIR/round grew=''
	[[ -e /sys/kernel/slab && -r /proc/slabinfo ]] || skip "this kernel does not count its objects"
	! kmemleak_on || skip "kmemleak looks for each single object"
	measure "$file.0"
	is "$(grep -c '^kmalloc-' "$file.0") > 5"
	for ((round = 1; round <= 12; round++)); do
		reload "$KO" "$each" "${PARAMETERS[@]}" >/dev/null
		measure "$file.$round"
		((round >= 3)) || continue
		# Half of the parameters are with flight, and in each round a third asks for one of the levels.
		grew=$(growing "$file" $round $((each / 3)))
		[[ $grew ]] || break
	done
	sed 's/^/# /' "$file.said" >&3 || true
	same "$grew" "" "with each round grew"
}
