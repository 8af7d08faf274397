#!/bin/sh
# A Slurm of its own on loopback, for tests: a controller and two nodes, n1 and n2, which are both
# this machine; no accounting, no cgroups.  Needs root.
#
# slurm.sh start DIR   starts one in DIR (which must not exist), writes DIR/env: SLURM_CONF, and
#                      what lets Open MPI's processes on such nodes find each other
# slurm.sh stop DIR    ends its jobs, then its daemons, by their process ids
set -eu

config() { # PORT PORT PORT
	cat <<C
ClusterName=test
SlurmctldHost=localhost
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$D/munge/socket
CredType=cred/munge
StateSaveLocation=$D/state
SlurmctldPidFile=$D/run/slurmctld
SlurmdPidFile=$D/run/slurmd-%n
SlurmdSpoolDir=$D/spool-%n
TmpFS=$D/tmp-%n
SlurmctldLogFile=$D/log/slurmctld
SlurmdLogFile=$D/log/slurmd-%n
SlurmctldPort=$1
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
MailProg=/bin/true
KillWait=30
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$2 CPUs=32 RealMemory=1000
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$3 CPUs=32 RealMemory=1000
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
C
}

nodes_idle() {
	[ "$(sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l)" = 2 ]
}

tries() { # N COMMAND…: until it succeeds, a tenth of a second apart
	left=$1
	shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.1
	done
}

start() {
	D=$(realpath -m "$1")
	mkdir -p "$D/munge" "$D/state" "$D/run" "$D/log" "$D"/tmp-n1 "$D"/tmp-n2 "$D"/spool-n1 \
		"$D"/spool-n2
	# shellcheck disable=SC2046
	config $(python3 "$(dirname "$0")/free_ports.py" 3) >"$D/slurm.conf"
	# Since 23.11 it wants cgroups unless it is told not to; older ones do not know the word.
	case $(slurmd -V) in
	*' 2'[0-2].*) ;;
	*) echo CgroupPlugin=disabled >"$D/cgroup.conf" ;;
	esac
	echo "export SLURM_CONF=$D/slurm.conf OMPI_MCA_btl=tcp,self" >"$D/env"
	. "$D/env"
	(umask 077 && head -c 128 /dev/urandom >"$D/munge/key")
	{
		munged --force --key-file="$D/munge/key" --socket="$D/munge/socket" \
			--pid-file="$D/run/munged" --log-file="$D/log/munged" \
			--seed-file="$D/munge/seed" &&
			slurmctld && slurmd -N n1 && slurmd -N n2 && tries 100 nodes_idle
	} >"$D/log/start" 2>&1 </dev/null || {
		tail -n 20 "$D"/log/* >&2
		return 1
	}
}

no_jobs() {
	[ -z "$(squeue -h 2>/dev/null)" ]
}

ended() { # PID: there is none, or it waits to be waited for
	! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null
}

stop() {
	D=$(realpath -m "$1")
	[ -s "$D/env" ] || return 0
	. "$D/env"
	squeue -h -o %A 2>/dev/null | xargs -r scancel -f -s KILL 2>/dev/null || true
	tries 50 no_jobs || true
	for daemon in slurmd-n1 slurmd-n2 slurmctld munged; do
		[ -s "$D/run/$daemon" ] || continue
		pid=$(cat "$D/run/$daemon")
		# The number may belong to somebody else by now.
		tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null |
			grep -qx "SLURM_CONF=$SLURM_CONF" || continue
		kill "$pid" 2>/dev/null || true
		tries 50 ended "$pid" || kill -9 "$pid" 2>/dev/null || true
	done
}

"$@"
