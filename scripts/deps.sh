#!/bin/sh
# deps.sh GROUP…: makes sure that the packages of these groups are there.  Root on Debian (or a
# relative): installs what is missing.
# Anybody else: names it and fails.  Fast and silent when nothing is missing.
set -eu

group() {
	case $1 in
	build) echo gcc libc6-dev make pkg-config libssl-dev libzstd-dev libcurl4-openssl-dev \
		libexpat1-dev libopenmpi-dev openmpi-bin ;;
	quickstart) echo restic ;;
	keystone) echo keystone curl python3 ;;
	services) echo radosgw ceph-mon ceph-osd ceph-common curl openssl python3 restic ;;
	fuse) echo bindfs autofs procps strace python3-fusepy ;;
	slurm) echo slurmctld slurmd slurm-client munge openmpi-bin jq restic ;;
	drivers) echo python3 python3-pip restic ;;
	proxy) echo nginx libnginx-mod-http-lua python3 ;;
	check) echo clang-format cppcheck bindfs binutils acl attr strace unicode-data tzdata \
		python3 libcap2-bin jq procps restic openssl rclone ;;
	*) echo "deps.sh: no group $1" >&2 && exit 2 ;;
	esac
}

# What a system without dpkg can be asked: programs and libraries.
elsewhere() {
	missing=
	for p in gcc make pkg-config mpicc mpirun; do
		command -v "$p" >/dev/null || missing="$missing $p"
	done
	for l in libcrypto libzstd libcurl expat; do
		pkg-config --exists "$l" 2>/dev/null || missing="$missing $l(headers)"
	done
	case " $* " in
	*' quickstart '* | *' check '*) command -v restic >/dev/null || missing="$missing restic" ;;
	esac
	case " $* " in
	*' check '*)
		for p in clang-format cppcheck bindfs nm setfacl setfattr strace python3 setcap jq \
			openssl rclone; do
			command -v "$p" >/dev/null || missing="$missing $p"
		done
		;;
	esac
	case " $* " in
	*' keystone '*)
		for p in keystone-manage keystone-wsgi-public; do
			command -v "$p" >/dev/null || missing="$missing $p"
		done
		;;
	esac
	case " $* " in
	*' slurm '*)
		for p in slurmctld slurmd srun munged jq restic; do
			command -v "$p" >/dev/null || missing="$missing $p"
		done
		;;
	esac
	case " $* " in
	*' proxy '*) command -v nginx >/dev/null || missing="$missing nginx(with lua)" ;;
	esac
	case " $* " in
	*' services '*)
		for p in radosgw radosgw-admin ceph ceph-mon ceph-osd curl openssl python3 restic; \
			do
			command -v "$p" >/dev/null || missing="$missing $p"
		done
		;;
	esac
	[ -z "$missing" ] && exit 0
	echo "Missing:$missing" >&2
	exit 1
}

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || elsewhere "$@"

want=
for g in "$@"; do
	want="$want $(group "$g")"
done
# A name that dpkg does not know is an error of dpkg-query but not of ours: it is missing.
# shellcheck disable=SC2086
have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $want 2>/dev/null |
	sed -n 's/^installed //p' || true)
missing=
for p in $want; do
	printf '%s\n' "$have" | grep -qx "$p" || case " $missing " in
	*" $p "*) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "Missing packages.  As root: apt-get install$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
echo "Installing:$missing"
apt-get -q update
# shellcheck disable=SC2086
apt-get -q install -y --no-install-recommends $missing
