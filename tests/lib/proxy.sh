#!/bin/sh
# A proxy on loopback between a client and a store that is far away and ill: nginx, with what goes
# wrong in Lua.
#
# proxy.sh start DIR UPSTREAM [SETTING=VALUE…]  UPSTREAM: host:port of the store.  Data in DIR;
# DIR/url is where it listens.  Every request takes latency=MS longer.
#                                               busy=, slow=, cut=: every n-th request is answered
#                                               with 503 and Retry-After; is answered 2 seconds late
#                                               at 1 MB/s; is reset in the middle of its body, or
#                                               its answer is (of those with a body to speak of).
#                                               0: never. port=: where to listen (else some free
#                                               port)
# proxy.sh stop DIR ends it at once, as a crash does; it can be started again in the same DIR with
# the same port
#
# DIR/log has a line for each request: fault (or "-"), method, status, bytes sent, bytes received,
# seconds, URI.
#
# Counted, not drawn by lot: a test with few requests shall see each fault, and never so many of
# them in a row that giving up would be right.
set -eu

config() {
	modules=$(dirname \
		"$(find /usr/lib/nginx /usr/lib64/nginx /usr/local/nginx -name ngx_http_lua_module.so 2>/dev/null | head -n 1)")
	cat <<C
load_module $modules/ndk_http_module.so;
load_module $modules/ngx_http_lua_module.so;
daemon off;
master_process off;
pid $D/nginx.pid;
error_log $D/errors warn;
events { worker_connections 1024; }
http {
	log_format plain '\$fault \$request_method \$status \$body_bytes_sent \$request_length \$request_time \$request_uri';
	access_log $D/log plain;
	client_max_body_size 0;
	client_body_temp_path $D/tmp.b;
	proxy_temp_path $D/tmp.p;
	fastcgi_temp_path $D/tmp.f;
	uwsgi_temp_path $D/tmp.u;
	scgi_temp_path $D/tmp.s;
	keepalive_requests 100000;
	proxy_http_version 1.1;
	proxy_set_header Connection "";
	proxy_set_header Host \$http_host;
	proxy_request_buffering off;
	# Closing a connection then resets it.
	reset_timedout_connection on;
	upstream store { server $UPSTREAM; keepalive 64; keepalive_requests 100000; }
	init_by_lua_block {
		LARGE = 100000 -- bytes: smaller bodies come in one piece
		seen = { busy = 0, cut = 0, slow = 0 }
		every = { busy = $busy, cut = $cut, slow = $slow }
		function due(what) -- the second, and then every n-th
			seen[what] = seen[what] + 1
			return every[what] > 0 and seen[what] % every[what] == 2 % every[what]
		end
	}
	server {
		listen 127.0.0.1:$port;
		set \$fault -;
		location / {
			access_by_lua_block {
				ngx.sleep($latency / 1000)
				local body = tonumber(ngx.var.http_content_length) or 0
				if due("busy") then
					ngx.var.fault = "busy"
					ngx.header["Retry-After"] = "1"
					ngx.status = 503
					ngx.say("busy")
					return ngx.exit(ngx.OK)
				end
				if due("slow") then
					ngx.var.fault = "slow"
					ngx.sleep(2)
					return ngx.exec("@slow")
				end
				if body > LARGE and due("cut") then
					ngx.var.fault = "cut"
					ngx.req.socket():receive(math.floor(body / 2))
					return ngx.exit(444)
				end
			}
			header_filter_by_lua_block {
				if (tonumber(ngx.header.content_length) or 0) > LARGE and ngx.var.request_method == "GET" and due("cut") then
					ngx.var.fault = "cut"
					ngx.ctx.left = tonumber(ngx.header.content_length) / 2
				end
			}
			body_filter_by_lua_block {
				if ngx.ctx.left then
					ngx.ctx.left = ngx.ctx.left - #ngx.arg[1]
					if ngx.ctx.left < 0 then
						return ngx.ERROR
					end
				end
			}
			proxy_buffering off;
			proxy_pass http://store;
		}
		# The rate is kept only with buffering, the middle of an answer is found only
		# without it.
		location @slow {
			limit_rate 1000000;
			proxy_pass http://store;
		}
	}
}
C
}

start() {
	D=$(realpath -m "$1") UPSTREAM=$2
	shift 2
	latency=0 busy=0 cut=0 slow=0 port=
	for setting in "$@"; do
		case $setting in
		latency=* | busy=* | cut=* | slow=* | port=*) eval "$setting" ;;
		*) echo "proxy.sh: $setting?" >&2 && return 2 ;;
		esac
	done
	[ -n "$port" ] || port=$(python3 "$(dirname "$0")/free_ports.py" 1)
	mkdir -p "$D"
	config >"$D/conf"
	PATH=$PATH:/usr/sbin nginx -p "$D" -e "$D/errors" -c "$D/conf" >"$D/out" 2>&1 </dev/null &
	echo $! >"$D/pid"
	tries=0
	until python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" \
		2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 50 ] && kill -0 "$(cat "$D/pid")" 2>/dev/null || {
			tail -n 5 "$D/out" "$D/errors" >&2
			return 1
		}
		sleep 0.1
	done
	echo "http://127.0.0.1:$port" >"$D/url"
}

stop() {
	[ -s "$1/pid" ] || return 0
	kill -9 "$(cat "$1/pid")" 2>/dev/null || true
	rm -f "$1/pid"
}

"$@"
