# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the module and its readers hold, sampled repeatedly, and whether it grows.

# shellcheck disable=SC2034 # of soak
SAMPLE_S=10	# between two samples
SETTLED_S=90	# TIME_WAIT lasts 60 s: until then a model that remembers each end fills

# Bytes of the module's own memory, by who asked for it.
module_bytes() { awk '/tcptrace/ { bytes += $2 } END { print bytes + 0 }' /proc/vmallocinfo; }

# anon_kb PID: a process's own memory; the rings that it maps are the module's
anon_kb() { awk '$1 == "RssAnon:" { print $2 }' "/proc/$1/status"; }
rss_kb() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"; }

# sample: a line "SECONDS RECORD LIFE MODULE", KiB, KiB, bytes
sample()
{
	echo "$((EPOCHSECONDS - BEGAN)) $(anon_kb "$RECORD") $(anon_kb "$LIFE") $(module_bytes)" >>"$WORK/samples"
}

# objects FILE: of the kernel's caches, after the CPUs' own partly used slabs are returned
objects()
{
	local cache
	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 >"$cache" 2>/dev/null || true
	done
	awk '$1 ~ /^(kmalloc-.*|TCP|TCPv6|tw_sock_TCP.*|request_sock_TCP.*|kernfs_node_cache)$/ { print $1, $2 }' /proc/slabinfo >"$1"
}

# peak COLUMN FROM TO: of the samples from second FROM to before second TO
peak()
{
	awk -v column="$1" -v from="$2" -v to="$3" '
		$1 >= from && $1 < to && $column > most { most = $column }
		END { print most + 0 }' "$WORK/samples"
}

# does_not_grow NAME COLUMN: compares its peak in the last third of the traffic with the third before
does_not_grow()
{
	local third=$(((DURATION - SETTLED_S) / 2)) before after
	if ((third < 60)); then
		echo "# $1: too short to tell whether it grows, from $(head -n 1 "$WORK/samples" | awk -v c="$2" '{ print $c }') KiB to $(peak "$2" 0 $((DURATION + 1)))"
		return
	fi
	before=$(peak "$2" $SETTLED_S $((SETTLED_S + third)))
	after=$(peak "$2" $((SETTLED_S + third)) $((DURATION + 1)))
	holds "$1: own memory does not grow, KiB, peaks of the first and the second half after $SETTLED_S s" \
		"$after <= $before + $before / 20 + 256"
}

check_memory()
{
	local connections=$1
	does_not_grow "record" 2
	does_not_grow "life" 3
	same "the module holds what it held, bytes" "$(awk '{ print $4 }' "$WORK/samples" | sort -u | tr '\n' ' ')" "$(head -n 1 "$WORK/samples" | awk '{ print $4 }') "
	# A loss for each connection, or for one in ten, would be more than what else comes and goes.
	if awk -v most=$((connections / 10 + 300)) '
		NR == FNR { before[$1] = $2; next }
		$2 != before[$1] { printf "# %s: %d, %d at the end\n", $1, before[$1], $2 }
		$2 - before[$1] > most { bad = 1 }
		END { exit bad }' "$WORK/objects.begin" "$WORK/objects.end"; then
		ok "none of the kernel's caches grew by as much as a tenth of the connections"
	else
		not_ok "caches of the kernel grew by more than a tenth of the connections"
	fi
}
