#!/bin/sh
# What documents and comments of the sources name is there: files, folders, modules (room/module),
# what links lead to, and the headings that their anchors mean.  An ADR that was superseded tells of
# its own time and is left out.
set -u
T=$(mktemp -d) || exit 2
trap 'rm -rf "$T"' EXIT

# Examples, and what is made.
examples='local.mk lib/x.h backup.sh'
# What docs/run.md plans.  What is there now must leave this list.
planned='engine/store_phase.h'

bad=
for p in $planned; do
	[ ! -e "src/$p" ] || {
		echo "src/$p is there now: take it off the list in $0"
		bad=1
	}
done
{ git ls-files -co --exclude-standard 2>/dev/null || find . -path ./build -prune -o -type f -print |
	sed 's|^\./||'; } |
	while read -r f; do [ -e "$f" ] && echo "$f"; done >"$T/files"
grep -rhoE '^#[ 	]*include[ 	]*<[^>]*>' src tests | sed 's/.*<//; s/>.*//' |
	sort -u >"$T/system"

for d in README.md CONTRIBUTING.md benchmarks/README.md docs/*.md docs/*.txt docs/man/*.[0-9] \
	docs/adr/*.md; do
	[ -e "$d" ] || continue
	head -n 6 "$d" | grep -qi 'superseded' || echo "$d"
done >"$T/docs"

# FILE:LINE:WORD for each word of a document, and of a comment in C.
xargs awk '{
	gsub(/[A-Za-z0-9_.\/-]*<[^>]*>[A-Za-z0-9_.\/-]*/, " ")
	n = split($0, word, /[^A-Za-z0-9_.*\/-]+/)
	for (i = 1; i <= n; i++)
		print FILENAME ":" FNR ":" word[i]
}' <"$T/docs" >"$T/words"
grep -E '^(src|include)/.*\.[ch]$' "$T/files" | xargs awk '
FNR == 1 { inside = 0 }
{
	text = ""
	rest = $0
	while (rest != "") {
		at = index(rest, inside ? "*/" : "/*")
		if (inside)
			text = text " " (at ? substr(rest, 1, at - 1) : rest)
		if (!at)
			break
		rest = substr(rest, at + 2)
		inside = !inside
	}
	gsub(/[A-Za-z0-9_.\/-]*<[^>]*>[A-Za-z0-9_.\/-]*/, " ", text)
	n = split(text, word, /[^A-Za-z0-9_.*\/-]+/)
	for (i = 1; i <= n; i++)
		print FILENAME ":" FNR ":" word[i]
}' >>"$T/words"

awk -F: -v T="$T" -v examples="$examples $planned" '
function know(path) {
	there[path] = 1
	while (sub(/\/[^\/]*$/, "", path))
		there[path] = 1
}
function last(path) {
	sub(/.*\//, "", path)
	return path
}
BEGIN {
	while ((getline line <(T "/files")) > 0) {
		know(line)
		name[last(line)] = 1
		if (line ~ /^src\/[a-z]+\//)
			room[substr(line, 5, index(substr(line, 5), "/") - 1)] = 1
	}
	while ((getline line <(T "/system")) > 0)
		known[line] = known[last(line)] = 1
	n = split(examples, e, " ")
	for (i = 1; i <= n; i++)
		known[e[i]] = 1
}
{
	p = $3
	sub(/^(\.\/)+/, "", p)
	sub(/[.,\/]+$/, "", p)
	if (p == "" || p ~ /\*/ || p ~ /^\./ || p in known)
		next
	is_file = p ~ /[^\/]\.(c|h|sh|py|md|txt|mk)$/
	top = p
	sub(/\/.*/, "", top)
	is_path = p ~ /\// && (top in room || top ~ /^(src|tests|docs|benchmarks|scripts|slurm|include|examples)$/)
	if (!is_file && !is_path)
		next
	here = $1
	sub(/[^\/]*$/, "", here)
	if (p !~ /\// && p in name)
		next
	for (i = split(",src/,tests/,docs/," here, before, ","); i > 0; i--)
		if ((before[i] p) in there || (before[i] p ".c") in there || (before[i] p ".h") in there || (before[i] p ".sh") in there)
			next
	print $1 ":" $2 ": there is no " p
	bad = 1
}
END { exit bad }' "$T/words" || bad=1

# Links [text](path#anchor).  An anchor is a heading in small letters, its blanks as hyphens, or a
# name.
anchors() { # FILE
	sed -n 's/^##* //p' "$1" | tr 'A-Z ' 'a-z-' | sed 's/[^a-z0-9_-]//g'
	sed -n 's/.*<a \(name\|id\)="\([^"]*\)".*/\2/p' "$1"
}
while read -r d; do
	grep -oE '\]\([^) ]+\)' "$d" | sed 's/^](//; s/)$//' | grep -v '^[a-z]*:' |
		while read -r link; do
		file=${link%%#*}
		to=$d
		[ -z "$file" ] || to=$(dirname "$d")/$file
		if [ ! -e "$to" ]; then
			echo "$d: the link to $link leads nowhere"
		elif [ "$link" != "$file" ] && ! anchors "$to" | grep -qxF -- "${link#*#}"; then
			echo "$d: $link: there is no such heading"
		fi
	done
done <"$T/docs" >"$T/links"
cat "$T/links"
[ -z "$bad" ] && [ ! -s "$T/links" ]
