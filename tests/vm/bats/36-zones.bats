# SPDX-License-Identifier: GPL-2.0-only
# The same addresses and ports on two devices of a namespace: each endpoint is one socket, and each view says on which
# device it is. The names of devices are those of their namespaces, also here, where there are no such devices.

load recorded
setup_file() { recorded; }

# Also in a namespace that no process is in but ours.
in_netns() { nsenter "$(netns "$1")" "${@:2}"; }

# veth NAME NUMBER: devices of a and b; each number is that of the other link's device on the other side
veth()
{
	ip -n a link add "$1" index "$2" type veth peer name "to-$1" index $((25 - $2)) netns b
	local side
	for side in "a $1" "b to-$1"; do
		ip -n "${side% *}" link set "${side#* }" addrgenmode none
		ip -n "${side% *}" link set "${side#* }" up
	done
}

# What the programs of two links begin with: clients are in a, servers in b.
links()
{
	cat <<-'END'
		import ctypes, os, sys, time
		from socket import *
		LINKS, PORT = ("red", "blue"), int(sys.argv[1])

		def enter(netns):
		    with open("/run/netns/" + netns) as file:
		        assert not ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0x40000000), ctypes.get_errno()

		def bound(family, device):
		    s = socket(family)
		    s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
		    if device:
		        s.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, device.encode())
		    return s

		def wait_for(name):
		    while not os.path.exists(name):
		        time.sleep(.05)

		def talk(client, server):
		    """Each link has its own amount of data; on one the client closes first, on the other the server."""
		    for number, link in enumerate(LINKS):
		        client[link].sendall(b"x" * (number + 3))
		    print("# ready", flush=True)
		    wait_for(sys.argv[2])
		    for number, link in enumerate(LINKS):
		        server[link].recv(100)
		        first, second = (client[link], server[link]) if number == 0 else (server[link], client[link])
		        first.close()
		        assert not second.recv(1)
		        second.close()
	END
}

# samples FILE NETNS...: ss of each, with the inode of the namespace before each line
samples()
{
	local netns file=$1
	shift
	for netns; do
		in_netns "$netns" ss -OHtane | sed "s/^/netns=$(netns_inode "$netns") /"
	done >"$BATS_TEST_TMPDIR/$file"
}

# converse NAME PORT PROGRAM: runs it, takes the samples at its mark, and waits for its end
converse()
{
	PORT=$2
	rm -f "$BATS_TEST_TMPDIR/go"
	{ links && cat; } >"$BATS_TEST_TMPDIR/program"
	spawn_ready "$1" python3 "$BATS_TEST_TMPDIR/program" "$PORT" "$BATS_TEST_TMPDIR/go"
	samples ss a b
	# The sockets of both namespaces, by who is in neither: at this moment, and on one link.
	tcptrace-ctl top --source="$SOURCE" --count=1 --json "dev red or dev to-red" >"$BATS_TEST_TMPDIR/red.json"
	tcptrace-ctl ss --source="$SOURCE" -N a -Htan >"$BATS_TEST_TMPDIR/ours"
	tcptrace-ctl ss --source="$SOURCE" -N a -Htan dev red >"$BATS_TEST_TMPDIR/ours-red"
	ss -N a -Htan >"$BATS_TEST_TMPDIR/theirs"
	ss -N a -Htan dev red >"$BATS_TEST_TMPDIR/theirs-red"
	touch "$BATS_TEST_TMPDIR/go"
	wait_until is_over "$1"
	wait "${JOBS[$1]}"
	NETNS_A=$(netns_inode a) NETNS_B=$(netns_inode b)
	keep PORT NETNS_A NETNS_B
}
is_over() { ! running "$1"; }

traffic_link_local()
{
	add_netns a
	add_netns b
	veth red 12
	veth blue 13
	local link
	for link in red blue; do
		ip -n a addr add fe80::1/64 dev $link nodad
		ip -n b addr add fe80::2/64 dev to-$link nodad
	done
	converse links 9861 <<-'END'
		enter("b")
		listener = bound(AF_INET6, None)
		listener.bind(("::", PORT))
		listener.listen()
		enter("a")
		client, server = {}, {}
		for link in LINKS:
		    client[link] = bound(AF_INET6, None)
		    client[link].bind(("fe80::1", 40861, 0, if_nametoindex(link)))
		    client[link].connect(("fe80::2", PORT, 0, if_nametoindex(link)))
		    server[link] = listener.accept()[0]
		talk(client, server)
	END
}

