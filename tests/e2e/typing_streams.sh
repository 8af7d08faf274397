#!/bin/sh
# Standard streams as others leave them: a terminal that must not be driven by names from a
# repository nor stay mute, pipes that somebody made non-blocking.
set -eu
. tests/lib/e2e.sh
cd "$T"
a() {
	"$A_BACKUP" "$@"
}
term() { # COMMAND…: what it shows on a terminal is in $T/screen
	rc=0
	python3 "$TESTS/lib/terminal.py" '' "$@" >"$T/screen" 2>&1 || rc=$?
}
new_repo r
export RESTIC_REPOSITORY="$T/r"

# --- names of others on a terminal
# ------------------------------------------------------------------------------------------
esc=$(printf '\033[2J')      # clears the screen
rlo=$(printf '\342\200\256') # writes from right to left
c1=$(printf '\302\233')      # an escape sequence begins with it
bad="$esc$rlo${c1}x"
mkdir "d$bad"
echo 1 >"d$bad/f"
ln -s "to$bad" "d$bad/l"
a -q add "d$bad" --host "h$bad" --tag "t$bad"
# restic on a pipe gives names as they are; so do we
a list | grep -qF "h$bad" || fail 'list on a pipe changes names'
for words in list 'list -c' 'list -g host,paths,tags' 'list --json' 'ls latest' 'ls -l latest' 'ls --json latest' 'find f' 'find --json f' \
	'cat snapshot latest' 'cat tree latest' 'restore latest -n -vv -t o' \
	'restore latest -n --json -vv -t o' "add -n -vv d$bad" "add -n -vv --json --host o d$bad"; \
	do
	# shellcheck disable=SC2086
	term "$A_BACKUP" $words
	[ "$rc" = 0 ] || fail "$words: exit status $rc: $(cat screen)"
	for c in "$esc" "$rlo" "$c1"; do
		! grep -qF "$c" screen || fail \
			"$words: the terminal gets it: $(od -c screen | head)"
	done
done

# --- a terminal that was made mute
# ------------------------------------------------------------------------------------------
cat >ask.py <<'P'
import os, pty, signal, sys, termios, time
master, slave = pty.openpty()
pid = os.fork()
if pid == 0:
    os.setsid()
    for i in 0, 1, 2:
        os.dup2(slave, i)
    os.environ.pop("RESTIC_PASSWORD")
    os.execvp(sys.argv[2], sys.argv[2:])
echo = lambda: bool(termios.tcgetattr(slave)[3] & termios.ECHO)
end = time.time() + 30
while echo() and time.time() < end:
    time.sleep(0.02)
assert not echo(), "it does not ask"
os.kill(pid, getattr(signal, sys.argv[1]))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), "echo" if echo() else "mute")
P
for sig in SIGTERM SIGINT SIGHUP SIGQUIT; do
	[ "$(timeout 60 python3 ask.py $sig "$A_BACKUP" list)" = '130 echo' ] ||
		fail "$sig at the question for the password: $(timeout 60 python3 ask.py $sig "$A_BACKUP" list)"
done
[ "$(timeout 60 python3 ask.py SIGTERM "$A_BACKUP" -r "$T/new" init)" = '130 echo' ] ||
	fail 'SIGTERM at the question for a new password'
[ ! -e new/config ] || fail 'it made a repository'

# --- non-blocking streams
# ------------------------------------------------------------------------------------------
cat >nb.py <<'P'
import fcntl, os, subprocess, sys, time
what = sys.argv[1]
r, w = os.pipe()
end = r if what == "in" else w
fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_NONBLOCK)
kw = {"in": dict(stdin=r), "out": dict(stdout=w), "err": dict(stderr=w, stdout=subprocess.DEVNULL)}[what]
p = subprocess.Popen(sys.argv[2:], **kw)
time.sleep(0.5)
if what == "in":
    os.close(r)
    for line in sys.argv[0:1] * 2:
        os.write(w, b"big\n")
        time.sleep(0.3)
    os.close(w)
else:
    os.close(w)
    print(b"".join(iter(lambda: os.read(r, 65536), b"")).count(b"\n"))
sys.exit(p.wait())
P
mkdir big
i=0
while [ $i -lt 3000 ]; do
	i=$((i + 1))
	echo "big/a-file-with-a-rather-long-name-that-fills-a-pipe-$i"
done >names
xargs touch <names
a -q add big --tag big
expect 0 timeout 60 python3 nb.py out "$A_BACKUP" ls latest
[ "$(cat out)" = 3002 ] || fail "ls on a non-blocking pipe: $(cat out) lines of 3002"
expect 0 timeout 60 python3 nb.py in "$A_BACKUP" add --files-from -
[ "$(a ls latest --json | grep -c '"type":"file"')" = 3000 ] ||
	fail '--files-from - from a non-blocking pipe'
expect 0 timeout 60 python3 nb.py in "$A_BACKUP" add -n . --exclude-file -
expect 0 timeout 60 python3 nb.py in env -u RESTIC_PASSWORD "$A_BACKUP" \
	--password-command "sh -c 'sleep 0.2; echo x'" add --files-from -
sed 's/^/gone-/' names >gone # each is named on standard error
expect 3 timeout 60 python3 nb.py err "$A_BACKUP" add -n --files-from-verbatim gone big
[ "$(cat out)" -ge 3000 ] || fail "errors on a non-blocking pipe: $(cat out) lines of 3000"

# A pipeline in a password command ends by SIGPIPE, as in a shell.
cat >pw <<'P'
#!/bin/sh
yes x | head -n 1
P
chmod +x pw
expect 0 env -u RESTIC_PASSWORD timeout 20 "$A_BACKUP" --password-command "$T/pw" list
[ ! -s err ] || fail "a password command without SIGPIPE: $(cat err)"
# A place that comes in two pieces is one place.
(
	printf '%s' "$T/"
	sleep 1
	echo r
) | expect 0 env -u RESTIC_REPOSITORY "$A_BACKUP" --repository-file /dev/stdin list
says 'snapshots'

# What cannot be written is told, by what needs no repository too.
for words in --version help 'add --help'; do
	rc=0
	"$A_BACKUP" $words >/dev/full 2>err || rc=$?
	[ "$rc" = 1 ] && grep -q '^Fatal: write to standard output: No space left on device' err ||
		fail "$words to a full device: exit status $rc: $(cat err)"
done
