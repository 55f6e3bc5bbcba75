# SPDX-License-Identifier: GPL-2.0-only
# Real servers under real clients: what watch counts, against what they count themselves, and the kernel's counters.

load helper
load watch
setup()
{
	common_setup
	load_source
}
teardown() { watch_teardown; }

# kernel_counts: the kernel's counters since the last call, as KERNEL, an associative array
kernel_counts()
{
	local name value
	declare -gA KERNEL=()
	while read -r name value _; do
		KERNEL[$name]=$value
	done < <(nstat -z TcpActiveOpens TcpPassiveOpens TcpEstabResets TcpAttemptFails)
}

watch_everything()
{
	watch_start --level=life
	kernel_counts
}

# Each connection from the beginning to the end, on both ends: what the kernel counted is what watch saw.
as_the_kernel_counts()
{
	wait_until quiet_port "$1"
	kernel_counts
	watch_stop
	local connects children resets verdicts
	connects=$(lines "$EVENTS" type=connect)
	children=$(lines "$EVENTS" type=request op=acked)
	resets=$(($(lines "$EVENTS" type=state old=ESTABLISHED new=CLOSE) +
		$(lines "$EVENTS" type=state old=CLOSE_WAIT new=CLOSE)))
	verdicts=$(lines "$EVENTS" type=verdict)
	echo "connects $connects, children $children, resets $resets, verdicts $verdicts"
	same "$connects" "${KERNEL[TcpActiveOpens]}" TcpActiveOpens
	# Where two CPUs make a child of one request at the same time, the kernel counts both and keeps one
	# (inet_csk_complete_hashdance(), own_req). Both go through there.
	[[ $SOURCE != module ]] ||
		same "$(probe_hits inet_csk_complete_hashdance)" "${KERNEL[TcpPassiveOpens]}" "TcpPassiveOpens, by hits"
	is "KERNEL[TcpPassiveOpens] >= children && KERNEL[TcpPassiveOpens] - children <= 2"
	same "$resets" "${KERNEL[TcpEstabResets]}" TcpEstabResets
	same "${KERNEL[TcpAttemptFails]}" 0 "TcpAttemptFails, of which there should be none"
	is "connects > 0 && verdicts == connects + children"
}

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
			server { listen 127.0.0.1:9401; location / { return 200 "hello\n"; } }
			server { listen 127.0.0.1:9402; location / { access_log off; stub_status; } }
		}
	END
	spawn nginx nginx -c "$BATS_TEST_TMPDIR/nginx.conf"
	wait_until ss_has state listening sport = :9402
}

# What nginx says it has accepted, this question included.
nginx_accepts() { busybox wget -qO- http://127.0.0.1:9402/ | awk '/^ / { print $1; exit }'; }

@test "nginx and wrk, a connection for each request" {
	nginx_start
	local before after accepted
	before=$(nginx_accepts)
	watch_everything
	wrk -t 1 -c 4 -d 3s -H 'Connection: close' http://127.0.0.1:9401/ >"$BATS_TEST_TMPDIR/wrk"
	wait_until quiet_port 9401
	after=$(nginx_accepts)
	as_the_kernel_counts 9402
	cat "$BATS_TEST_TMPDIR/wrk"
	accepted=$(lines "$EVENTS" type=accept sport=9401 comm=nginx pid="${JOBS[nginx]}")
	same "$accepted" $((after - before - 1)) "accepted, by nginx's stub_status"
	# Each answered request was a connection of its own.
	local requests
	requests=$(grep -c . "$BATS_TEST_TMPDIR/access.log")
	is "requests > 10 && accepted >= requests"
}

@test "nginx and wrk, connections that live on" {
	nginx_start
	local before after accepted requests
	before=$(nginx_accepts)
	watch_everything
	wrk -t 1 -c 8 -d 2s http://127.0.0.1:9401/ >"$BATS_TEST_TMPDIR/wrk"
	wait_until quiet_port 9401
	after=$(nginx_accepts)
	as_the_kernel_counts 9402
	accepted=$(lines "$EVENTS" type=accept sport=9401 comm=nginx)
	requests=$(grep -c . "$BATS_TEST_TMPDIR/access.log")
	same "$accepted" $((after - before - 1)) "accepted, by nginx's stub_status"
	is "accepted >= 8 && requests > accepted"
}

redis_connections() { redis-cli -p 9403 info stats | tr -d '\r' | awk -F: '$1 == "total_connections_received" { print $2 }'; }

@test "redis and redis-benchmark, with and without keepalive" {
	local before after
	spawn redis redis-server --port 9403 --bind 127.0.0.1 --save '' --appendonly no --dir "$BATS_TEST_TMPDIR"
	wait_until ss_has state listening sport = :9403
	before=$(redis_connections)
	watch_everything
	redis-benchmark -p 9403 -q -t ping_mbulk -n 150 -c 5 -k 0
	redis-benchmark -p 9403 -q -t set,get -n 500 -c 10
	after=$(redis_connections)
	as_the_kernel_counts 9403
	# The last question is counted in its own answer.
	same "$(lines "$EVENTS" type=accept sport=9403 comm=redis-server pid="${JOBS[redis]}")" $((after - before)) \
		"accepted, by redis"
	is "$((after - before)) > 150"
}

@test "one connection after the other, each of which is seen" {
	local made
	watch_start --level=life 9404
	spawn flood connections -p 9404 -n 0 -b 1000 --pause 3000
	nap 4
	stop flood TERM
	made=$(value connections "$(<"$(out_of flood)")")
	wait_until quiet_port 9404
	watch_stop
	is "made > 50"
	same "$(lines "$EVENTS" type=connect dport=9404)" "$made" "connections, by the application"
	same "$(lines "$EVENTS" type=accept sport=9404)" "$made" "accepted"
	same "$(lines "$EVENTS" type=verdict)" $((2 * made)) "verdicts of both ends"
}
