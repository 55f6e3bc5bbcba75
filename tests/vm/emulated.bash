# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For scripts that run in an emulated guest, where starting programs takes most of the time: small tools are busybox's,
# which are static and start in a fraction of it.

awk() { busybox awk "$@"; }
cat() { busybox cat "$@"; }
cut() { busybox cut "$@"; }
grep() { busybox grep "$@"; }
head() { busybox head "$@"; }
sort() { busybox sort "$@"; }
sysctl() { busybox sysctl "$@"; }
tail() { busybox tail "$@"; }
tr() { busybox tr "$@"; }

# Nothing is ever written to it: for waiting without a program.
exec {NOTHING}<> <(:)
# shellcheck disable=SC2120
nap() { read -rt "${1-0.1}" -u "$NOTHING" || true; }
