# SPDX-License-Identifier: GPL-2.0-only
# A table of more sockets than a busy server has. Creating them takes long.

load helper
load watch
# The rings hold more than all that happens here, so a reader that the machine keeps waiting loses nothing.
RING=262144
setup()
{
	common_setup
	load_source ring=$RING
}
teardown() { watch_teardown; }

# frames_are N: N tables so far; frame_last: the number of sockets in the last one
frames_are() { (($(grep -c 'sockets, ' "$(out_of top)") >= $1)); }
frame_last() { awk '/sockets, / { count = $2 } END { print count }' "$(out_of top)"; }
frame_last_is() { [[ $(frame_last) = "$1" ]]; }

# Everything that the module made of its hits, and what it lost.
made() { echo $(($(counter published) + $(counter lost))); }

@test "top of 40 000 sockets, while others come and go: nothing is lost" {
	local i before=0 last events lost
	# Side by side, each with a port of its own: the kernel has to search for free ones.
	for i in 1 2 3 4; do
		spawn "many$i" connections -p $((9874 + i)) -n 5000 --hold
	done
	for i in 1 2 3 4; do
		DEADLINE=600 wait_until ready "many$i"
	done
	is "$(ss -Htn state established | grep -c .) >= 40000"
	spawn top tcptrace-ctl top --batch --interval=1
	DEADLINE=600 wait_until frames_are 1
	wait_until asking_are 1
	[[ $SOURCE = bpf ]] || before=$(made)
	# Some 25 changes each. They leave no TIME_WAIT: the kernel holds a limited number of these.
	spawn flood connections -p 9873 -n 5000 -b 100 -e reset --pause 2000
	DEADLINE=600 wait_until frames_are 10
	stop flood TERM
	grep -qE '^connections=[1-9][0-9]* errors=0$' "$(out_of flood)"
	# Nothing changes any more: the table has what the kernel has.
	last=$(ss -Htan | grep -c .)
	DEADLINE=600 wait_until frame_last_is "$last"
	stop top INT
	grep sockets, "$(out_of top)"
	is "$(awk '/sockets, / && $2 < 40000' "$(out_of top)" | grep -c . || true) == 0"
	read -r events lost < <(tail -n 1 "$(out_of top)" | sed -nE 's/^-- ([0-9]+) events.*, ([0-9]+) lost$/\1 \2/p')
	is "events > 1000"
	# BPF's buffer has a fixed size, which a busy machine may overrun.
	if [[ $SOURCE = module ]]; then
		is "$(made) - before <= $RING"
		same "$lost" 0
		same "$((events + lost))" "$(($(made) - before))" "each record is an event or lost"
	fi
	for i in 1 2 3 4; do
		stop "many$i" TERM
	done
}
