"""What ranks cost: CPU seconds of one first add by 1 and by 4 ranks on the same two cores."""
import os
import shutil

import datasets
import report
from measure import Cost, median, pair_ratio, tree_size
from workplace import say

TARGET = 1.15
RANKS = (1, 4)
CORES = 2
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]


def make_mixed(folder, scale):
    """A quarter of the random file and a fifth of the small files."""
    datasets.make_random(os.path.join(folder, "large"), scale / 4)
    datasets.make_many(os.path.join(folder, "small"), scale / 5)


def thread_argv(place, n):
    return lambda repo, what: place.ours.add(repo, what, ranks=n)


def mpi_argv(place, n):
    program = os.path.abspath(place.args.program) + "-mpi"
    return lambda repo, what: [*MPIRUN, "-n", str(n), program, *place.ours.add(repo, what)[1:]]


def variants(place):
    """Pairs of names and makers of argument lists; both of a pair differ only in the number of
    ranks."""
    found = {"threads": {n: thread_argv(place, n) for n in RANKS}}
    if os.access(os.path.abspath(place.args.program) + "-mpi", os.X_OK) and shutil.which("mpirun"):
        found["MPI"] = {n: mpi_argv(place, n) for n in RANKS}
    else:
        say("no a_backup-mpi or no mpirun: threads only")
    return found


def use_two_cores():
    """Children inherit it, and ranks that are not bound share what there is."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def measure(place, folder, size):
    """costs[variant][ranks] is a list with a Cost a round."""
    parent, base = os.path.split(folder)
    kinds = variants(place)
    costs = {kind: {n: [] for n in RANKS} for kind in kinds}
    for i in range(place.args.rounds):
        for kind, by_ranks in kinds.items():
            for n, argv in by_ranks.items():
                repo = place.empty_repository()
                cost = place.timed(place.ours, argv(repo, base), parent, size)
                say(f"  {kind:8s} {n} ranks {cost.cpu:7.2f} s CPU {cost.wall:7.2f} s {cost.rss / 1e6:6.0f} MB")
                if i == 0:
                    place.oracle(place.theirs.check(repo), parent)
                costs[kind][n].append(cost)
                place.remove(repo)
    return costs


def cpu(costs: list[Cost]):
    return [c.cpu for c in costs]


def ratio(by_ranks):
    few, many = RANKS
    return pair_ratio(cpu(by_ranks[many]), cpu(by_ranks[few]))


def section(place, costs, size, files):
    rows = []
    for kind, by_ranks in costs.items():
        r = ratio(by_ranks)
        rows.append([kind] + [report.spread(cpu(by_ranks[n])) for n in RANKS] + [report.verdict(r, TARGET)]
                    + [f"{median([c.wall for c in by_ranks[n]]):.2f}" for n in RANKS] + [f"{max(c.rss for c in by_ranks[n]) / 1e6:.0f}" for n in RANKS])
    head = ["ranks are"] + [f"CPU s, {n}" for n in RANKS] + [f"ratio (≤ {TARGET})"] + [f"wall s, {n}" for n in RANKS] + [f"peak MB, {n}" for n in RANKS]
    return "\n\n".join([report.machine(place), f"First add of {size / 1e6:.0f} MB in {files} files by 1 and by 4 ranks on {CORES} cores, "
                        f"{place.args.rounds} rounds in turns; restic's check passes on each. Peak memory is that of the process (threads) or of the "
                        "largest one (MPI); mpirun's own time is in both numbers.", report.table(head, rows)])


def run(place, args):
    use_two_cores()
    folder = datasets.provide("mixed", make_mixed, place.data, args.scale)
    datasets.warm(folder)
    size, files = tree_size(folder)
    costs = measure(place, folder, size)
    return section(place, costs, size, files), all(ratio(c) <= TARGET for c in costs.values())
