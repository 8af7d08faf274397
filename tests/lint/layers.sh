#!/bin/sh
# Includes point down (docs/layers.txt), and only src/cmd prints or exits.
set -u
bad=0

awk '
FNR == NR {
	if ($1 == "room") {
		level[$2] = $3
		for (i = 4; i <= NF; i++) {
			listed[$2] = 1
			may[$2, $i] = 1
		}
	} else if ($1 == "foreign") {
		for (i = 3; i <= NF; i++)
			home[$2] = home[$2] " " $i
	} else if ($1 == "private") {
		for (i = 3; i <= NF; i++)
			den[$2] = den[$2] " " $i
	}
	next
}
FNR == 1 {
	split(FILENAME, part, "/")
	room = part[2]
	if (!(room in level))
		say("room " room " is not in docs/layers.txt")
}
function say(text) {
	print FILENAME ":" FNR ": " text
	bad = 1
}
function begins_with_one_of(paths,   n, p, i) {
	n = split(paths, p, " ")
	for (i = 1; i <= n; i++)
		if (index(FILENAME, p[i]) == 1)
			return 1
	return 0
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, q, "\"")
	n = split(q[2], p, "/")
	if (p[1] == "a_backup")
		next
	if (n < 2 || !(p[1] in level))
		say("include \"" q[2] "\": not written as room/module.h")
	else if (p[1] != room && (level[p[1]] >= level[room] || ((room in listed) && !((room, p[1]) in may))))
		say(room " must not include \"" q[2] "\"")
	else if ((q[2] in den) && !begins_with_one_of(den[q[2]]))
		say("\"" q[2] "\" is private to" den[q[2]])
}
/^[ \t]*#[ \t]*include[ \t]*</ {
	split($0, q, "[<>]")
	for (f in home) {
		if (index(q[2], f) != 1)
			continue
		if (!begins_with_one_of(home[f]))
			say("<" q[2] "> belongs in" home[f])
	}
}
END { exit bad }
' docs/layers.txt src/*/*.[ch] || bad=1

# What an object refers to tells more than a search for words.  abort is for base/mem and what
# cannot go on at all.
for lib in "$B"/lib*.a; do
	case $lib in
	*/libcmd.a | */liba_backup.a | */libtest.a) continue ;;
	esac
	[ -e "$lib" ] || continue
	found=$(nm -A -u "$lib" 2>/dev/null | grep -E \
		' U (stdout|stderr|printf|__printf_chk|vprintf|__vprintf_chk|puts|putchar|perror|exit|_exit|quick_exit)(@.*)?$')
	if [ -n "$found" ]; then
		echo "Only src/cmd prints or exits:"
		echo "$found"
		bad=1
	fi
done
exit $bad
