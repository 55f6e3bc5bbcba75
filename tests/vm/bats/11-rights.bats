# SPDX-License-Identifier: GPL-2.0-only
# Who may use the module, through procfs and through netlink, both when a file is opened and when it is used.

load helper
shopt -s extglob
setup() { common_setup; }
teardown() { common_teardown; }

@test "the files below /proc are root's alone" {
	load_module
	same "$(cd /proc/tcptrace && stat -c '%A %U %G %n' events sockets status *)" "\
-rw------- root root events
-r-------- root root sockets
-r-------- root root status
-rw------- root root events
-r-------- root root sockets
-r-------- root root status"
}

# 6.1 cannot skip a subscriber, and lets nobody without CAP_SYS_ADMIN join.
joins_strictly() { [[ $(uname -r) = 6.1.* ]]; }

# refuse MESSAGE JOINS COMMAND...: what COMMAND runs gets nothing from the files (MESSAGE) or through netlink. JOINS:
# the result of joining the group
refuse()
{
	local file message=$1 joins=$2
	shift 2
	run -1 "$@" cat /proc/tcptrace/{events,sockets,status}
	for file in events sockets status; do
		like "$output" "*/proc/tcptrace/$file: $message*"
	done
	is "${#lines[@]} == 3"
	# shellcheck disable=SC2016 # is for the inner shell
	run "$@" bash -c 'for request; do nlfamily $request; done' - info probes cpus filters
	same "$output" "\
refused: EPERM
refused: EPERM
refused: EPERM
refused: EPERM"
	# Whoever may join still receives nothing: see below.
	run -1 "$@" nlfamily life
	same "$output" "refused: $joins"
}

# allow COMMAND...: what COMMAND runs gets everything
allow()
{
	local request
	for request in info probes cpus filters; do
		"$@" nlfamily $request >/dev/null
	done
	"$@" cat $STATUS >/dev/null
	"$@" snapshot >/dev/null
	"$@" ringdump --once >/dev/null
}

# effective COMMAND...: its effective capabilities, according to the kernel
effective() { "$@" awk '$1 == "CapEff:" { print $2 }' /proc/self/status; }

@test "CAP_NET_ADMIN and CAP_PERFMON, or CAP_SYS_ADMIN for the latter; one alone is refused" {
	local operation="Operation not permitted" join="bind to the group: EPERM" strictly=EPERM
	load_module
	! joins_strictly || strictly=$join
	same "$(effective with net_admin)" "$(printf %016x $((1 << 12)))"
	same "$(effective with perfmon)" "$(printf %016x $((1 << 38)))"
	# Root without capabilities passes the check of the mode, and must not pass the module's.
	refuse "$operation" "$join" setpriv --bounding-set -net_admin --inh-caps -net_admin
	refuse "$operation" "$strictly" with net_admin
	refuse "$operation" "$join" with perfmon
	refuse "$operation" "$join" with sys_admin
	refuse "Permission denied" "$join" setpriv --reuid nobody --clear-groups
	allow with net_admin,perfmon
	allow with net_admin,sys_admin
	allow env
}

@test "root of a container is refused, be its namespaces of users or of networks" {
	local operation="Operation not permitted"
	load_module
	# In a user namespace it owns the files as far as their mode is concerned.
	refuse "$operation" "bind to the group: EPERM" unshare -Ur
	# In a network namespace of its own it has CAP_NET_ADMIN for that namespace, where the family must not exist.
	run -1 unshare -Urn bash -c 'nlfamily info; nlfamily --no-start life; cat "$0"' $STATUS
	same "${lines[0]}" "refused: ENOENT"
	same "${lines[1]}" "refused: ENOENT"
	like "${lines[2]}" "*$operation"
	# The same without a user namespace, as a container has it with --cap-add NET_ADMIN.
	run -1 unshare -n -p -f --mount-proc setpriv --bounding-set -all,+net_admin --inh-caps -all bash -c \
		'nlfamily info; snapshot; ringdump --once' -
	same "${lines[0]}" "refused: ENOENT"
	like "${lines[1]}" "*/sockets: $operation"
	like "${lines[2]}" "*/events: $operation"
}

# handed_to COMMAND...: what it can do with files that were opened with all rights
handed_to() { "$@" handed_on 3<>/proc/tcptrace/events 4</proc/tcptrace/sockets 5<$STATUS; }

@test "an open file in the hands of who has not the right is worth nothing" {
	local none="\
write a filter: EPERM
map: EPERM
read sockets: EPERM
read status: EPERM"
	load_module
	same "$(handed_to with net_admin,perfmon)" "${none//EPERM/fine}"
	same "$(handed_to with net_admin)" "$none"
	same "$(handed_to with perfmon)" "$none"
	same "$(handed_to setpriv --reuid nobody --clear-groups)" "$none"
	same "$(handed_to unshare -Ur)" "$none"
	none_armed
}

@test "of a netlink socket both are asked, who opened it and who uses it" {
	local request count
	load_module
	for request in info probes cpus filters; do
		run -1 nlfamily --without open $request
		same "$request: $output" "$request: refused: EPERM"
		run -1 nlfamily --without send $request
		same "$request: $output" "$request: refused: EPERM"
	done
	run -1 nlfamily --without join life
	same "$output" "refused: bind to the group: EPERM"
	# A dump continues when the socket is read. So more than one message is needed, more than the first part.
	spawn_ready many limits clauses
	count=$(nlfamily filters | grep -c .)
	is "count >= 31"
	is "$(nlfamily --without read filters | grep -c .) < count"
}

@test "who joined the group without the right gets nothing, while others do" {
	local name weak=() strong=(life)
	load_module
	spawn_ready life nlfamily life
	if joins_strictly; then
		for name in net_admin net_admin,perfmon; do
			run -1 with $name nlfamily --no-start life
			same "$name: $output" "$name: refused: bind to the group: EPERM"
		done
	else
		# The process that opened the socket had no capability, or too few, or enough.
		spawn_ready opener nlfamily --without open --no-start life
		spawn_ready few setpriv --bounding-set -all,+net_admin --inh-caps -all nlfamily --no-start life
		spawn_ready enough setpriv --bounding-set -all,+net_admin,+perfmon --inh-caps -all nlfamily --no-start life
		weak=(opener few) strong+=(enough)
	fi
	connections -p 9109 -n 3
	for name in "${strong[@]}"; do
		wait_until accepted $name
	done
	for name in "${weak[@]}"; do
		stop $name
		same "$name: $(<"$(out_of $name)")" "$name: # ready"
	done
}
accepted() { is "$(lines "$(out_of "$1")" type=4 sport=9109) == 3" >/dev/null; }

@test "another network namespace has no family" {
	load_module
	run -1 unshare -n nlfamily info
	same "$output" "refused: ENOENT"
	nlfamily info
}
