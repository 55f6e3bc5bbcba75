# SPDX-License-Identifier: GPL-2.0-only
#
# awk -f segments.awk TCPDUMP EVENTS: was each segment that watch names on the wire, with these numbers, and did
# watch name each SYN, FIN and RST that was there? TCPDUMP is from tcpdump -n -S, EVENTS are lines of key=value with
# absolute numbers. The segments of a handshake and of a close must be named by both endpoints.
#
#	-v one_sided=1	segments were dropped on their way: the receiver does not name them
#	-v crossed=1	both endpoints connected
#	-v here=ADDRESS	only this one is of this host: what another one sends and receives is not named

function keys(line,   n, i, part, at)
{
	split("", key)
	n = split(line, part, " ")
	for (i = 1; i <= n; i++) {
		at = index(part[i], "=")
		if (at) key[substr(part[i], 1, at - 1)] = substr(part[i], at + 1)
	}
}

function complain(text) { print text; bad = 1 }

# "[S.]" or "SYN,ACK" as some of the letters SFRA, in this order; PSH and others do not count.
function letters(text)
{
	if (text ~ /^\[/)
		return (text ~ /S/ ? "S" : "") (text ~ /F/ ? "F" : "") (text ~ /R/ ? "R" : "") (text ~ /\./ ? "A" : "")
	return (text ~ /SYN/ ? "S" : "") (text ~ /FIN/ ? "F" : "") (text ~ /RST/ ? "R" : "") (text ~ /ACK/ ? "A" : "")
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

FNR == NR && / Flags \[/ {
	for (i = 1; $i != ">"; i++);
	from[++count] = $(i - 1)
	to[count] = $(i + 1)
	sub(/:$/, "", to[count])
	flags[count] = letters($(i + 3))
	seq[count] = after("seq")
	len[count] = after("length")
	ack[count] = after("ack")
	win[count] = after("win")
	mss[count] = after("mss")
	wscale[count] = after("wscale")
	line[count] = $0
	next
}

FNR == NR { next }

# What is not known to watch is not in the object.
function differs(name, number) { return (name in key) && key[name] != number }

# A retransmission has the same number, and may have another ack.
function once(i) { return from[i] " " to[i] " " (seq[i] + len[i]) " " flags[i] }

function fits(i)
{
	if (from[i] != sender || to[i] != receiver) return 0
	# Of a received RST nothing else is known.
	if (key["dir"] == "in" && wanted == "R") return flags[i] ~ /R/
	# What acknowledged a FIN may have been the peer's own FIN.
	if (wanted != flags[i] && !(wanted == "A" && flags[i] == "FA" && key["new"] == "FIN_WAIT2")) return 0
	# The FIN's own number, behind the data that may be in the same segment.
	if (differs("seq", seq[i] + (wanted ~ /F/ ? len[i] : 0))) return 0
	# A bare ACK is known by the ack only, FIN and SYN may have been retransmitted with a newer window.
	return !(differs("ack", ack[i]) || differs("win", win[i]) || differs("mss", mss[i]) || differs("wscale", wscale[i]))
}

{
	keys($0)
	ports[key["sport"]] = ports[key["dport"]] = 1
	local = endpoint(key["saddr"], key["sport"])
	peer = endpoint(key["daddr"], key["dport"])
	# A FIN behind data is sent when that is, which no change of state says.
	if (key["type"] == "state" && key["new"] ~ /^(FIN_WAIT1|LAST_ACK)$/ && !("flags" in key)) queued[local " " peer] = 1
	if (!("flags" in key)) next
	sender = key["dir"] == "out" ? local : peer
	receiver = key["dir"] == "out" ? peer : local
	wanted = letters(key["flags"])
	found = 0
	for (i = 1; i <= count; i++) {
		if (!fits(i)) continue
		found++
		if (key["dir"] == "out") sent[once(i)]++
		else received[once(i)]++
	}
	if (!found) complain("was not on the wire: " $0)
	named++
}

END {
	for (i = 1; i <= count; i++) {
		split(from[i], part, ".")
		n = split(from[i], part, ".")
		m = split(to[i], other, ".")
		if (!(part[n] in ports) && !(other[m] in ports)) continue
		if (flags[i] !~ /[SFR]/) continue
		compared++
		# An object names one segment: of a SYN that came, and not of the SYN-ACK that answers it.
		if (flags[i] != "SA" && is_here(from[i]) && !(once(i) in sent) &&
		    !(flags[i] ~ /F/ && (from[i] " " to[i]) in queued))
			complain("watch does not say that it was sent: " line[i])
		if (one_sided || (once(i) in received) || !is_here(to[i])) continue
		# Where both endpoints connect, it may have been either of two segments that made the connection.
		if (flags[i] == "SA" && crossed) continue
		# What nobody listens for, and a RST to what is gone, comes to nobody.
		if (flags[i] ~ /R/ || (flags[i] == "S" && refused(i))) continue
		complain("watch does not say that it came: " line[i])
	}
	if (!compared || !named) complain("tcpdump has seen nothing of these ports, or watch nothing of segments")
	exit bad
}

function is_here(endpoint) { return here == "" || index(endpoint, here ".") == 1 }

# Was it answered by a RST?
function refused(i,   j)
{
	for (j = i + 1; j <= count; j++)
		if (from[j] == to[i] && to[j] == from[i]) return flags[j] ~ /R/
	return 0
}
