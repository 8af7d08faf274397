#!/bin/sh
# The commands that docs/allas.md begins with, word for word, on a store in memory in Allas's place;
# and what a project's first backup says and refuses.
set -eu
. tests/lib/e2e.sh
doc=$PWD/docs/allas.md
. tests/lib/store_server.sh
unset RESTIC_PASSWORD
serve ''
export HOME="$T/home" USER=kkayttaj OS_PROJECT_NAME=project_2001234
mkdir -p "$HOME/thesis/figures" "$T/bin"
ln -s "$A_BACKUP" "$T/bin/a_backup"
PATH=$T/bin:$PATH
echo '\documentclass{book}' >"$HOME/thesis/chapter1.tex"
echo png >"$HOME/thesis/figures/a.png"

sed -n '/^## From nothing/,/^## Large/s/^    //p' "$doc" |
	grep -v '^module load\|^source allas_conf' >"$T/commands"
[ "$(grep -c a_backup "$T/commands")" -ge 8 ] || fail "$(wc -l <"$T/commands") commands in $doc"
cd "$HOME"
while read -r line; do
	expect 0 sh -c "$line"
	case $line in
	*' add '*) says 'created repository' ;;
	*find*) says 'chapter1.tex' ;;
	esac
done <"$T/commands"
cmp thesis/chapter1.tex chapter1.tex || fail 'dump: another file'
cmp thesis/chapter1.tex back/thesis/chapter1.tex || fail 'restore: another file'
cmp thesis/figures/a.png back/a.png || fail 'restore of a directory of a snapshot: another file'

# Silence is for what need not be known: nobody has seen this password.
expect 0 env OS_PROJECT_NAME=project_77 a_backup -q add thesis
says "$HOME/.backup_passwd_77"
# A password that was given is in no file.
expect 0 env OS_PROJECT_NAME=project_78 RESTIC_PASSWORD=x a_backup add thesis
! grep -q passwd_78 "$T/out" "$T/err" || fail \
	"a file that is never written is named: $(cat "$T/out" "$T/err")"
[ ! -e "$HOME/.backup_passwd_78" ] || fail 'a password file beside RESTIC_PASSWORD'
for bucket in .. . ''; do
	expect 1 a_backup -b "$bucket" init
done
expect 1 env RESTIC_REPOSITORY="$T/elsewhere" a_backup -project 2001234 list
says 'RESTIC_REPOSITORY names another place'

# What the environment holds is for the project that it names: another one's bucket is not filled
# with it.
key=AWS_ACCESS_KEY_ID=AK secret=AWS_SECRET_ACCESS_KEY=SK
for words in '-s3 add thesis' '-mode swift list' 'add thesis'; do
	# shellcheck disable=SC2086
	expect 1 env -u OS_USERNAME -u OS_PASSWORD OS_PROJECT_NAME=project_2002 OS_AUTH_TOKEN=static OS_STORAGE_URL="http://127.0.0.1:$PORT/v1/AUTH_2002" $key $secret \
		AWS_ENDPOINT_URL="http://127.0.0.1:$PORT" a_backup -project 2001 $words
	says 'project 2001 was asked for'
	says 'those of project 2002'
	says 'choose 2001 there'
done
# Who says nothing contradicts nothing.
expect 0 env -u OS_PROJECT_NAME $key $secret AWS_ENDPOINT_URL="http://127.0.0.1:$PORT" \
	RESTIC_PASSWORD=x a_backup -project 2001 -s3 add thesis

# --- init --from-repo
# ------------------------------------------------------------------------------------------
export RESTIC_PASSWORD=x RESTIC_FROM_PASSWORD=x
new_repo r
expect 1 a_backup -r "$T/n" init --from-repo "$T/r"
says '--copy-chunker-params'
expect 1 env RESTIC_FROM_REPOSITORY="$T/r" a_backup -r "$T/n" init
[ ! -e "$T/n/config" ] || fail 'init --from-repo without --copy-chunker-params made a repository'
expect 0 a_backup -r "$T/n" init --from-repo "$T/r" --copy-chunker-params
[ "$(a_backup -r "$T/r" cat config | grep polynomial)" = \
	"$(a_backup -r "$T/n" cat config | grep polynomial)" ] || fail 'another polynomial'
expect 0 a_backup -r "$T/n2" init --from-repo ''
