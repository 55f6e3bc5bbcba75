# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# In a guest: peers that obey orders, see tests/tools/peer.c and wire.c.

declare -gA PEER_IN PEER_OUT

# peer_start NAME [COMMAND...]: peer, unless another one is given
peer_start()
{
	local name=$1 in out
	shift
	(($#)) || set -- peer
	mkfifo "$BATS_TEST_TMPDIR"/$name.{say,hear}
	exec {in}<>"$BATS_TEST_TMPDIR/$name.say" {out}<>"$BATS_TEST_TMPDIR/$name.hear"
	PEER_IN[$name]=$in PEER_OUT[$name]=$out
	"$@" <&"$in" >&"$out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- &
	JOBS[$name]=$!
	read -rt 120 -u "$out"
	same "$REPLY" "# ready"
}

# wire_start: the host 10.7.0.2, and others of 10.7/16 that it plays; we are 10.7.0.1
wire_start()
{
	modprobe -q tun || true
	peer_start wire wire
	ip addr add 10.7.0.1/16 dev wire0
	ip link set wire0 up
}

# wire_connects PORT: from its port 40000 to the listener l of the peer app, whose socket is then s
wire_connects()
{
	ask app listen l 10.7.0.1 "$1"
	ask wire ports 40000 "$1"
	ask wire send S
	ask wire expect SA
	ask wire send A
	ask app accept s l
}

# tell NAME WORD...: without waiting for the answer; hear NAME: waits for it
tell() { echo "${*:2}" >&"${PEER_IN[$1]}"; }
hear()
{
	local line
	read -rt 120 -u "${PEER_OUT[$1]}" line || { echo "$1 does not answer"; return 1; }
	ANSWER=$line
}

# ask NAME WORD...: it must work; ANSWER is its result
ask()
{
	tell "$@"
	hear "$1"
	[[ $ANSWER = ok* ]] || { echo "$*: $ANSWER"; return 1; }
	ANSWER=${ANSWER#ok }
}

# asked_fails ERROR NAME WORD...: it must fail with that error
asked_fails()
{
	tell "${@:2}"
	hear "$2"
	same "$ANSWER" "error $1" "${*:2}"
}

pid_of() { echo "${JOBS[$1]}"; }
