# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The applications of the soak, and what they count themselves. Each has ports of its own:
#
#	9401 9402  nginx under wrk; its stub_status
#	9403       redis under redis-benchmark
#	9404       iperf3, a part of whose data is dropped
#	9405-9408  tests/tools/connections: the client closes first; the server does, IPv6; resets; IPv4-mapped
#	9409       nobody: refused
#
# Uses $WORK, and $TRAFFIC_ENDS, a time by $EPOCHSECONDS.

NGINX=9401 NGINX_STATUS=9402 REDIS=9403 IPERF=9404 CLIENT_FIRST=9405 SERVER_FIRST=9406 RESETS=9407 MAPPED=9408 NOBODY=9409
declare -A SERVERS=() SHORT=()
DRIVERS=()

listens() { [[ -n $(ss -Htln "sport = :$1") ]]; }
goes_on() { ((EPOCHSECONDS < TRAFFIC_ENDS)); }

nginx_conf()
{
	cat <<-END
		daemon off;
		master_process off;
		pid $WORK/nginx.pid;
		error_log stderr;
		events { worker_connections 256; }
		http {
			access_log off;
			client_body_temp_path $WORK/nginx;
			proxy_temp_path $WORK/nginx;
			fastcgi_temp_path $WORK/nginx;
			uwsgi_temp_path $WORK/nginx;
			scgi_temp_path $WORK/nginx;
			server { listen 127.0.0.1:$NGINX; location / { return 200 "hello\n"; } }
			server { listen 127.0.0.1:$NGINX_STATUS; location / { stub_status; } }
		}
	END
}

servers_begin()
{
	mkdir -p "$WORK/nginx"
	nginx_conf >"$WORK/nginx.conf"
	nginx -c "$WORK/nginx.conf" 2>"$WORK/nginx.err" &
	SERVERS[nginx]=$!
	redis-server --port $REDIS --bind 127.0.0.1 --save '' --appendonly no --dir "$WORK" >"$WORK/redis.out" &
	SERVERS[redis]=$!
	iperf3 -s -p $IPERF >"$WORK/iperf.server" 2>&1 &
	SERVERS[iperf3]=$!
	wait_until listens $NGINX_STATUS
	wait_until listens $REDIS
	wait_until listens $IPERF
}

servers_end()
{
	kill "${SERVERS[@]}"
	wait "${SERVERS[@]}" || true
}

# Of iperf3's data, in both directions, one segment in some hundreds is dropped.
drop_some()
{
	nft -f - <<-END
		table inet soak {
			chain input {
				type filter hook input priority 0; policy accept;
				tcp dport $IPERF meta length > 1000 numgen inc mod 300 == 7 drop
				tcp sport $IPERF meta length > 1000 numgen inc mod 300 == 7 drop
			}
		}
	END
}

# ---- who drives them; each in a shell of its own until the time is over ----

wrk_driver()
{
	while goes_on; do
		wrk -t 1 -c 8 -d 5s "http://127.0.0.1:$NGINX/" >>"$WORK/wrk" || echo failed >>"$WORK/wrk.failed"
		wrk -t 1 -c 4 -d 5s -H 'Connection: close' "http://127.0.0.1:$NGINX/" >>"$WORK/wrk" || echo failed >>"$WORK/wrk.failed"
	done
}

redis_driver()
{
	while goes_on; do
		redis-benchmark -p $REDIS -q -t ping_mbulk -n 300 -c 5 -k 0 || echo failed >>"$WORK/redis.failed"
		redis-benchmark -p $REDIS -q -t set,get -n 2000 -c 10 -P 4 -d 1000 || echo failed >>"$WORK/redis.failed"
	done >"$WORK/redis-benchmark" 2>&1
}

# Each test leaves one file, with the number of its connections.
iperf_driver()
{
	local n=0 way ways=("-c 127.0.0.1" "-c ::1" "-c 127.0.0.1 -R" "-c ::1 -R")
	while goes_on; do
		way=${ways[n % 4]}
		n=$((n + 1))
		# shellcheck disable=SC2086 # several words
		iperf3 $way -p $IPERF -t 5 -P 2 -b 30M -J >"$WORK/iperf.$n" || echo "$n" >>"$WORK/iperf.failed"
	done
}

refused_driver()
{
	local n=0
	while goes_on; do
		if { exec 9<>/dev/tcp/127.0.0.1/$NOBODY; } 2>/dev/null; then
			echo connected >>"$WORK/refused.failed"
		fi
		n=$((n + 1))
		nap 0.2
	done
	echo "refused=$n" >"$WORK/refused"
}

# short PORT OPTION...: one connection after the other until it is stopped, when it prints how many
short()
{
	local port=$1
	connections -p "$@" -n 0 >"$WORK/short.$port" 2>&1 &
	SHORT[$port]=$!
}

traffic_begin()
{
	wrk_driver &
	DRIVERS+=($!)
	redis_driver &
	DRIVERS+=($!)
	iperf_driver &
	DRIVERS+=($!)
	refused_driver &
	DRIVERS+=($!)
	short $CLIENT_FIRST --pause 5000
	short $SERVER_FIRST -f 6 -e server -b 3000 --pause 7000
	short $RESETS -e reset -b 100 --pause 11000
	short $MAPPED -f mapped -b 20000 --pause 13000
}

# Waits for those that end by themselves, ends the others.
traffic_end()
{
	wait "${DRIVERS[@]}" || true
	kill -TERM "${SHORT[@]}"
	wait "${SHORT[@]}" || true
}

# ---- what they count ----

# shellcheck disable=SC2034 # COUNTS is for checks.bash
# COUNTS[name]; each of these questions is a connection itself, and is counted in its own answer.
applications_count()
{
	local port answer
	declare -gA COUNTS=()
	answer=$(busybox wget -qO- http://127.0.0.1:$NGINX_STATUS/)
	read -r "COUNTS[nginx]" _ "COUNTS[requests]" <<<"$(awk '/^ / { print; exit }' <<<"$answer")"
	COUNTS[redis]=$(redis-cli -p $REDIS info stats | tr -d '\r' | awk -F: '$1 == "total_connections_received" { print $2 }')
	# Each test has one for control, and one for each stream.
	COUNTS[iperf3]=$(cat "$WORK"/iperf.[0-9]* | awk '/"remote_port"/ { n++ } /"test_start"/ { n++ } END { print n + 0 }')
	COUNTS[refused]=$(sed 's/refused=//' "$WORK/refused")
	for port in "${!SHORT[@]}"; do
		COUNTS[$port]=$(sed -n 's/^connections=\([0-9]*\) errors=0$/\1/p' "$WORK/short.$port")
	done
	COUNTS[wrk]=$(awk '$2 == "requests" { n += $1 } END { print n + 0 }' "$WORK/wrk")
}

# Prints what went wrong in them; the counts hold nothing else.
applications_failures()
{
	local port
	cat "$WORK"/*.failed 2>/dev/null || true
	grep -hE 'Socket errors|Non-2xx' "$WORK/wrk" || true
	for port in "${!SHORT[@]}"; do
		grep -qE '^connections=[1-9][0-9]* errors=0$' "$WORK/short.$port" || cat "$WORK/short.$port"
	done
}