# VRFs have addresses of their own, and may have the same ones.
traffic_vrf()
{
	add_netns a
	add_netns b
	modprobe -q vrf || true
	ip -n a link add red type vrf table 10 || skip "this kernel has no VRFs"
	local netns link
	ip -n a link add blue type vrf table 11
	ip -n b link add to-red type vrf table 10
	ip -n b link add to-blue type vrf table 11
	for link in red blue; do
		ip -n a link add "$link-0" type veth peer name "to-$link-0" netns b
		ip -n a link set "$link-0" master "$link"
		ip -n b link set "to-$link-0" master "to-$link"
		for netns in "a $link" "b to-$link"; do
			ip -n "${netns% *}" link set "${netns#* }" up
			ip -n "${netns% *}" link set "${netns#* }-0" up
		done
		ip -n a addr add 10.8.0.1/24 dev "$link-0"
		ip -n b addr add 10.8.0.2/24 dev "to-$link-0"
	done
	converse links 9862 <<-'END'
		client, server, listener = {}, {}, {}
		enter("b")
		for link in LINKS:
		    listener[link] = bound(AF_INET, "to-" + link)
		    listener[link].bind(("10.8.0.2", PORT))
		    listener[link].listen()
		enter("a")
		for link in LINKS:
		    client[link] = bound(AF_INET, link)
		    client[link].bind(("10.8.0.1", 40862))
		    client[link].connect(("10.8.0.2", PORT))
		    server[link] = listener[link].accept()[0]
		talk(client, server)
	END
}

# cookie NETNS LOCAL: of the established socket with this local address, as ss has it, in decimal
cookie()
{
	local hexadecimal
	hexadecimal=$(awk -v netns="netns=$1" -v local="$2" '
		$1 == netns && $2 == "ESTAB" && $5 == local { for (i = 7; i <= NF; i++) if (sub(/^sk:/, "", $i)) print $i }' "$KEPT/ss")
	[[ -n $hexadecimal ]] || { echo "ss had no $2 in $1" >&2; return 1; }
	echo $((16#$hexadecimal))
}

# two_links CLIENT SERVER: their addresses as ss prints them, up to the device; each link's two ends are one connection,
# and the other link's are another one
two_links()
{
	local link client server here there bytes
	while read -r link here there bytes; do
		client=$(cookie "$NETNS_A" "$1%$link:40${PORT:1}")
		server=$(cookie "$NETNS_B" "$2%to-$link:$PORT")
		in_order "type=connect cookie=$client netns=$NETNS_A device=$link" "type=request cookie=$server netns=$NETNS_B device=to-$link op=acked" \
			"type=verdict cookie=$client"
		said type=verdict cookie="$client" device="$link" peer="$server" how=.* bytes_out="$bytes" closed_by="$here"
		said type=verdict cookie="$server" device=to-"$link" peer="$client" bytes_in="$bytes" closed_by="$there"
	done <<<$'red local remote 3\nblue remote local 4'
	is "$(lines "$EVENTS" type=verdict) == 4"
	# No record of theirs is without its device.
	is "$(lines "$EVENTS" "sport=40${PORT:1}") == $(lines "$EVENTS" "sport=40${PORT:1}" "netns=$NETNS_A" "device=(red|blue)")"
}

# shown ADDRESS PEER: as text has them, up to the device
shown()
{
	local view name
	for view in watch ladder life; do
		tcptrace-ctl $view --source="$RECORDED/recording" "$(of_ports)" >"$BATS_TEST_TMPDIR/$view"
		for name in "$1%red" "$1%blue" "$2%to-red" "$2%to-blue"; do
			grep -qF -- "$name" "$BATS_TEST_TMPDIR/$view" || { echo "$view does not show $name"; return 1; }
		done
	done
	is "$(grep -cF "$1%red]:40${PORT:1} > " "$BATS_TEST_TMPDIR/life" || true) + $(grep -cF "$1%red:40${PORT:1} > " "$BATS_TEST_TMPDIR/life" || true) == 1"
	# Two ladders, each with both ends of one link.
	is "$(grep -cE "$1%red\]?:40${PORT:1} .*$2%to-red\]?:$PORT" "$BATS_TEST_TMPDIR/ladder") == 1"
	is "$(grep -cE "$1%blue\]?:40${PORT:1} .*$2%to-blue\]?:$PORT" "$BATS_TEST_TMPDIR/ladder") == 1"
	is "$(grep -c "not seen" "$BATS_TEST_TMPDIR/ladder" || true) == 0"
}

