#!/bin/sh
# Prints the path of restic 0.18 (Debian 13's): the installed one if it is that new, else unpacked
# from Debian's archive into a cache folder; the system's packages stay as they are.
# RESTIC18=PATH overrides.
set -eu
new_enough() {
	"$1" version 2>/dev/null | awk \
		'{ split($2, v, "."); ok = v[1] > 0 || v[2] >= 18 } END { exit !ok }'
}
for r in "${RESTIC18:-}" "$(command -v restic || true)"; do
	if [ -n "$r" ] && new_enough "$r"; then
		echo "$r"
		exit 0
	fi
done
D=${A_BACKUP_CACHE:-${XDG_CACHE_HOME:-/var/tmp}/a_backup-tests-$(id -u)}/restic18
bin=$D/usr/bin/restic
if ! new_enough "$bin"; then
	rm -rf "$D"
	mkdir -p "$D/lists/partial" "$D/parts"
	# The machine's own package source, for another suite.
	for f in /etc/apt/sources.list.d/*.sources; do
		[ -e "$f" ] || continue
		awk 'BEGIN { RS = "" } /Suites: bookworm[ \n]/ { sub(/Suites:[^\n]*/, "Suites: trixie"); print; exit }' "$f" >"$D/parts/x.sources"
		[ -s "$D/parts/x.sources" ] && break
	done
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -s "$D/parts/x.sources" ] || [ -s "$D/parts/x.list" ] || [ ! -e "$f" ] ||
			sed -n 's/^\(deb .*\) bookworm \(.*\)/\1 trixie \2/p' "$f" |
			head -n 1 >"$D/parts/x.list"
	done
	set -- -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$D/parts" \
		-o "Dir::State::lists=$D/lists" -o APT::Sandbox::User=root
	apt-get "$@" -qq update >&2
	(cd "$D" && apt-get "$@" -qq download restic >&2 && dpkg-deb -x restic_*.deb .)
fi
"$bin" version >&2
echo "$bin"
