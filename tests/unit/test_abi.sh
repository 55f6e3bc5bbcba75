#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The uapi's layout, as the debug information of each build has it, against the golden one.
set -euo pipefail
count=0
golden=${TOP:?}/tests/abi/layout.txt

for object in "${BUILD:?}"/tcptrace-ctl "$BUILD"/*/tcptrace.ko; do
	[ -e "$object" ] || continue
	count=$((count + 1))
	name=${object#"$BUILD/"}
	if difference=$("$TOP/tests/abi/dump" "$object" | diff "$golden" -); then
		echo "ok $count - the layout in $name"
	elif ! readelf -S "$object" | grep -q '\.debug_info'; then
		echo "ok $count - the layout in $name # SKIP built without debug information"
	else
		echo "not ok $count - the layout in $name"
		printf '%s\n' "$difference" | sed 's/^/# /'
	fi
done
echo "1..$count"
