# SPDX-License-Identifier: GPL-2.0-only
# How many connections there can be to a peer: as many as the kernel then lets be made.

load helper
setup() { common_setup; RANGE=$(</proc/sys/net/ipv4/ip_local_port_range); }
teardown()
{
	# sysctl does not write nothing.
	echo >/proc/sys/net/ipv4/ip_local_reserved_ports
	sysctl -qw net.ipv4.tcp_tw_reuse=2
	sysctl -qw net.ipv4.ip_local_port_range="$RANGE"
	common_teardown
}

@test "what is said to be left can be connected, and no more" {
	load_module
	sysctl -qw net.ipv4.ip_local_port_range="40000 40011"
	sysctl -qw net.ipv4.ip_local_reserved_ports=40003,40009-40010,50000
	spawn_ready hold connections -H -p 9710 -n 5
	local line left i
	line=$(tcptrace-ctl ports -H -q 'dst 127.0.0.1:9710')
	read -r _ _ _ _ left _ <<<"$line"
	like "$line" '127.0.0.1 *127.0.0.1:9710 *5 *0 *4 *0'
	for ((i = 0; i < 12; i++)); do
		echo "connect c$i 127.0.0.1 9710"
	done | peer >"$BATS_TEST_TMPDIR/peer"
	same "$(grep -c '^ok' "$BATS_TEST_TMPDIR/peer")" "$left" "connections that could be made"
	same "$(grep -c '^error EADDRNOTAVAIL' "$BATS_TEST_TMPDIR/peer")" $((12 - left))
}

@test "TIME_WAIT takes a port, and may give it back" {
	load_module
	sysctl -qw net.ipv4.ip_local_port_range="40000 40011"
	connections -p 9711 -n 7
	like "$(tcptrace-ctl ports -H -q 'dst 127.0.0.1:9711')" '127.0.0.1 *127.0.0.1:9711 *7 *7 *5 *7'
	sysctl -qw net.ipv4.tcp_tw_reuse=0
	like "$(tcptrace-ctl ports -H -q 'dst 127.0.0.1:9711')" '127.0.0.1 *127.0.0.1:9711 *7 *7 *5 *0'
}