# filtered: by names, of either namespace
filtered()
{
	# The other end is on another device, so what is known of both is missing.
	local what='^time=[0-9]+ type=[a-z]+ cookie=[0-9]+'
	events "( $(of_ports) ) and dev red" >"$BATS_TEST_TMPDIR/red"
	same "$(grep -v type=lost "$BATS_TEST_TMPDIR/red" | grep -oE "$what")" "$(picked "$EVENTS" device=red | grep -oE "$what")" "dev red"
	events "( $(of_ports) ) and not ( dev red or dev to-red )" >"$BATS_TEST_TMPDIR/others"
	is "$(lines "$BATS_TEST_TMPDIR/others" 'device=(to-)?red') == 0"
	is "$(lines "$BATS_TEST_TMPDIR/others" 'device=(to-)?blue') == $(lines "$EVENTS" 'device=(to-)?blue')"
	# At that time, and by its own names.
	json_lines <"$KEPT/red.json" >"$BATS_TEST_TMPDIR/live"
	is "$(lines "$BATS_TEST_TMPDIR/live" state=ESTABLISHED device=red "netns=$NETNS_A") == 1"
	is "$(lines "$BATS_TEST_TMPDIR/live" state=ESTABLISHED device=to-red "netns=$NETNS_B") == 1"
	is "$(lines "$BATS_TEST_TMPDIR/live" 'device=.*blue') == 0"
	same "$(sort "$KEPT/ours")" "$(sort "$KEPT/theirs")" "ss -N"
	same "$(sort "$KEPT/ours-red")" "$(sort "$KEPT/theirs-red")" "ss -N dev"
	is "$(grep -c . "$KEPT/theirs-red") == 1"
}

@test "link-local addresses: the same addresses and ports on two links" {
	judge link_local
	two_links '[fe80::1]' '[fe80::2]'
	shown fe80::1 fe80::2
	filtered
}

@test "VRFs: the same addresses and ports in two of them" {
	judge vrf
	two_links 10.8.0.1 10.8.0.2
	shown 10.8.0.1 10.8.0.2
	filtered
}

# One listener for each device; nobody accepts on two of them. The device lo is that of b, and not the one here.
traffic_listeners()
{
	PORT=9863
	add_netns a
	add_netns b
	veth red 12
	veth blue 13
	ip -n a addr add 10.8.1.1/24 dev red
	ip -n b addr add 10.8.1.2/24 dev to-red
	ip -n a addr add 10.8.2.1/24 dev blue
	ip -n b addr add 10.8.2.2/24 dev to-blue
	ip -n b link set lo up
	rm -f "$BATS_TEST_TMPDIR/go"
	{ links && cat; } >"$BATS_TEST_TMPDIR/program" <<-'END'
		enter("b")
		listeners = {}
		for device in "to-red", "to-blue", "lo":
		    listeners[device] = bound(AF_INET, device)
		    listeners[device].bind(("0.0.0.0", PORT))
		    listeners[device].listen(7)
		others = [create_connection(("127.0.0.1", PORT))]
		enter("a")
		others += [create_connection(("10.8.1.2", PORT)) for _ in range(3)] + [create_connection(("10.8.2.2", PORT)) for _ in range(2)]
		accepted = listeners["to-blue"].accept()
		print("# ready", flush=True)
		wait_for(sys.argv[2])
	END
	spawn_ready listeners python3 "$BATS_TEST_TMPDIR/program" "$PORT" "$BATS_TEST_TMPDIR/go"
	samples ss b
	tcptrace-ctl listen --source="$SOURCE" --once --json "sport = :$PORT" >"$BATS_TEST_TMPDIR/listen.json"
	touch "$BATS_TEST_TMPDIR/go"
	wait_until is_over listeners
	keep PORT
}

@test "listeners bound to devices: each has its own queue" {
	judge listeners
	local device queue address
	tcptrace-ctl listen --source="$RECORDED/recording" --json "sport = :$PORT" | json_lines >"$BATS_TEST_TMPDIR/listen"
	json_lines <"$KEPT/listen.json" >"$BATS_TEST_TMPDIR/live"
	for queue in 3:to-red 1:to-blue 1:lo; do
		device=${queue#*:} queue=${queue%:*}
		address=0.0.0.0%$device:$PORT
		same "$(awk -v local="$address" '$2 == "LISTEN" && $5 == local { print $3 }' "$KEPT/ss")" "$queue"
		is "$(lines "$BATS_TEST_TMPDIR/live" type=listen "device=$device" "backlog=$queue") == 1"
	done
	is "$(lines "$BATS_TEST_TMPDIR/live" type=listen) == 3"
	said type=accept device=to-blue "sport=$PORT"
	is "$(lines "$BATS_TEST_TMPDIR/listen" device=to-red backlog_peak=3 accepted=0) == 1"
	is "$(lines "$BATS_TEST_TMPDIR/listen" device=to-blue backlog_peak=2 accepted=1) == 1"
	tcptrace-ctl listen --source="$RECORDED/recording" -Hq "sport = :$PORT and dev to-red" >"$BATS_TEST_TMPDIR/text"
	is "$(grep -c . "$BATS_TEST_TMPDIR/text") == 1"
	grep -qE "^0\.0\.0\.0%to-red:$PORT " "$BATS_TEST_TMPDIR/text"
}
