#!/bin/sh
# What the objects of src say of each other, beside docs/layers.txt: every exported function has a
# user in another file of src, or is a `seam` for tests, `api` or `planned`; files refer to each
# other in no circle but those of its `circle` lines; what its `only` lines name is called nowhere
# else.  All these lines must still be true.
set -u
[ -z "${SAN:-}" ] || exit 77 # sanitizers have symbols of their own in each object
B=${B:-build/rel}
T=$(mktemp -d) || exit 2
trap 'rm -rf "$T"' EXIT

for c in src/*/*.c; do
	o=$B/obj/${c%.c}.o
	[ -e "$o" ] || continue
	nm -g "$o" | awk -v f="$c" '{ print f, ($(NF - 1) == "U" ? "uses" : "has"), $NF }'
done >"$T/symbols"
[ -s "$T/symbols" ] || {
	echo 'nothing is built'
	exit 77
}
# What tests use, as words: of a seam that no test uses nothing is left to say.
grep -hoE '[a-z][a-z0-9_]+' tests/*/*.[ch] benchmarks/*.c | sort -u >"$T/words"

awk -v T="$T" '
function say(text) {
	print text
	bad = 1
}
# reach: all that can be reached from `from`, into seen[].
function reach(from,    stack, n, f, i, to, count) {
	split("", seen)
	stack[n = 1] = from
	while (n > 0) {
		f = stack[n--]
		count = split(next_of[f], to, " ")
		for (i = 1; i <= count; i++)
			if (!(to[i] in seen)) {
				seen[to[i]] = 1
				stack[++n] = to[i]
			}
	}
}
# sorted(words): in the order of the alphabet.
function sorted(words,    w, n, i, j, x, all) {
	n = split(words, w, " ")
	for (i = 2; i <= n; i++) {
		x = w[i]
		for (j = i - 1; j > 0 && w[j] > x; j--)
			w[j + 1] = w[j]
		w[j + 1] = x
	}
	for (i = 1; i <= n; i++)
		all = all (i > 1 ? " " : "") w[i]
	return all
}
# allowed(files): the line that has them all, and more perhaps: whoever makes a circle smaller need
# not stop for it.
function allowed(files,    line, f, n, i) {
	n = split(files, f, " ")
	for (line in circle) {
		for (i = 1; i <= n && index(" " line " ", " " f[i] " "); i++)
			;
		if (i > n)
			return line
	}
	return ""
}
FILENAME ~ /layers\.txt$/ {
	if ($1 == "seam" || $1 == "planned" || $1 == "api")
		for (i = 2; i <= NF; i++)
			seam[$i] = $1
	else if ($1 == "only") {
		only[$2] = $0
		sub(/^only +[^ ]+ */, "", only[$2])
	} else if ($1 == "circle") {
		files = ""
		for (i = 2; i <= NF; i++)
			if ($i ~ /^[a-z0-9_]+\/[a-z0-9_]+$/)
				files = files " " $i
		circle[sorted(files)] = 1
	}
	next
}
$2 == "has" {
	home[$3] = $1
	next
}
{
	users[$3] = users[$3] " " $1
}
END {
	while ((getline word <(T "/words")) > 0)
		in_tests[word] = 1
	for (s in home) {
		used = s in users || s == "main"
		if (!used && !(s in seam))
			say(home[s] ": " s " is exported, and no other file of src uses it")
		if (used && s in seam)
			say("docs/layers.txt: " seam[s] " " s ": it is used in src")
		if (s in seam && seam[s] == "seam" && !(s in in_tests))
			say("docs/layers.txt: seam " s ": no test uses it")
	}
	for (s in seam)
		if (!(s in home))
			say("docs/layers.txt: " seam[s] " " s ": there is no such function")

	for (s in only) {
		n = split(users[s], u, " ")
		for (i = 1; i <= n; i++) {
			ok = 0
			m = split(only[s], p, " ")
			for (j = 1; j <= m; j++)
				if (index(u[i], p[j]) == 1) {
					ok = 1
					served[s, p[j]] = 1
				}
			if (!ok)
				say(u[i] ": " s " may be called only in " only[s])
		}
		m = split(only[s], p, " ")
		for (j = 1; j <= m; j++)
			if (!((s, p[j]) in served) && index(home[s], p[j]) != 1)
				say("docs/layers.txt: only " s ": nothing in " p[j] " calls it")
	}

	for (s in users) {
		if (!(s in home))
			continue
		n = split(users[s], u, " ")
		for (i = 1; i <= n; i++)
			if (!((u[i], home[s]) in edge)) {
				edge[u[i], home[s]] = 1
				next_of[u[i]] = next_of[u[i]] " " home[s]
			}
	}
	for (f in next_of) {
		reach(f)
		for (to in seen)
			leads[f, to] = 1
	}
	for (f in next_of) {
		if (f in done || !((f, f) in leads))
			continue
		files = ""
		for (to in next_of)
			if (((f, to) in leads) && ((to, f) in leads)) {
				done[to] = 1
				short = to
				gsub(/^src\/|\.c$/, "", short)
				files = files " " short
			}
		files = sorted(files)
		line = allowed(files)
		found[line] = 1
		if (line == "")
			say("a circle: " files)
		else
			print "a circle that is allowed: " files (line == files ? "" : ": shorten its line, which has more")
	}
	for (files in circle)
		if (!(files in found))
			say("docs/layers.txt: circle " files ": this is no circle any more")
	exit bad
}' docs/layers.txt "$T/symbols"
