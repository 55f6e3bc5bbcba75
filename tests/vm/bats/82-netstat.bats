# SPDX-License-Identifier: GPL-2.0-only
# tcptrace-ctl netstat beside the real netstat: the same sockets at the same moment, compared character by character.

load helper
load tables
setup() { common_setup; }
teardown() { tables_teardown; }

timeless() { busybox sed -E 's/\([0-9]+\.[0-9]+\//(TIME\//'; }

@test "all states, all shapes" {
	load_source
	all_states 2
	local words state states
	agree netstat -ant
	states=$(awk '/^tcp/ { print $6 }' <<<"$REAL" | sort | busybox uniq -c)
	for state in ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE_WAIT LAST_ACK LISTEN CLOSING; do
		[[ $states$'\n' =~ ([0-9]+)" $state"$'\n' ]]
		is "${BASH_REMATCH[1]} >= 6"
	done
	for words in -antp -ltn -nt -tenW -lntpe -tan4 -tan6 '-tan --wide' '-t --numeric-hosts' '-ant -A inet6' '-tane --numeric-ports'; do
		agree netstat "$words"
	done
	for words in -tenoW -anto -antoep; do
		agree -f timeless netstat "$words"
	done
}

@test "long addresses are cut without -W" {
	load_source
	ip addr add 2001:db8:1111:2222:3333:4444:5555:6666/128 dev lo nodad
	spawn peer bash -c 'exec peer < <(
		echo "listen l 2001:db8:1111:2222:3333:4444:5555:6666 9703"
		echo "connect c 2001:db8:1111:2222:3333:4444:5555:6666 9703"
		exec sleep 300)'
	wait_until has_line "$(out_of peer)" 'ok [1-9]*'
	agree netstat -ant
	agree netstat -antW
	like "$REAL" '*:6666:9703*'
	ip addr del 2001:db8:1111:2222:3333:4444:5555:6666/128 dev lo
}

@test "a harmless name of a program is as in netstat, any other is escaped" {
	local i out=$BATS_TEST_TMPDIR/said pids bad=($'\e[31mR' $'a\nb' $'\xff\xfe' $'\xc2\x9b1m' '\x1b')
	local shown=('\x1b[31mR' 'a\x0ab' '\xff\xfe' '\xc2\x9b1m' '\x5cx1b')
	load_source
	spawn_ready good called -p 9700 nc $'/usr/bin/na\xc3\xafve' 'C:\x' "a 'b\"c" 'as long as there is room for'
	agree netstat -ltnp
	like "$REAL" $'*/na\xc3\xafve *'
	spawn_ready bad called -p 9710 "${bad[@]}"
	mapfile -t pids < <(sed -n 's/^pid=//p' "$(out_of bad)")
	tcptrace-ctl netstat --source="$SOURCE" -ltnp >"$out"
	harmless "$out"
	for i in "${!bad[@]}"; do
		grep -F ":$((9710 + i)) " "$out" | grep -F " ${pids[i]}/${shown[i]} "
	done
}

@test "on terminals as into a pipe" {
	load_source
	all_states 1
	local width
	for width in 40 80 200; do
		agree_on $width "netstat -ant" "netstat -tenaW"
	done
}

tables_are() { [[ $(grep -c '^Active' "$(out_of real)") -ge $1 && $(grep -c '^Active' "$(out_of ours)") -ge $1 ]]; }

@test "again and again with -c" {
	local there
	load_source
	# When no TIME_WAIT of another test ends in between.
	add_netns repeats
	there="nsenter $(netns repeats)"
	# shellcheck disable=SC2086 # words they are
	spawn_ready hold $there connections -H -p 9704 -n 3
	# shellcheck disable=SC2086
	spawn real $there netstat -ntc
	# shellcheck disable=SC2086
	spawn ours $there tcptrace-ctl netstat --source="$SOURCE" -ntc
	wait_until tables_are 3
	stop real INT || true
	stop ours INT
	# Two tables, each with two lines of heading and six sockets.
	REAL=$(head -n 16 "$(out_of real)")
	OURS=$(head -n 16 "$(out_of ours)")
	same "$OURS" "$REAL"
	same "$(grep -c ^Active <<<"$OURS")" 2
	same "$(grep -c ^tcp <<<"$OURS")" 12
	is "$(grep -c 9704 "$(out_of ours)") >= 18"
}

@test "bad options end as in netstat" {
	load_source
	local words
	for words in --bad -y '-A nowhere' '-tan --numeric-nothing'; do
		ends_alike "netstat $words"
		is "THEIRS != 0"
	done
	tcptrace-ctl netstat -h >/dev/null
}

@test "a recording shows what was there when it began, to anybody" {
	load_source
	spawn_ready hold connections -H -p 9707 -n 5 -u 100
	busybox grep ':9707 ' <(netstat -ant) >"$BATS_TEST_TMPDIR/real"
	tcptrace-ctl record --source="$SOURCE" --quiet --duration=0.1 "$BATS_TEST_TMPDIR/kept" 9707
	stop hold
	! loaded || unload_module
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
		tcptrace-ctl netstat -ant --source=- <"$BATS_TEST_TMPDIR/kept" >"$BATS_TEST_TMPDIR/ours"
	same "$(grep ':9707 ' "$BATS_TEST_TMPDIR/ours")" "$(<"$BATS_TEST_TMPDIR/real")"
	is "$(grep -c . "$BATS_TEST_TMPDIR/real") == 11"
	like "$(tcptrace-ctl netstat -tanpo --source="$BATS_TEST_TMPDIR/kept" 2>&1 >/dev/null)" '*not in a recording*-p*timers*'
}
