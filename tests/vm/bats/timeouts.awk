# SPDX-License-Identifier: GPL-2.0-only
#
# awk -v away=MS -f timeouts.awk MODULE BPF: BPF's lines, with the module's timeout where a TIME_WAIT that begins has one that
# is not more than so much away. Lines are those of tests/tools/recording.

function number(bytes,   i, sum)
{
	for (i = 7; i > 0; i -= 2)
		sum = sum * 256 + (index(digits, substr(bytes, i, 1)) - 1) * 16 + index(digits, substr(bytes, i + 1, 1)) - 1
	return sum
}

BEGIN {
	digits = "0123456789abcdef"
	# u.totals.timeout in the line: the cookie, " bytes=", and of the 164 bytes before it (tests/abi/layout.txt) all but
	# position and time, which are not shown.
	at = 16 + length(" bytes=") + 2 * (164 - 16) + 1
}

FNR == NR { module[FNR] = $0; next }

/ type=timewait op=begin / {
	apart = number(substr($0, at, 8)) - number(substr(module[FNR], at, 8))
	if (apart >= -away && apart <= away) $0 = substr($0, 1, at - 1) substr(module[FNR], at, 8) substr($0, at + 8)
}

{ print }
