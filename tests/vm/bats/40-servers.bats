# SPDX-License-Identifier: GPL-2.0-only
# Real servers under real clients: what watch counts, compared with their own counts and the kernel's counters.

load recorded
setup_file() { recorded; }

RECORD_LEVEL=life
# Segments are not compared here.
SEGMENTS_OF="tcp port 9400"
PORTS_OF_ALL=({9401..9406})

# Until counting_ends, the kernel's counts belong to this function; CHILDREN counts the hits of the function that
# creates a child
counting_begins()
{
	counted_from_here
	CHILDREN=0
	[[ $SOURCE != module ]] || CHILDREN=$(probe_hits inet_csk_complete_hashdance)
}
counting_ends()
{
	counted_until_here
	[[ $SOURCE != module ]] || CHILDREN=$(($(probe_hits inet_csk_complete_hashdance) - CHILDREN))
	keep CHILDREN
}

# judge_all NAME PORT...: EVENTS is everything that watch shows, except the other tests' ports
judge_all()
{
	local port others=''
	judge "$@"
	for port in "${PORTS_OF_ALL[@]}"; do
		[[ " ${*:2} " = *" $port "* ]] || others+="${others:+ and }sport != :$port and dport != :$port"
	done
	events "$others" >"$EVENTS"
}

# Each connection, from beginning to end, at both endpoints: watch saw what the kernel counted.
as_the_kernel_counts()
{
	local connects children resets verdicts passive
	connects=$(lines "$EVENTS" type=connect)
	children=$(lines "$EVENTS" type=request op=acked)
	resets=$(($(lines "$EVENTS" type=state old=ESTABLISHED new=CLOSE) +
		$(lines "$EVENTS" type=state old=CLOSE_WAIT new=CLOSE)))
	verdicts=$(lines "$EVENTS" type=verdict)
	passive=$(counted TcpPassiveOpens)
	echo "connects $connects, children $children, resets $resets, verdicts $verdicts"
	same "$connects" "$(counted TcpActiveOpens)" TcpActiveOpens
	# If two CPUs create a child of one request at the same time, the kernel counts both and keeps one
	# (inet_csk_complete_hashdance(), own_req). Both go through that function.
	[[ $SOURCE != module ]] || same "$CHILDREN" "$passive" "TcpPassiveOpens, by hits"
	is "passive >= children && passive - children <= 2"
	same "$resets" "$(counted TcpEstabResets)" TcpEstabResets
	same "$(counted TcpAttemptFails)" 0 "TcpAttemptFails, of which there should be none"
	is "connects > 0 && verdicts == connects + children"
}

# nginx_start PORT STATUS-PORT
nginx_start()
{
	mkdir -p "$BATS_TEST_TMPDIR/nginx"
	cat >"$BATS_TEST_TMPDIR/nginx.conf" <<-END
		daemon off;
		master_process off;
		pid $BATS_TEST_TMPDIR/nginx.pid;
		error_log stderr;
		events { worker_connections 256; }
		http {
			access_log $BATS_TEST_TMPDIR/access.log;
			client_body_temp_path $BATS_TEST_TMPDIR/nginx;
			proxy_temp_path $BATS_TEST_TMPDIR/nginx;
			fastcgi_temp_path $BATS_TEST_TMPDIR/nginx;
			uwsgi_temp_path $BATS_TEST_TMPDIR/nginx;
			scgi_temp_path $BATS_TEST_TMPDIR/nginx;
			server { listen 127.0.0.1:$1; location / { return 200 "hello\n"; } }
			server { listen 127.0.0.1:$2; location / { access_log off; stub_status; } }
		}
	END
	spawn nginx nginx -c "$BATS_TEST_TMPDIR/nginx.conf"
	wait_until ss_has state listening sport = ":$2"
}

# How many connections nginx has accepted, according to its status at PORT, including this one.
nginx_accepts() { busybox wget -qO- "http://127.0.0.1:$1/" | awk '/^ / { print $1; exit }'; }

