# SPDX-License-Identifier: GPL-2.0-only
#
# awk -f wire.awk TCPDUMP EVENTS: is there an object of type segment for each segment that was on the wire, one where
# it was sent and one where it came, in this order and with these numbers, and none more? TCPDUMP is from tcpdump -n -S,
# EVENTS are lines of key=value with absolute numbers. A RST that answers what nobody wanted is an object of type reset.
#
#	-v lost=1	segments were dropped between the wire and the socket
#	-v unheard=N	so many found no socket
#	-v queued=1	a queueing discipline dropped or doubled segments before they came to the wire: those that were
#			sent are not compared
#	-v wanted=N	at least so many are to be compared

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

# tcpdump names the number of what has none only where it is a RST's; that one may be known from another record.
function text(flags, seq, len, ack, win, mss, wscale)
{
	if (flags ~ /R/) return flags
	if (flags !~ /[SF]/ && !len) seq = ""
	return flags " seq=" seq " len=" len + 0 " ack=" ack " win=" win " mss=" mss " wscale=" wscale
}

FNR == NR && / Flags \[/ {
	for (i = 1; $i != ">"; i++);
	to = $(i + 1)
	sub(/:$/, "", to)
	way = $(i - 1) " " to
	flags = letters($(i + 3))
	n = ++wires[way]
	wire[way, n] = text(flags, after("seq"), after("length"), after("ack"), after("win"), after("mss"), after("wscale"))
	begins[way, n] = after("seq")
	length_of[way, n] = after("length") + 0
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
	said_begin[way, n] = key["seq"]
	said_length[way, n] = key["len"] + 0
}

# What GRO or the backlog made one of: how many of the wire are in what was said as j; 0: it is not so
function merged(way, i, side, j,   sum, first)
{
	first = i
	if (begins[way, i] != said_begin[side, j] || length_of[way, i] >= said_length[side, j]) return 0
	for (sum = 0; i <= wires[way] && sum < said_length[side, j]; i++) {
		if (length_of[way, i] && begins[way, i] != said_begin[side, j] + sum) return 0
		sum += length_of[way, i]
	}
	return sum == said_length[side, j] ? i - first : 0
}

function compare(way, dir,   side, i, j, n)
{
	side = dir " " way
	j = 1
	for (i = 1; i <= wires[way]; i++) {
		if (j <= heard[side] && wire[way, i] == said[side, j]) {
			compared++
			j++
		} else if (dir == "in" && j <= heard[side] && (n = merged(way, i, side, j))) {
			compared += n
			i += n - 1
			j++
		} else if (dir == "in" && (lost || unheard-- > 0)) {
			continue
		} else {
			complain("on the wire, not as " dir ": " way ": " wire[way, i] (j <= heard[side] ? "; said instead: " said[side, j] : ""))
			if (j <= heard[side]) j++
		}
	}
	for (; j <= heard[side]; j++)
		complain("said as " dir ", not on the wire: " way ": " said[side, j])
}

END {
	for (way in wires) {
		split(way, part, " ")
		n = split(part[1], one, ".")
		m = split(part[2], other, ".")
		if (!(one[n] in ports) && !(other[m] in ports)) continue
		if (!queued) compare(way, "out")
		compare(way, "in")
	}
	for (side in heard)
		if (!(substr(side, index(side, " ") + 1) in wires))
			complain("nothing of this on the wire: " side)
	if (compared < (wanted ? wanted : 1)) complain("only " compared + 0 " were compared")
	if (unheard > 0) complain(unheard " more should have found no socket")
	exit bad > 0
}
