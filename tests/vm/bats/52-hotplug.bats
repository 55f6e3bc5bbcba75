# SPDX-License-Identifier: GPL-2.0-only
# CPUs that go offline and come online while others read: rings are created with them, their records stay, and no loss
# is uncounted.

load helper
CPU=/sys/devices/system/cpu/cpu1/online
setup()
{
	common_setup
	[[ -e $CPU ]] || skip "this guest has no second CPU that can be taken away"
	on
}
teardown()
{
	on
	common_teardown
}
on() { [[ ! -e $CPU || $(<$CPU) = 1 ]] || echo 1 >$CPU; }
off() { echo 0 >$CPU; }

rings() { value rings "$(nlfamily info)"; }
# of_cpu N NAME [KEY=VALUE...]: the records of CPU N that a reader has printed
of_cpu()
{
	local cpu=$1 name=$2
	shift 2
	lines "$(out_of "$name")" "$@" cpu="$cpu"
}
# lost_on N: what the module counts as lost on CPU N
lost_on() { awk -v cpu="$1" '$1 == "cpu" { cpus = 1; next } $1 == "id" { exit } cpus && $1 == cpu { print $6 }' $STATUS; }

# tally NAME: sets the variables of the reader's last line: read overwritten holes reserved wakes
tally()
{
	local word last
	last=$(tail -n 1 "$(out_of "$1")")
	echo "$last"
	for word in ${last#\# }; do
		printf -v "${word%=*}" %s "${word#*=}"
	done
}

@test "a CPU that comes has a ring then, which all who read already see; one that goes leaves its records" {
	off
	load_module
	spawn_ready reader ringdump
	spawn watch tcptrace-ctl watch --level=life --json 9571
	wait_until readers_are 2
	same "$(rings)" 1
	connections -p 9571 -n 2
	on
	same "$(rings)" 2
	taskset -c 1 connections -p 9571 -n 3
	off
	same "$(rings)" 2
	# Read after its CPU went offline; also by a reader that starts now.
	ringdump --oldest --once --no-filter >"$(out_of late)"
	is "$(of_cpu 1 late type=accept sport=9571) >= 3"
	stop reader
	is "$(lines "$(out_of reader)" type=accept sport=9571) == 5"
	is "$(of_cpu 1 reader type=accept sport=9571) >= 3"
	stop watch INT
	is "$(grep -c '"type":"accept"' "$(out_of watch)") == 5"
	is "$(counter lost) == 0"
	# They are freed with the last reader. The next reader gets those of the CPUs that are online.
	same "$(rings)" 0
	spawn_ready reader ringdump
	same "$(rings)" 1
}
readers_are() { [[ $(readers) = "$1" ]]; }

@test "CPUs go and come under traffic with readers: each record is read, or counted" {
	local i before read overwritten holes reserved accepts
	load_module
	spawn_ready life ringdump --clause sport=9572-9573 --clause dport=9572-9573
	spawn_ready queue ringdump --level queue --mine --clause sport=9572
	spawn_ready group nlfamily --rcvbuf 67108864 life
	spawn one connections -p 9572 -n 0 --pause 2000
	spawn two connections -p 9573 -n 0 -f 6 -e reset --pause 2000
	for i in 1 2 3 4 5 6; do
		before=$(counter published)
		off
		wait_until published_since "$before" 150
		before=$(counter published)
		on
		wait_until published_since "$before" 150
	done
	stop one
	stop two
	accepts=$(($(value connections "$(<"$(out_of one)")") + $(value connections "$(<"$(out_of two)")")))
	grep -q ' errors=0$' "$(out_of one)"
	grep -q ' errors=0$' "$(out_of two)"
	stop queue
	stop life
	tally life
	is "read + overwritten + holes == reserved"
	is "overwritten == 0"
	is "$(lines "$(out_of life)" 'type=accept' 'sport=957[23]') == accepts"
	is "$(of_cpu 1 life 'type=.*') > 0"
	tally queue
	is "read + overwritten + holes == reserved"
	is "$(lines "$(out_of queue)" type=accept sport=9572) == $(value connections "$(<"$(out_of one)")")"
	# The very last event, to know when all have arrived.
	connections -p 9574
	wait_until last_told
	stop group
	fails grep -E 'lost=|ENOBUFS' "$(out_of group)"
	is "$(lines "$(out_of group)" type=4 'sport=957[23]') == accepts"
}
last_told() { (($(lines "$(out_of group)" type=4 sport=9574) > 0)); }
published_since() { (($(counter published) >= $1 + $2)); }

@test "a CPU that comes when there is no memory for its ring is not kept away: what is lost there is counted, and told" {
	local limit ring=64
	limit=$(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) / 4 * 1024))
	while ((ring <= 524288 && ring * 2 * 192 <= limit)); do
		ring=$((ring * 2))
	done
	((2 * ring * 192 > limit)) || skip "much memory: two of the largest rings are no quarter of it"
	off
	# There is memory for one ring only, and that one exists.
	load_module ring=$ring
	spawn_ready reader ringdump
	spawn watch tcptrace-ctl watch --level=life 9575
	wait_until readers_are 2
	on
	same "$(<$CPU)" 1
	same "$(rings)" 1
	like "$(kernel_log)" "*tcptrace: no memory for the ring of CPU 1: its records are lost*"
	taskset -c 1 connections -p 9575 -n 3
	taskset -c 0 connections -p 9575 -n 2
	is "$(lost_on 1) > 0"
	same "$(lost_on 0)" 0
	stop reader
	is "$(lines "$(out_of reader)" type=accept sport=9575) >= 2"
	is "$(of_cpu 1 reader 'type=.*') == 0"
	stop watch INT
	fails grep -E '^-- .* 0 lost$' "$(out_of watch)"
	grep -E "^-- .*, $(counter lost) lost" "$(out_of watch)"
	# Each hit is accounted for, there too.
	awk '
		$1 == "cpu" { cpus = 1; next }
		$1 == "id" { exit }
		cpus && NF && $2 != $3 + $4 + $5 + $6 { print; wrong = 1 }
		END { exit wrong }' $STATUS
}
