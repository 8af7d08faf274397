# keystone.sh: to be read by a test: a Keystone v3 of its own on loopback.
#
# keystone_up DIR PORT RGW_URL [SECONDS]: users testuser/testpw (member of project_2001234 and
# project_2005678) and norole/norolepw, the service user rgw/rgwpw that Ceph logs in with, and an
# object store at RGW_URL/swift/v1/AUTH_<project>.  Tokens live SECONDS (3600).  Data in DIR;
# DIR/rgw.conf is what a Ceph gateway needs to use it.
# keystone_life DIR PORT SECONDS: start again with another lifetime of tokens.
# keystone_down DIR.

keystone_wait() { # PORT
	for i in $(seq 200); do
		curl -fs -o /dev/null "http://127.0.0.1:$1/v3" && return 0
		sleep 0.1
	done
	echo "Keystone does not start" >&2
	return 1
}

keystone_start() { # DIR PORT
	keystone-wsgi-public -b 127.0.0.1 -p "$2" -- --config-file "$1/keystone.conf" \
		>"$1/log/wsgi.log" 2>&1 </dev/null &
	echo $! >"$1/pid"
	keystone_wait "$2"
}

keystone_down() { # DIR
	[ -s "$1/pid" ] || return 0
	kill "$(cat "$1/pid")" 2>/dev/null
	wait "$(cat "$1/pid")" 2>/dev/null
	rm -f "$1/pid"
}

keystone_life() { # DIR PORT SECONDS
	keystone_down "$1"
	sed -i "s/^expiration = .*/expiration = $3/" "$1/keystone.conf"
	keystone_start "$1" "$2"
}

keystone_up() { # DIR PORT RGW_URL [SECONDS]
	ks=$1 ks_url=http://127.0.0.1:$2/v3
	mkdir -p "$ks/fernet" "$ks/cred" "$ks/log" || return 1
	cat >"$ks/keystone.conf" <<-C
		[DEFAULT]
		log_file = $ks/log/keystone.log
		[database]
		connection = sqlite:///$ks/keystone.db
		[token]
		provider = fernet
		expiration = ${4:-3600}
		allow_expired_window = 0
		[cache]
		enabled = false
		[fernet_tokens]
		key_repository = $ks/fernet
		[credential]
		key_repository = $ks/cred
		[identity]
		password_hash_rounds = 4
	C
	cat >"$ks/rgw.conf" <<-C
		rgw keystone url = http://127.0.0.1:$2
		rgw keystone api version = 3
		rgw keystone admin user = rgw
		rgw keystone admin password = rgwpw
		rgw keystone admin domain = Default
		rgw keystone admin project = service
		rgw keystone accepted roles = admin,member
		rgw keystone implicit tenants = false
		rgw keystone token cache size = 10000
		rgw keystone verify ssl = false
		rgw s3 auth use keystone = true
		rgw swift account in url = true
	C
	# The tools want the database's owner to be who runs them; we are root and stay it.
	me=$(id -un)
	km="keystone-manage --config-file $ks/keystone.conf"
	$km db_sync >"$ks/log/setup.log" 2>&1 &&
		$km fernet_setup --keystone-user "$me" --keystone-group "$me" \
			>>"$ks/log/setup.log" 2>&1 &&
		$km credential_setup --keystone-user "$me" --keystone-group "$me" \
			>>"$ks/log/setup.log" 2>&1 &&
		$km bootstrap --bootstrap-password adminpw --bootstrap-admin-url "$ks_url/" --bootstrap-internal-url "$ks_url/" \
			--bootstrap-public-url "$ks_url/" --bootstrap-region-id regionOne \
			>>"$ks/log/setup.log" 2>&1 || {
		tail -n 20 "$ks/log/setup.log" >&2
		return 1
	}
	# Without WAL a reader's open transaction makes writers fail: "database is locked", HTTP
	# 500.
	python3 -c \
		"import sqlite3; sqlite3.connect('$ks/keystone.db').execute('pragma journal_mode=wal').fetchone()" || return 1
	keystone_start "$ks" "$2" && python3 tests/lib/keystone_users.py "$ks_url" "$3"
}
