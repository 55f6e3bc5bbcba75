# SPDX-License-Identifier: GPL-2.0-only
# tcptrace-ctl ss beside the real ss: the same sockets at the same moment, character by character.

load helper
load tables
setup() { common_setup; }
teardown() { tables_teardown; }

# The times of timers, and what goes by the millisecond.
timeless() { sed -E 's/timer:\(([a-z]+),[^,]*,/timer:(\1,TIME,/; s/ (lastsnd|lastrcv|lastack|busy|(rwnd|sndbuf)_limited):[^ ]*/ \1/g; s/ +(\r?)$/\1/'; }

@test "all states, all shapes, into a pipe and on terminals" {
	load_source
	all_states 3
	local words width
	agree ss -tan
	is "$(grep -c . <<<"$REAL") > 150"
	for state in ESTAB SYN-SENT SYN-RECV FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSE-WAIT LAST-ACK LISTEN CLOSING; do
		is "$(grep -c "^$state " <<<"$REAL") >= 9"
	done
	for words in -t -tn -tanH -ltn -tanO -ta -t4an -tan6 '-tan -4 -6' '-tan -6 -4' '-tanf inet6' '-tanl' '-s' '-t -s' '-tn state syn-recv' 'state time-wait' \
		'-tn state connected exclude bucket' '-tnH state all exclude established exclude listening' \
		"-tan '( sport = :9723 or dport = :9723 ) and not dst 10.0.0.0/8'" "-tan sport = :9723 or dport = :9743 and src [::1]" \
		"-tan dst ::ffff:127.0.0.1" "-tn4 dport gt 9730" "-tan dev lo"; do
		agree "ss $words"
	done
	for width in 20 61 80 99 140 250; do
		for words in -tan -ltn '-tanH state fin-wait-1'; do
			steady cat "$(on_terminal $width "ss $words")" "$(on_terminal $width "tcptrace-ctl ss $words")"
			same "$OURS" "$REAL" "ss $words on $width columns"
		done
	done
}

@test "what records do not carry, by sock_diag and /proc" {
	load_source
	all_states 1
	local words
	export -f timeless
	for words in -ltnp -tanp -tane -tanm -tano -tani -tie -tmo -tanoemip -tanoemipO '-tan --tos' '-tan --cgroup' '-tan --inet-sockopt'; do
		agree -f timeless ss "$words"
	done
	like "$REAL" '*inet-sockopt*'
}

@test "bad words end as in ss" {
	load_source
	local words theirs status
	for words in --bad '-tan sport' "-tan '( sport = :1'" '-tan state nowhere' '-tan sport=:9090' '-tan src 1.2.3.4.5' \
		'-tan dport = :nosuchservice' '-f nowhere' '-A nowhere'; do
		theirs=0 status=0
		bash -c "ss $words" >/dev/null 2>&1 || theirs=$?
		bash -c "tcptrace-ctl ss $words" >/dev/null 2>&1 || status=$?
		same "$status" "$theirs" "ss $words"
		is "theirs != 0"
	done
}

@test "another network namespace, and none of its sockets here" {
	load_source
	add_netns other
	spawn_ready hold nsenter "$(netns other)" connections -H -p 9701 -n 3
	agree ss -tan
	fails grep -q 9701 <<<"$OURS"
	agree ss -N other -tan
	is "$(grep -c 9701 <<<"$OURS") == 7"
}

@test "a recording shows what was there when it began, to anybody" {
	load_source
	spawn_ready hold connections -H -p 9702 -n 5 -u 100
	ss -tan sport = :9702 or dport = :9702 >"$BATS_TEST_TMPDIR/real"
	tcptrace-ctl record --quiet --duration=1 "$BATS_TEST_TMPDIR/kept" 9702
	stop hold
	unload_source
	chmod a+r "$BATS_TEST_TMPDIR/kept"
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
		tcptrace-ctl ss -tan --source=- <"$BATS_TEST_TMPDIR/kept" >"$BATS_TEST_TMPDIR/ours"
	same "$(<"$BATS_TEST_TMPDIR/ours")" "$(<"$BATS_TEST_TMPDIR/real")"
	like "$(tcptrace-ctl ss -tanpi --source="$BATS_TEST_TMPDIR/kept" 2>&1 >/dev/null)" '*not in a recording*-p*-i*'
}
