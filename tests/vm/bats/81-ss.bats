# SPDX-License-Identifier: GPL-2.0-only
# tcptrace-ctl ss beside the real ss: the same sockets at the same moment, compared character by character.

load helper
load watch
load tables
setup() { common_setup; }
teardown() { tables_teardown; }

# Times of timers, and what changes every millisecond.
timeless() { busybox sed -E 's/timer:\(([a-z]+),[^,]*,/timer:(\1,TIME,/; s/ (lastsnd|lastrcv|lastack|busy|(rwnd|sndbuf)_limited):[^ ]*/ \1/g; s/ +(\r?)$/\1/'; }

@test "all states, all shapes, into a pipe and on terminals" {
	load_source
	all_states 3
	local words width state states
	agree ss -tan
	is "$(grep -c . <<<"$REAL") > 150"
	states=$(cut -d' ' -f1 <<<"$REAL" | sort | busybox uniq -c)
	for state in ESTAB SYN-SENT SYN-RECV FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSE-WAIT LAST-ACK LISTEN CLOSING; do
		[[ $states$'\n' =~ ([0-9]+)" $state"$'\n' ]]
		is "${BASH_REMATCH[1]} >= 9"
	done
	for words in -t -tn -tanH -ltn -tanO -ta -t4an -tan6 '-tan -4 -6' '-tan -6 -4' '-tanf inet6' '-tanl' '-s' '-t -s' '-tn state syn-recv' 'state time-wait' \
		'-tn state connected exclude bucket' '-tnH state all exclude established exclude listening' \
		"-tan '( sport = :9723 or dport = :9723 ) and not dst 10.0.0.0/8'" "-tan sport = :9723 or dport = :9743 and src [::1]" \
		"-tan dst ::ffff:127.0.0.1" "-tn4 dport gt 9730" "-tan dev lo" -4 -6 -4an -6n '-tan sport = :9799'; do
		agree "ss $words"
	done
	# The socket that only its program knows of.
	is "$(grep -c . <<<"$REAL") == 2"
	for width in 20 61 80 99 140 250; do
		agree_on $width "ss -tan" "ss -ltn" "ss -tanH state fin-wait-1"
	done
}

@test "what records do not carry, by sock_diag and /proc" {
	load_source
	all_states 1
	local words
	for words in -ltnp -tanp -tane -tanm -tano -tani -tie -tmo -tanoemip -tanoemipO '-tan --tos' '-tan --cgroup' '-tan --inet-sockopt'; do
		agree -f timeless ss "$words"
	done
	like "$REAL" '*inet-sockopt*'
}

@test "a harmless name of a process is as in ss, any other is escaped" {
	local i out=$BATS_TEST_TMPDIR/said pids bad=($'\e[31mR' $'a\nb' $'\xff\xfe' $'\xc2\x9b1m' $'fourteen bytes\xc3\xa9' '\x1b')
	local shown=('\x1b[31mR' 'a\x0ab' '\xff\xfe' '\xc2\x9b1m' 'fourteen bytes\xc3' '\x5cx1b')
	load_source
	spawn_ready good called -p 9700 nc $'na\xc3\xafve' '(sd-pam)' 'C:\x' "a 'b\"c"
	agree ss -ltnp "'sport >= :9700 and sport < :9710'"
	is "$(grep -c . <<<"$REAL") == 7"
	spawn_ready bad called -p 9710 "${bad[@]}"
	mapfile -t pids < <(sed -n 's/^pid=//p' "$(out_of bad)")
	tcptrace-ctl ss --source="$SOURCE" -Hltnp 'sport >= :9710' >"$out"
	harmless "$out"
	for i in "${!bad[@]}"; do
		grep -F ":$((9710 + i)) " "$out" | grep -F "users:((\"${shown[i]}\",pid=${pids[i]},"
	done
	same "$(grep -c . "$out")" 6
}

@test "bad words end as in ss" {
	load_source
	local words
	for words in --bad '-tan sport' "-tan '( sport = :1'" '-tan state nowhere' '-tan sport=:9090' '-tan src 1.2.3.4.5' \
		'-tan dport = :nosuchservice' '-f nowhere' '-A nowhere' '-tan state listen'; do
		ends_alike "ss $words"
		is "THEIRS != 0"
	done
	for words in -h -tanh '-tan dport = :1' '-tan state listening state closed'; do
		ends_alike "ss $words"
		is "THEIRS == 0"
	done
}

# The application's wait, in nanoseconds.
now() { echo $((${EPOCHREALTIME/[.,]/} * 1000)); }
unread_are() { [[ $(ss -Htn "sport = :$1" | awk '{ print $2 }') = "$2" ]]; }
followed() { if [[ $SOURCE = bpf ]]; then armed tcp_set_state; else asking_are 1; fi; }

@test "--history: peaks, time in state and read delay" {
	local start came before after file=$BATS_TEST_TMPDIR/history
	load_source
	peer_start client
	peer_start server
	ask server listen l 127.0.0.1 9705
	ask client connect c 127.0.0.1 9705
	ask server accept s l
	ask server listen other 127.0.0.1 9706
	ask client connect d 127.0.0.1 9706
	ask server accept t other
	ask client write d 300
	wait_until unread_are 9706 300
	start=$(now)
	spawn history tcptrace-ctl ss --source="$SOURCE" --json --history=3600 state connected sport = :9705 or sport = :9706
	wait_until followed
	ask client write c 5000
	# The kernel reports it before anybody can have read it.
	wait_until unread_are 9705 5000
	came=$(now)
	nap 0.3
	before=$(now)
	ask server read s 5000
	after=$(now)
	nap 0.1
	ask server shutdown s wr
	wait_until ss_has state fin-wait-2 "( sport = :9705 )"
	stop history INT
	same "$(<"$file.err")" ""
	json_lines "$(out_of history)" >"$file.lines"
	EVENTS=$file.lines
	said type=snapshot sport=9705 recvq_peak=5000 state=FIN_WAIT2
	is "$(of read_delay_ns) >= $before - $came && $(of read_delay_ns) <= $after - $start"
	is "$(of in_state_ns) > 0 && $(of in_state_ns) <= $(now) - $after"
	# The data was there before, and still waits: at least since the beginning.
	said type=snapshot sport=9706 recvq=300 recvq_peak=300 state=ESTABLISHED
	is "$(of read_delay_ns) >= $after - $came"
	like "$(tail -n 1 "$EVENTS")" '*type=lost *lost=0 *'
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
	tcptrace-ctl record --source="$SOURCE" --quiet --duration=0.1 "$BATS_TEST_TMPDIR/kept" 9702
	stop hold
	! loaded || unload_module
	chmod a+r "$BATS_TEST_TMPDIR/kept"
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
		tcptrace-ctl ss -tan --source=- <"$BATS_TEST_TMPDIR/kept" >"$BATS_TEST_TMPDIR/ours"
	same "$(<"$BATS_TEST_TMPDIR/ours")" "$(<"$BATS_TEST_TMPDIR/real")"
	like "$(tcptrace-ctl ss -tanpi --source="$BATS_TEST_TMPDIR/kept" 2>&1 >/dev/null)" '*not in a recording*-p*-i*'
}
