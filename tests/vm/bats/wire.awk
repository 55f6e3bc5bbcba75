# SPDX-License-Identifier: GPL-2.0-only
#
# awk -f wire.awk TCPDUMP EVENTS: is there an object of type segment for each segment that was on the wire, one where
# it was sent and one where it came, in this order and with these numbers, and none more? TCPDUMP is from tcpdump -n -S
# -vv, EVENTS are lines of key=value with absolute numbers. A RST that answers what nobody wanted is an object of type
# reset. What comes while its socket is busy waits in the backlog, where tcp_add_backlog() may make one of several.
#
#	-v unheard=N	that many were dropped between the wire and the socket, or found no socket
#	-v merged=N	that many became a part of the one before, as the kernel counts it (TCPBacklogCoalesce)
#	-v queued=1	a queueing discipline dropped or doubled segments before they came to the wire: those that were
#			sent are not compared
#	-v here=ADDRESS	only this one is of this host: what another one sends and receives is not shown
#	-v wanted=N	at least that many are to be compared

function keys(line,   n, i, part, at)
{
	split("", key)
	n = split(line, part, " ")
	for (i = 1; i <= n; i++) {
		at = index(part[i], "=")
		if (at) key[substr(part[i], 1, at - 1)] = substr(part[i], at + 1)
	}
}

function complain(text) { if (bad++ < 20) print text }

