# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# In a guest: what the kernel itself reports of its sockets, and segments that it has to drop.

# ---- witnesses ----

# ss_has FILTER...: does ss show such a socket?
ss_has() { [[ -n $(ss -Htan "$@") ]]; }

# ss_state STATE FILTER: exactly one socket, in that state
ss_state() { [[ $(ss -Htan "$2") == "$1 "* ]]; }

# The endpoints of the connection from PORT_OF_CLIENT to PORT: client_is STATE, server_is STATE
client_is() { ss_state "$1" "dport = :$PORT"; }
server_is() { ss_state "$1" "( sport = :$PORT and dport = :$PORT_OF_CLIENT )"; }

# Only listeners and TIME_WAIT are left of a port.
quiet_port() { ! ss_has state connected exclude time-wait "( sport = :$1 or dport = :$1 )"; }

TRACE=/sys/kernel/tracing/instances/tcptrace-test
# traced CHANGE...: has the tracepoint sock:inet_sock_set_state reported it by now, for a socket of PORT?
traced()
{
	local change
	for change; do
		grep -E "[sd]port=$PORT .* oldstate=TCP_${change%>*} newstate=TCP_${change#*>}\$" $TRACE/trace >/dev/null || return 1
	done
}

# counted NAME: what the kernel has counted since counted_from_here
counted_from_here() { nstat -n; }
counted() { nstat -sz "$1" | awk -v name="$1" '$1 == name { print $2 }'; }

# ---- lost segments ----

# drop RULE: of nft, on input, until dropped_no_more
drop()
{
	nft -f - <<-END
		table inet test {
			chain input {
				type filter hook input priority 0; policy accept;
				$*
			}
		}
	END
}
dropped_no_more() { nft delete table inet test; }
