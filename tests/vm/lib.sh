# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts of this folder share: messages, paths, the two tables.

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TREE=$(cd "$VM_DIR/../.." && pwd -P)
CACHE=${TCPTRACE_CACHE:-$TREE/.cache}
case $CACHE in
/*) ;;
*) CACHE=$PWD/$CACHE ;;
esac

note()
{
	printf '== %s\n' "$*" >&2
}

warn()
{
	printf '%s: warning: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# table FILE: its rows, without comments and blank lines
table()
{
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$VM_DIR/$1"
}

# kernel_row NAME: suites, image, headers, compiler, root, default; fails if there is no such kernel
kernel_row()
{
	table kernels | awk -v name="$1" '$1 == name { print $2, $3, $4, $5, $6, $7; n++ } END { exit !n }'
}

kernel_names()
{
	table kernels | awk '{ print $1 }'
}

default_kernels()
{
	table kernels | awk '$7 == "yes" { print $1 }'
}

# kernel_root NAME: the folder that holds an unpacked kernel (a link to its release)
kernel_root()
{
	printf '%s/kernels/%s\n' "$CACHE" "$1"
}

# root_folder RELEASE: the folder that looks like a machine with that release of Debian (lib-root.sh)
root_folder()
{
	printf '%s/root/%s\n' "$(readlink -m "$CACHE")" "$1"
}

# with_lock NAME COMMAND...: one such command at a time among all users of the cache.
# A subshell, not "|| rc=": that would switch "set -e" off inside COMMAND.
with_lock()
{
	local name=$1
	shift
	mkdir -p "$CACHE/lock"
	(
		exec {fd}>"$CACHE/lock/$name"
		flock "$fd"
		"$@"
	)
}