# "[P.]" or "PSH,ACK" as some of the letters SFRPAU, in this order.
function letters(text)
{
	if (text ~ /^\[/)
		return (text ~ /S/ ? "S" : "") (text ~ /F/ ? "F" : "") (text ~ /R/ ? "R" : "") (text ~ /P/ ? "P" : "") (text ~ /\./ ? "A" : "")
	return (text ~ /SYN/ ? "S" : "") (text ~ /FIN/ ? "F" : "") (text ~ /RST/ ? "R" : "") (text ~ /PSH/ ? "P" : "") (text ~ /ACK/ ? "A" : "")
}

# The word after `name` in the line, without what follows the number.
function after(name,   text)
{
	if (!match($0, "[ ,[]" name " [0-9]+")) return ""
	text = substr($0, RSTART, RLENGTH)
	sub(/.* /, "", text)
	return text
}

function endpoint(address, port)
{
	sub(/^::ffff:/, "", address)
	return address "." port
}

# Of a RST nothing else is compared: what is known of it may be known from another record.
function text(flags, seq, len, ack, win, mss, wscale)
{
	if (flags ~ /R/) return flags
	return flags " seq=" seq " len=" len + 0 " ack=" ack " win=" win " mss=" mss " wscale=" wscale
}

FNR == NR && / Flags \[/ {
	for (i = 1; $i != ">"; i++);
	to = $(i + 1)
	sub(/:$/, "", to)
	way = $(i - 1) " " to
	n = ++wires[way]
	flags_of[way, n] = letters($(i + 3))
	begins[way, n] = after("seq")
	length_of[way, n] = after("length") + 0
	acks[way, n] = after("ack")
	window[way, n] = after("win")
	options[way, n] = match($0, / options \[.*\]/) ? substr($0, RSTART, RLENGTH) : ""
	wire[way, n] = text(flags_of[way, n], begins[way, n], length_of[way, n], acks[way, n], window[way, n], after("mss"), after("wscale"))
	next
}

FNR == NR { next }

{
	keys($0)
	ports[key["sport"]] = ports[key["dport"]] = 1
	if (key["type"] != "segment" && !(key["type"] == "reset" && key["op"] == "replied")) next
	near = endpoint(key["saddr"], key["sport"])
	far = endpoint(key["daddr"], key["dport"])
	way = key["dir"] " " (key["dir"] == "out" ? near " " far : far " " near)
	n = ++heard[way]
	said[way, n] = text(letters(key["flags"]), key["seq"], key["len"], key["ack"], key["win"], key["mss"], key["wscale"])
	said_ack[way, n] = key["ack"]
	said_length[way, n] = key["len"] + 0
}

# ---- the tail of a backlog: what waits there and may grow ----

function tail_begin(way, i)
{
	tail_flags = flags_of[way, i]
	tail_seq = begins[way, i]
	tail_length = length_of[way, i]
	tail_end = begins[way, i] + tail_length + (tail_flags ~ /F/)
	tail_ack = acks[way, i]
	tail_window = window[way, i]
	tail_options = options[way, i]
}

# How far it is from b to a on the circle of sequence numbers.
function ahead(a, b) { return ((a - b) % 4294967296 + 4294967296) % 4294967296 }
function is_before(a, b) { return ahead(a, b) >= 2147483648 }

# tcp_add_backlog(): what follows without a gap, both with an ACK, neither SYN nor RST, the same options. The end, ack
# and window become the newer one's, the flags those of both.
function tail_grows(way, i,   flags)
{
	flags = flags_of[way, i]
	if (begins[way, i] == "" || ahead(begins[way, i], tail_end) || options[way, i] != tail_options) return 0
	if ((tail_flags flags) ~ /[SR]/ || tail_flags !~ /A/ || flags !~ /A/) return 0
	if (!is_before(acks[way, i], tail_ack)) {
		tail_ack = acks[way, i]
		tail_window = window[way, i]
	}
	tail_flags = ((tail_flags flags) ~ /F/ ? "F" : "") ((tail_flags flags) ~ /P/ ? "P" : "") "A"
	tail_length += length_of[way, i]
	tail_end = begins[way, i] + length_of[way, i] + (flags ~ /F/)
	return 1
}

function tail_text() { return text(tail_flags, tail_seq, tail_length, tail_ack, tail_window, "", "") }

# ---- the way through both lists that leaves out the fewest ----

function visit(i, j, from) { next_i[++pending] = i; next_j[pending] = j; next_from[pending] = from }

# Those that what was said as j may be of, from i on.
function visit_fits(way, side, i, j, merges,   k)
{
	if (wire[way, i] == said[side, j]) visit(i + 1, j + 1, i SUBSEP j)
	if (!merges || wire[way, i] ~ /[SR]/) return
	tail_begin(way, i)
	for (k = i + 1; k <= wires[way] && tail_grows(way, k); k++) {
		if (tail_length > said_length[side, j] || is_before(said_ack[side, j], tail_ack)) return
		if (tail_text() == said[side, j]) visit(k + 1, j + 1, i SUBSEP j)
	}
}

# All that can be come to without leaving out more; then one more from each of these, until the end of both.
function search(way, side, merges,   n, m, i, j, count, at, place)
{
	split("", came_from)
	pending = 0
	n = wires[way] + 1
	m = heard[side] + 1
	visit(1, 1, "")
	for (;;) {
		count = 0
		while (pending) {
			i = next_i[pending]
			j = next_j[pending]
			at = next_from[pending--]
			if ((i, j) in came_from) continue
			came_from[i, j] = at
			if (i == n && j == m) return
			place[++count] = i SUBSEP j
			if (i < n && j < m) visit_fits(way, side, i, j, merges)
		}
		for (; count; count--) {
			split(place[count], at_both, SUBSEP)
			i = at_both[1] + 0
			j = at_both[2] + 0
			if (i < n) visit(i + 1, j, place[count])
			if (j < m) visit(i, j + 1, place[count])
		}
	}
}

function compare(way, dir,   side, i, j, back)
{
	side = dir " " way
	search(way, side, dir == "in")
	i = wires[way] + 1
	j = heard[side] + 1
	compared += wires[way]
	while (came_from[i, j] != "") {
		split(came_from[i, j], back, SUBSEP)
		if (i - back[1] > 1) merges += i - back[1] - 1
		if (back[1] + 0 == i) {
			complain("said as " dir ", not on the wire: " way ": " said[side, j - 1])
		} else if (back[2] + 0 == j) {
			compared--
			if (dir == "in" && unheard > 0) unheard--
			else complain("on the wire, not as " dir ": " way ": " wire[way, i - 1])
		}
		i = back[1] + 0
		j = back[2] + 0
	}
}

function is_here(endpoint) { return here == "" || index(endpoint, here ".") == 1 }

END {
	for (way in wires) {
		split(way, part, " ")
		n = split(part[1], one, ".")
		m = split(part[2], other, ".")
		if (!(one[n] in ports) && !(other[m] in ports)) continue
		if (!queued && is_here(part[1])) compare(way, "out")
		if (is_here(part[2])) compare(way, "in")
	}
	for (side in heard)
		if (!(substr(side, index(side, " ") + 1) in wires))
			complain("nothing of this on the wire: " side)
	if (compared < (wanted ? wanted : 1)) complain("only " compared + 0 " were compared")
	if (merges + 0 != merged + 0) complain(merges + 0 " seem to be merged, and the kernel counts " merged + 0)
	if (unheard > 0) complain(unheard " more should have come to nobody")
	exit bad > 0
}
