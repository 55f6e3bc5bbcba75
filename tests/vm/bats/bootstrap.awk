# SPDX-License-Identifier: GPL-2.0-only
#
# awk -v port=PORT -v spawned=NS -v ready=NS -v missed=N -f bootstrap.awk STORM TRACE BEFORE AFTER EVENTS: did a watch that began in the
# midst of tests/tools/storm show each endpoint exactly once, from where it was on, with nothing left out and nothing twice?
# STORM is the output of storm, TRACE the kernel's tracepoint sock:inet_sock_set_state by the clock `mono`, BEFORE and AFTER are
# /proc/net/tcp before and after watch was stopped (a TIME_WAIT may end in between), EVENTS are lines of key=value.
# Watch was started after `spawned` and had shown what was there before `ready`. It reported `missed` hits as missed: for
# each one an endpoint may be reported differently, in three complaints at most.

# The values of the keys that are used here.
function keys(   i, at, name)
{
	split("", key)
	for (i = 1; i <= NF; i++) {
		at = index($i, "=")
		if (at && (name = substr($i, 1, at - 1)) in wanted) key[name] = substr($i, at + 1)
	}
}

function complain(id, text)
{
	bad++
	if (bad > 12) return
	print "port " id ": " text
	print "  watch: " (id in shown ? shown[id] : "nothing,") " then" told[id]
	print "  kernel:" traced[id]
	sub(/ .*/, "", id)
	print "  storm: " (id in line ? line[id] : line[peer])
}

BEGIN {
	n = split("port created ending over bytes_out bytes_in sport dport oldstate newstate type op state old new", part, " ")
	for (i = 1; i <= n; i++) wanted[part[i]]
	n = split("01=ESTABLISHED 02=SYN_SENT 03=SYN_RECV 04=FIN_WAIT1 05=FIN_WAIT2 06=TIME_WAIT 07=CLOSE 08=CLOSE_WAIT " \
		"09=LAST_ACK 0A=LISTEN 0B=CLOSING", part, " ")
	for (i = 1; i <= n; i++) by_number[substr(part[i], 1, 2)] = substr(part[i], 4)
	for (i = 0; i < 16; i++) digit[substr("0123456789ABCDEF", i + 1, 1)] = i
}

FNR == 1 { file++ }

file == 1 && /^port=/ {
	keys()
	line[key["port"]] = $0
	created[key["port"]] = key["created"] + 0
	ending[key["port"]] = key["ending"] + 0
	over[key["port"]] = key["over"] + 0
	wrote[key["port"] " of " port] = key["bytes_out"]
	wrote[port " of " key["port"]] = key["bytes_in"]
	next
}

file == 2 && /inet_sock_set_state:/ {
	keys()
	if (key["sport"] != port && key["dport"] != port) next
	change = substr(key["oldstate"], 5) ">" substr(key["newstate"], 5)
	# Before it is an endpoint that has both ports, or nothing changes.
	if (change == "CLOSE>SYN_SENT" || change ~ /LISTEN/ || key["oldstate"] == key["newstate"]) next
	id = key["sport"] " of " key["dport"]
	traced[id] = traced[id] " " change
	match($0, /[0-9]+\.[0-9]+: inet_/)
	split(substr($0, RSTART, RLENGTH), time, ":")
	if (time[1] * 1000000000 > ready) late[id] = late[id] " " change
	next
}

function from_hex(hex,   i, sum)
{
	for (i = 1; i <= length(hex); i++) sum = sum * 16 + digit[substr(hex, i, 1)]
	return sum
}

(file == 3 || file == 4) && $4 in by_number {
	split($2, own, ":")
	split($3, other, ":")
	id = from_hex(own[2]) " of " from_hex(other[2])
	if (by_number[$4] == "LISTEN" || (from_hex(own[2]) != port && from_hex(other[2]) != port)) next
	there[id] = there[id] " " by_number[$4]
	passes[id]++
	next
}

file < 5 || ($0 !~ /sport=/) { next }

{
	keys()
	if (key["sport"] == "" || key["dport"] + 0 == 0) next
	id = key["sport"] " of " key["dport"]
	type = key["type"]
	peer = key["sport"] == port ? key["dport"] : key["sport"]
	if (type == "snapshot" || type == "connect" || (type == "request" && key["op"] == "open")) {
		if (id in shown) complain(id, "is shown twice, again as " type " " key["state"])
		shown[id] = type " " key["state"]
		began[id] = state[id] = key["state"]
		next
	}
	# A RST in reply to a segment for a socket that is gone: it belongs to no endpoint of the watch.
	if (!(id in shown) && type == "reset" && key["op"] == "replied") next
	if (!(id in shown)) {
		complain(id, "is not shown, and then " type)
		shown[id] = "nothing"
	}
	if (type == "verdict") {
		verdicts[id]++
		if (shown[id] !~ /^snapshot/ && key["bytes_in"] != wrote[key["dport"] " of " key["sport"]])
			complain(id, "has " key["bytes_in"] " bytes in, its peer wrote " wrote[key["dport"] " of " key["sport"]])
	}
	# The full socket is gone then. An orphan in FIN_WAIT2 stays what it was.
	if (type == "timewait" && key["op"] == "begin") told[id] = told[id] " " key["old"] ">CLOSE"
	if (!("old" in key) || key["old"] == key["new"]) next
	if (key["old"] != state[id]) complain(id, "was " state[id] " and goes from " key["old"] " to " key["new"])
	state[id] = key["new"]
	if (type == "state") told[id] = told[id] " " key["old"] ">" key["new"]
}

function ends_with(text, tail) { return substr(text, length(text) - length(tail) + 1) == tail }

function check(id,   number, existing, gone, told_of, wrong)
{
	if (!ends_with(traced[id], told[id])) complain(id, "is told otherwise than by the kernel")
	if (length(told[id]) < length(late[id])) complain(id, "lacks changes that came after the watch was ready")
	told_of = id in shown
	existing = told_of && shown[id] ~ /^snapshot/
	number = id
	sub(/ .*/, "", number)
	if (number == port) number = substr(id, index(id, "of ") + 3)
	if (existing && created[number] > ready) complain(id, "was there before it was created")
	if (told_of && !existing && created[number] < spawned) complain(id, "was created before there was a watch")
	if (over[number] && over[number] < spawned && told[id]) complain(id, "was over before there was a watch")
	if (!told_of && (!ending[number] || ending[number] > ready)) complain(id, "was there and is not shown")
	gone = state[id] == "CLOSE" || state[id] == "TIME_WAIT"
	if (verdicts[id] + 0 != (gone && began[id] != "TIME_WAIT"))
		complain(id, (verdicts[id] + 0) " verdicts")
	if (!told_of || state[id] == "CLOSE") wrong = passes[id] == 2
	else wrong = index(there[id] " ", " " state[id] " ") == 0
	if (wrong) complain(id, "is at last " state[id] ", and to /proc/net/tcp" there[id])
	if (existing) count_existing++
	else if (told_of) count_created++
	if (began[id] == "TIME_WAIT") count_waiting++
}

END {
	for (number in line) {
		check(number " of " port)
		check(port " of " number)
	}
	# Enough was compared.
	printf "%d existing (%d of them in TIME_WAIT), %d created, %d bad, %d missed\n", count_existing, count_waiting, count_created,
		bad, missed
	exit bad > 3 * missed || count_existing <= count_waiting + 10 || count_created < 20
}
