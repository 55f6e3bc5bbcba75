# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Assertions on numbers, texts, and lines of key=value; each prints the actual value when it fails. For all files of
# this folder, inside and outside of guests: nothing here needs either.

# unseen WHAT: reports for docs/scenarios.md what this kernel does not show of a scenario
unseen() { echo "# unseen: $*" >&3; }

# same GOT WANTED [WHAT]
same()
{
	[[ $1 == "$2" ]] && return
	echo "${3-not the same}:"
	if [[ $1$2 == *$'\n'* ]]; then
		busybox diff -U 0 -L got -L wanted <(printf '%s\n' "$1") <(printf '%s\n' "$2") | head -n 40
	else
		printf ' got:    %s\n wanted: %s\n' "$1" "$2"
	fi
	return 1
}

# like GOT PATTERN: a shell pattern
like()
{
	# shellcheck disable=SC2053 # a pattern it shall be
	[[ $1 == $2 ]] && return
	printf 'not like\n got:    %s\n wanted: %s\n' "$1" "$2"
	return 1
}

# is CONDITION: an arithmetic condition; its variables are shown with their values
is()
{
	local name
	(($*)) && return
	printf 'not so: %s\n' "$*"
	for name in $(grep -oE '[A-Za-z_][A-Za-z_0-9]*' <<<"$*"); do
		printf '  %s is %s\n' "$name" "${!name-unset}"
	done
	return 1
}

# fails COMMAND...: because bats ignores a failing "!"
fails()
{
	if "$@"; then
		echo "did not fail: $*"
		return 1
	fi
}

# has_line FILE PATTERN: a shell pattern for a whole line
has_line()
{
	local line lines
	mapfile -t lines <"$1"
	for line in "${lines[@]}"; do
		# shellcheck disable=SC2053 # a pattern it shall be
		[[ $line == $2 ]] && return
	done
	return 1
}

# ---- lines of key=value ----

# lines FILE WORD...: the number of lines with all these words (each a pattern, between blanks or line ends)
lines()
{
	local file=$1
	shift
	awk -v words="$*" '
		BEGIN { n = split(words, word, " ") }
		/^#/ { next }
		{
			line = " " $0 " "
			for (i = 1; i <= n; i++) if (line !~ " " word[i] " ") next
			found++
		}
		END { print found + 0 }' "$file"
}

# value KEY TEXT: of the first "KEY=value" in it; nothing if there is none
value()
{
	local word
	for word in $2; do
		[[ $word != "$1="* ]] || { echo "${word#*=}"; return; }
	done
}

# picked FILE WORD...: the lines that lines() counts
picked()
{
	local file=$1
	shift
	awk -v words="$*" '
		BEGIN { n = split(words, word, " ") }
		{
			line = " " $0 " "
			for (i = 1; i <= n; i++) if (line !~ " " word[i] " ") next
			print
		}' "$file"
}

# ---- the same for $EVENTS, the JSON output of tcptrace-ctl ----

# said WORD...: exactly one object has them all; it is then in SAID
said()
{
	SAID=$(picked "$EVENTS" "$@")
	[[ -n $SAID && $SAID != *$'\n'* ]] && return
	printf 'not exactly one object with: %s\n%s\n' "$*" "$SAID"
	return 1
}

silent() { is "$(lines "$EVENTS" "$@") == 0"; }

# of KEY: in SAID
of() { value "$1" "$SAID"; }

# in_order WORDS...: events have these (each argument is blank-separated words) in this order, with anything in between
in_order()
{
	awk 'BEGIN { for (i = 2; i < ARGC; i++) wanted[i - 1] = ARGV[i]; count = ARGC - 2; ARGC = 2; next_one = 1 }
		next_one <= count {
			line = " " $0 " "
			n = split(wanted[next_one], word, " ")
			for (i = 1; i <= n; i++) if (line !~ " " word[i] " ") next
			next_one++
		}
		END {
			if (next_one > count) exit
			print "not in this order, this is missing: " wanted[next_one]
			exit 1
		}' "$EVENTS" "$@"
}
