# SPDX-License-Identifier: GPL-2.0-only
# tcptrace-ctl netstat beside the real netstat: the same sockets at the same moment, character by character.

load helper
load tables
setup() { common_setup; }
teardown() { tables_teardown; }

timeless() { sed -E 's/\([0-9]+\.[0-9]+\//(TIME\//'; }

@test "all states, all shapes" {
	load_source
	all_states 2
	local words state
	export -f timeless
	agree netstat -ant
	for state in ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE_WAIT LAST_ACK LISTEN CLOSING; do
		is "$(grep -c " $state *$" <<<"$REAL") >= 6"
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

@test "a bad option ends with 3, help with 0; -c again and again" {
	load_source
	local status=0
	tcptrace-ctl netstat --bad 2>/dev/null || status=$?
	same "$status" 3
	tcptrace-ctl netstat -h >/dev/null
	spawn_ready hold connections -H -p 9704 -n 1
	spawn repeated tcptrace-ctl netstat -ntc
	wait_until sh -c "[ \$(busybox grep -c '^Active' $(out_of repeated)) -ge 3 ]"
	stop repeated INT
	is "$(grep -c 9704 "$(out_of repeated)") >= 6"
}