requests() { grep -c . "$BATS_TEST_TMPDIR/access.log"; }

# under_wrk PORT STATUS-PORT ARGUMENT...: nginx under wrk; wrk counts only seconds, and 40 requests are wanted
under_wrk()
{
	local port=$1 status_port=$2 before after seconds=1
	shift 2
	counting_begins
	nginx_start "$port" "$status_port"
	before=$(nginx_accepts "$status_port")
	REQUESTS=0
	until ((REQUESTS > 40)); do
		wrk -t 1 -d "${seconds}s" "$@" "http://127.0.0.1:$port/"
		REQUESTS=$(requests)
		seconds=$((2 * seconds))
	done
	wait_until quiet_port "$port"
	# Its log has all answered requests.
	REQUESTS=$(requests)
	after=$(nginx_accepts "$status_port")
	ACCEPTED=$((after - before - 1))
	wait_until quiet_port "$status_port"
	counting_ends
	keep REQUESTS ACCEPTED
}

traffic_nginx_close()
{
	under_wrk 9401 9402 -c 4 -H 'Connection: close'
}

@test "nginx and wrk, a connection for each request" {
	local accepted
	judge_all nginx_close 9401 9402
	as_the_kernel_counts
	accepted=$(lines "$EVENTS" type=accept sport=9401 comm=nginx pid="$(pid_of nginx)")
	same "$accepted" "$ACCEPTED" "accepted, by nginx's stub_status"
	# Each answered request had a connection of its own.
	is "REQUESTS > 10 && accepted >= REQUESTS"
}

traffic_nginx_keepalive()
{
	under_wrk 9405 9406 -c 8
}

@test "nginx and wrk, connections that live on" {
	local accepted
	judge_all nginx_keepalive 9405 9406
	as_the_kernel_counts
	accepted=$(lines "$EVENTS" type=accept sport=9405 comm=nginx)
	same "$accepted" "$ACCEPTED" "accepted, by nginx's stub_status"
	is "accepted >= 8 && REQUESTS > accepted"
}

redis_connections() { redis-cli -p 9403 info stats | tr -d '\r' | awk -F: '$1 == "total_connections_received" { print $2 }'; }

traffic_redis()
{
	local before after
	counting_begins
	spawn redis redis-server --port 9403 --bind 127.0.0.1 --save '' --appendonly no --dir "$BATS_TEST_TMPDIR"
	wait_until ss_has state listening sport = :9403
	before=$(redis_connections)
	redis-benchmark -p 9403 -q -t ping_mbulk -n 150 -c 5 -k 0
	redis-benchmark -p 9403 -q -t set,get -n 500 -c 10
	after=$(redis_connections)
	wait_until quiet_port 9403
	counting_ends
	# The last question is counted in its own answer, as was the first one.
	ACCEPTED=$((after - before + 1))
	keep ACCEPTED
}

@test "redis and redis-benchmark, with and without keepalive" {
	judge_all redis 9403
	as_the_kernel_counts
	same "$(lines "$EVENTS" type=accept sport=9403 comm=redis-server pid="$(pid_of redis)")" "$ACCEPTED" "accepted, by redis"
	is "ACCEPTED > 150"
}

traffic_one_by_one()
{
	connections -p 9404 -n 200 -b 1000 >"$BATS_TEST_TMPDIR/made"
	wait_until quiet_port 9404
	MADE=$(value connections "$(<"$BATS_TEST_TMPDIR/made")")
	keep MADE
}

@test "one connection after the other, each of which is seen" {
	judge_all one_by_one 9404
	is "MADE > 50"
	same "$(lines "$EVENTS" type=connect dport=9404)" "$MADE" "connections, by the application"
	same "$(lines "$EVENTS" type=accept sport=9404)" "$MADE" "accepted"
	same "$(lines "$EVENTS" type=verdict)" $((2 * MADE)) "verdicts of both ends"
}
