#!/bin/sh
# ls as restic's users type it: long lines, sizes for people, ncdu's export, sorted by any of its
# words: byte for byte what restic prints.
set -eu
. tests/lib/e2e.sh
restic=$(sh tests/lib/restic18.sh)
cd "$T"
new_repo r
mkdir -p t/d/e t/empty
echo hello >t/d/a.txt
echo x >t/d/b.c
echo "quotes" >'t/d/two "words"'
head -c 3000000 /dev/zero >t/d/e/z.txt
ln -s a.txt t/d/l
mkfifo t/fifo
chmod 4755 t/d/b.c
chmod 1777 t/empty
touch -d '1960-01-01' t/d/e/z.txt
touch -d '2001-02-03' t/d/a.txt
"$A_BACKUP" -q -r r add t
same_ls() {
	expect 0 "$A_BACKUP" -r r ls "$@"
	mv out ours
	expect 0 $restic -r r ls "$@"
	diff ours out >diff || fail "ls $*: $(cat diff)"
}
for words in latest '-l latest' '-l --human-readable latest' '--json latest' 'latest /t/d' 'latest /t --recursive' '--ncdu latest' '--ncdu latest /t/d/e /t/fifo' '--ncdu latest:/t/d' \
	'--ncdu --recursive latest /t/d' '--sort size latest' '-l -s size --reverse latest' '--reverse latest' '--sort extension latest /t --recursive' '-s mtime -l latest' \
	'-s time latest' '-s ctime --json latest' '-s atime latest' '-s name latest' \
	'--json --reverse latest'; do
	# shellcheck disable=SC2086
	same_ls $words
done
expect 0 "$A_BACKUP" -r r ls --ncdu latest
python3 -c \
	'import json; d = json.load(open("out")); assert d[:2] == [1, 2] and d[3][0]["name"] == "/" and d[3][1][0]["name"] == "t", d'
for words in '--ncdu --json' '--ncdu --reverse' '--ncdu --sort size' '--sort weight'; do
	# shellcheck disable=SC2086
	expect 1 "$A_BACKUP" -r r ls latest $words
done
expect 0 "$A_BACKUP" -r r find -l --human-readable z.txt
says ' 2.861 MiB '
