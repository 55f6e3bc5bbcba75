#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tests/vm/guest-tests, which stands in for bats in guests: what fails there fails.
set -euo pipefail
cd "${TOP:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/out"
touch "$work/module"
cat >"$work/words.bash" <<-'END'
	passes() { true; }
	# What is wrong is not what it ends with.
	wrong_in_the_middle() { false; true; }
END
count=0

# file TEXT: the tests that are to be run
file() { printf '%s\n' 'load words' "$@" >"$work/99-file.bats"; }

# gives STATUS TEXT...: with that status, and each of these in what it prints
gives()
{
	local status=0 output text
	count=$((count + 1))
	output=$(TCPTRACE_KO=$work/module TESTS_DIR=$work/tests TCPTRACE_OUT=$work/out tests/vm/guest-tests "$work/99-file.bats" 2>/dev/null) ||
		status=$?
	if [[ $status = "$2" ]]; then
		for text in "${@:3}"; do
			[[ $output != *"$text"* ]] && status="$status, without: $text" && break
		done
	fi
	if [[ $status = "$2" ]] && cmp -s <(printf '%s\n' "$output") "$work/out/99.tap"; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		printf '# status %s\n' "$status"
		sed 's/^/# /' <<<"$output"
	fi
}

file '@test "one" {' '	passes' '}' '@test "two" {' '	skip "no reason"' '	false' '}'
gives "what passes, and what is skipped" 0 "ok 1 one" "ok 2 two # skip no reason" "1 passed, 0 failed, 1 skipped"
file '@test "one" {' '	false' '	true' '}' '@test "two" {' '	passes' '}'
gives "a command that fails" 1 "not ok 1 one" "line 3) \`false' failed" "ok 2 two" "1 passed, 1 failed, 0 skipped"
file '@test "one" {' '	wrong_in_the_middle' '}'
gives "one in a function of another file" 1 "not ok 1 one" "0 passed, 1 failed, 0 skipped"
file '@test "one" {' '	run -1 false' '	run -0 false' '	true' '}'
gives "a status that is not the one that was wanted" 1 "not ok 1 one" "ended with status 1, not 0"
file 'setup() { wrong_in_the_middle; }' '@test "one" {' '	passes' '}'
gives "setup" 1 "not ok 1 one"
file 'teardown() { return 1; }' '@test "one" {' '	passes' '}'
gives "teardown" 1 "not ok 1 one" "teardown failed"
file 'setup_file() { wrong_in_the_middle; }' '@test "one" {' '	passes' '}'
gives "setup_file" 1 "not ok - setup_file of 99-file.bats"
file 'teardown_file() { wrong_in_the_middle; }' '@test "one" {' '	passes' '}'
gives "teardown_file" 1 "not ok - teardown_file of 99-file.bats"
file '@test "one" {' '	kill -KILL $BASHPID' '}'
gives "a test whose shell dies" 1 "not ok 1 one"
file '@test "one" {' '	passes' '}' 'passes('
gives "a file that is no shell" 1 "not ok - 99-file.bats cannot be read"
file 'passes'
gives "a file without tests" 1 "0 passed, 0 failed, 0 skipped"
echo "1..$count"
