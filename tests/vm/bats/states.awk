# SPDX-License-Identifier: GPL-2.0-only
#
# awk -f states.awk TRACE EVENTS: does each full socket go through the same states by the kernel's tracepoint
# sock:inet_sock_set_state and by the output of watch? EVENTS are lines of key=value.
#
# What differs, and is taken into account:
#  - CLOSE -> SYN_SENT comes before the socket has a port; watch prints "connect", with it.
#  - a child is LISTEN -> SYN_RECV before it has its peer's port; watch prints "request", op=acked.
#  - the full socket that a timewait socket replaces goes to CLOSE; for watch it is the same endpoint.
#  - two segments that complete one handshake at the same time make a child each; the one that comes second in
#    inet_csk_complete_hashdance() is closed before it is visible.

function keys(line,   n, i, part, at)
{
	split("", key)
	n = split(line, part, " ")
	for (i = 1; i <= n; i++) {
		at = index(part[i], "=")
		if (at) key[substr(part[i], 1, at - 1)] = substr(part[i], at + 1)
	}
}

function witness(what, count) { if (!(what in traced)) order[++known] = what; traced[what] = traced[what] count }
function watched(what, count) { if (!(what in told)) names[++named] = what; told[what] = told[what] count }

FNR == NR && /inet_sock_set_state:/ && /IPPROTO_TCP / {
	keys($0)
	# MPTCP sets its subflows' states again.
	if (key["oldstate"] == key["newstate"]) next
	change = substr(key["oldstate"], 5) ">" substr(key["newstate"], 5)
	if (change == "CLOSE>SYN_SENT") witness("connects to port " key["dport"], "|")
	else if (change == "LISTEN>SYN_RECV") witness("children of port " key["sport"], "|")
	else witness("port " key["sport"] " of " key["dport"], " " change)
	next
}

FNR != NR {
	keys($0)
	if (key["sport"] != "") ports[key["sport"]] = ports[key["dport"]] = 1
	who = "port " key["sport"] " of " key["dport"]
	if (key["type"] == "connect") watched("connects to port " key["dport"], "|")
	else if (key["type"] == "request" && key["op"] == "acked") watched("children of port " key["sport"], "|")
	else if (key["type"] == "listen") watched(who, key["state"] == "LISTEN" ? " CLOSE>LISTEN" : " LISTEN>CLOSE")
	else if (key["type"] == "state") watched(who, " " key["old"] ">" key["new"])
	else if (key["type"] == "timewait" && key["op"] == "begin") watched(who, " " key["old"] ">CLOSE")
}

END {
	for (i = 1; i <= known; i++) {
		what = order[i]
		if (told[what] ~ / SYN_RECV>CLOSE/ || traced[what] !~ / SYN_RECV>ESTABLISHED/) continue
		split(what, part, " ")
		if (sub(/ SYN_RECV>CLOSE/, "", traced[what])) sub(/[|]/, "", traced["children of port " part[2]])
	}
	for (i = 1; i <= known; i++) {
		what = order[i]
		n = split(what, part, " ")
		# Watch shows only the ports that it was asked for.
		if (!(part[n] in ports) && !(part[2] in ports)) continue
		compared++
		if (traced[what] == told[what]) continue
		print what ":\n  the kernel says " traced[what] "\n  watch says      " told[what]
		bad = 1
	}
	for (i = 1; i <= named; i++) {
		if (names[i] in traced) continue
		print names[i] ":\n  watch says      " told[names[i]] "\n  the kernel says nothing"
		bad = 1
	}
	if (!compared) { print "the tracepoint has seen nothing of these ports"; bad = 1 }
	exit bad
}
