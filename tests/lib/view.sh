# view.sh: sourced by the end-to-end scripts about what each rank sees; after lib/e2e.sh.  Each rank
# has a mount namespace of its own, as a node has.
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || {
	echo 'only root may mount'
	exit 77
}
export A_BACKUP A_BACKUP_MPI
new_repo empty
cd "$T"

# tree DIR FROM TO: directories of four files each.
tree() {
	for d in $(seq "$2" "$3"); do
		mkdir -p "$1/d$d"
		for f in 1 2 3 4; do
			echo "$d.$f" >"$1/d$d/f$f"
		done
	done
}

FULL=48 OLD=16 MORE=8 # files; MORE: beside what is mounted below a target
# FULL, OLD: files below real and old, in both of which names and times are alike where they are in
# both
tree master 1 12
touch -d '2 hours ago' master/* master
mkdir stale
cp -a master/d1 master/d2 master/d3 master/d4 stale
touch -r master stale

# What each thing is mounted from, and from where another one comes; what is saved and where.  All
# of it is made anew for each run.
setup() { # THING STATE WHO
	umount -R c 2>/dev/null || true
	rm -rf c
	mkdir -p c/mnt
	C=$T/c POINT=$T/c/mnt REPO=$T/c/repo
	cp -a master c/real
	cp -a stale c/old
	cp -r empty c/repo
	case $1 in
	target) TARGET=$C/mnt ;;
	above)
		mkdir c/real.up c/old.up
		mv c/real c/real.up/s
		mv c/old c/old.up/s
		mv c/real.up c/real
		mv c/old.up c/old
		TARGET=$C/mnt/s
		;;
	below)
		mkdir c/s c/s/m
		tree c/s/a 1 2
		TARGET=$C/s POINT=$C/s/m
		;;
	repository | store)
		mv c/real c/s
		rm -r c/old
		mv c/repo c/real
		cp -a c/real c/old
		TARGET=$C/s REPO=$C/mnt
		[ "$1" = repository ] || REPO=rest:http://store:$PORT/
		[ "$2" != copied ] || for d in c/s/*; do # so that each rank has packs of its own
			head -c 2500000 /dev/urandom >"$d/big"
		done
		[ "$1,$2" != store,switched ] || cp -r other/. c/old
		;;
	esac
	case $1 in repository | store) STORED=$C/real ;; *) STORED=$C/repo ;; esac
	case $1,$2,$3 in repository,stale,all | repository,stale,serial | store,stale,all | store,stale,serial) STORED=$C/old ;; esac
	export C POINT TARGET REPO
}

# The rank's side.  STATE is the fate of the thing on the ranks WHO.
cat >rank.sh <<'R'
rank=$1 program=$2
shift 2
mine=
case $WHO in all | serial | "$rank") mine=$STATE ;; esac
case $THING,$mine in
store,*)
	mount --bind "hosts$rank" /etc/hosts
	[ "$mine" != stale ] || : >"$C/elsewhere$rank"
	;;
*,missing) ;;
*,stale) mount --bind "$C/old" "$POINT" ;;
*) mount --bind "$C/real" "$POINT" ;;
esac
change() {
	if [ "$THING" = store ]; then
		: >"$C/elsewhere$rank"
		return
	fi
	umount -l "$POINT"
	[ "$mine" = lost ] || mount --bind "$C/old" "$POINT"
}
stop=
# The first of the inner directories that this rank opens stops it.
paths=
for d in 1 2 3 4 5 6 7 8 9 10 11 12; do
	for s in "$TARGET" "$TARGET/m" "$TARGET/a"; do
		paths="$paths -P $s/d$d"
	done
done
case $mine in
lost | switched | copied)
	stop=signal=SIGSTOP:when=1
	(
		until grep -qs 'stopped by SIGSTOP' "$C/trace.$rank"; do
			sleep .02
			[ "$WHO" != all ] || [ ! -e "$C/changed.0" ] || break # perhaps it never comes to open one
			n=$((${n:-0} + 1))
			[ "$n" -lt 1000 ] || exit
		done
		change
		: >"$C/changed.$rank"
		# strace has this one's place; its other threads have a first one to open too.
		while run=$(pgrep -P $$ a_backup); do
			kill -CONT "$run"
			sleep .1
		done
	) &
	;;
esac
# The other one is slow, so that there is something left to do.
exec strace -f -qq -o "$C/trace.$rank" $paths -e trace=openat -e "inject=openat:${stop:-delay_enter=10000}" \
	"$program" -q -r "$REPO" --workers 1 --read-concurrency 1 "$@"
R

# go THING STATE WHO [OPTION…]: one backup; $rc, and how many files its snapshot has in $saved
# (none: no snapshot).
go() {
	setup "$1" "$2" "$3"
	THING=$1 STATE=$2 WHO=$3
	export THING STATE WHO
	shift 3
	rc=0
	if [ "$WHO" = serial ]; then
		timeout 60 unshare -m sh rank.sh 0 "$A_BACKUP" add "$@" "$TARGET" >out 2>&1 \
			</dev/null || rc=$?
	else
		timeout 60 $MPIRUN -n 1 unshare -m sh rank.sh 0 "$A_BACKUP_MPI" add "$@" "$TARGET" : -n 1 unshare -m sh rank.sh 1 "$A_BACKUP_MPI" add "$@" \
			"$TARGET" >out 2>&1 </dev/null || rc=$?
	fi
	saved=none
	if [ -n "$(ls "$STORED/snapshots")" ]; then
		saved=$("$A_BACKUP" -r "$STORED" files latest | grep -c '/f[1-4]$') || true
		"$A_BACKUP" -q -r "$STORED" check --read-data >check 2>&1 ||
			fail "$what: the repository is damaged: $(cat check)"
	fi
}

# it WANT: error: no snapshot, and the node and the path are named; lost: no snapshot, for the lock
# is lost, or the config; gone: rank 0 has nothing that it could begin with; a number: so many files
# are saved, exit status 0.
it() {
	told=$C/[ms]
	[ "$THING" != store ] || told=
	[ "$WHO" = serial ] || told="rank [01]: node $(hostname): .*$told"
	case $1 in
	error) [ "$rc" = 1 ] && [ "$saved" = none ] && grep -q "$told" out ;;
	lost) [ "$rc" = 1 ] && [ "$saved" = none ] &&
		grep -q 'lock .*lost\|no longer reaches\|made anew' out ;;
	gone) [ "$rc" = 1 ] || [ "$rc" = 10 ] && [ "$saved" = none ] && grep -q "$C/mnt" out ;;
	*) [ "$rc" = 0 ] && [ "$saved" = "$1" ] ;;
	esac || {
		cat out
		fail "$what: exit status $rc, saved: $saved, not $1"
	}
	echo "$what: exit status $rc, saved: $saved"
}
