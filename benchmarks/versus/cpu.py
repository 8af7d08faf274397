#!/usr/bin/env python3
"""cpu.py OLD NEW [ROUNDS]: CPU seconds and peak memory of two builds of a_backup on the data sets
of
the benchmarks.  They take turns, and who begins alternates; the ratios are medians of the ratios of
neighbours.  Environment: SETS, VERBS (names, separated by blanks or commas; a blank in a name is
written _), SCALE (part of the sizes), DIR (where to work; data sets there are kept)."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import datasets  # noqa: E402
import tools  # noqa: E402
import warmpool  # noqa: E402
from measure import Failed, Runner, median, pair_ratio, tree_size  # noqa: E402

POOL = 768 << 20  # bytes that a program may want besides what it writes


class Side:
    """One of the two, and what its runs cost: costs[verb] is a list with a Cost a round."""

    def __init__(self, name, program, scratch):
        self.tool = tools.Abackup(program, scratch)
        self.name = name
        self.costs = {}


class Bench:
    """One data set: a repository that the old program has made, and the verbs on it."""

    def __init__(self, place, name):
        self.place, self.name = place, name
        self.folder = datasets.provide(name, datasets.SETS[name], place.data, place.scale)
        self.parent, self.base = os.path.split(self.folder)
        self.bytes = tree_size(self.folder)[0]
        datasets.warm(self.folder)
        self.repo = place.empty()
        place.run(place.sides[0].tool.add(self.repo, self.base), self.parent, 0)

    def measure(self, side, verb):
        cost = VERBS[verb](self, side.tool)
        side.costs.setdefault((self.name, verb), []).append(cost)

    def add(self, tool):
        repo = self.place.empty()
        cost = self.place.run(tool.add(repo, self.base), self.parent, self.bytes)
        shutil.rmtree(repo)
        return cost

    def unchanged_add(self, tool):
        """The snapshot goes again, so that all runs find the same."""
        folder = os.path.join(self.repo, "snapshots")
        before = set(os.listdir(folder))
        cost = self.place.run(tool.add(self.repo, self.base), self.parent, 0)
        for name in set(os.listdir(folder)) - before:
            os.unlink(os.path.join(folder, name))
        return cost

    def restore(self, tool):
        target = tempfile.mkdtemp(dir=self.place.scratch)
        cost = self.place.run(tool.restore(self.repo, target), self.parent, self.bytes)
        shutil.rmtree(target)
        return cost

    def check(self, tool):
        return self.place.run(tool.check(self.repo), self.parent, 0)

    def dump(self, tool):
        return self.place.run(tool.argv(self.repo, "dump", "latest", "/"), self.parent, 0)

    def files(self, tool):
        return self.place.run(tool.files(self.repo), self.parent, 0)


VERBS = {"add": Bench.add, "unchanged add": Bench.unchanged_add, "restore": Bench.restore,
         "check --read-data": Bench.check, "dump": Bench.dump, "files": Bench.files}


class Place:
    def __init__(self, args, scratch):
        self.scratch = scratch
        self.scale = float(os.environ.get("SCALE") or 1)
        self.data = os.environ.get("DIR") or os.path.join(scratch, "data")
        os.makedirs(self.data, exist_ok=True)
        self.runner = Runner(args.spent, scratch, 1800)
        self.sides = [Side(name, self.keep(name, path), scratch)
                      for name, path in (("old", args.old), ("new", args.new))]
        self.light = os.path.abspath(args.light_repo)

    def keep(self, name, path):
        """A copy, so that a build meanwhile changes nothing."""
        return shutil.copy(path, os.path.join(self.scratch, name))

    def empty(self):
        """A repository with a cheap key, always with the same chunker polynomial."""
        first = os.path.join(self.scratch, "first")
        like = [first] if os.path.exists(first) else []
        repo = tempfile.mkdtemp(dir=self.scratch) + "/r" if like else first
        subprocess.run([self.light, repo, *like], check=True,
                       env={**os.environ, "RESTIC_PASSWORD": tools.PASSWORD})
        return repo if like else self.empty()

    def run(self, argv, cwd, written):
        """What it prints goes nowhere; what was written before is on the disk."""
        os.sync()
        pool = warmpool.fill(POOL + written * 5 // 4)
        with open(os.devnull, "wb") as nowhere:
            cost = self.runner.run(argv, cwd, to=nowhere)
        del pool
        return cost


def names(variable, known):
    """What the environment chooses of the known names."""
    chosen = [n.replace("_", " ") for n in os.environ.get(variable, "").replace(",", " ").split()]
    for n in chosen:
        if n not in known:
            sys.exit(f"cpu.py: {variable}: {n} is none of: {', '.join(known)}")
    return chosen or list(known)


def line(place, key):
    old, new = (side.costs[key] for side in place.sides)
    cpu = [[c.cpu for c in costs] for costs in (old, new)]
    rss = [[c.rss / 1e6 for c in costs] for costs in (old, new)]
    return (f"{key[0]:10s} {key[1]:18s} {median(cpu[0]):8.2f} {median(cpu[1]):8.2f} "
            f"{pair_ratio(cpu[1], cpu[0]):6.3f}   {median(rss[0]):7.0f} {median(rss[1]):7.0f} "
            f"{pair_ratio(rss[1], rss[0]):6.3f}")


def run(place, rounds):
    verbs = names("VERBS", VERBS)
    print(f"{'':29s} {'CPU s':>8s} {'':8s} {'':6s}   {'peak MB':>7s}")
    print(f"{'set':10s} {'verb':18s} {'old':>8s} {'new':>8s} {'ratio':>6s}   {'old':>7s} {'new':>7s} "
          f"{'ratio':>6s}", flush=True)
    for name in names("SETS", datasets.SETS):
        try:
            bench = Bench(place, name)
        except datasets.Unavailable as e:
            print(f"{name}: left out: {e}")
            continue
        for verb in verbs:
            for i in range(rounds):
                for side in place.sides if i % 2 == 0 else reversed(place.sides):
                    bench.measure(side, verb)
            print(line(place, (name, verb)), flush=True)
        shutil.rmtree(os.path.dirname(bench.repo))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("old")
    p.add_argument("new")
    p.add_argument("rounds", nargs="?", type=int, default=9)
    p.add_argument("--light-repo", required=True)
    p.add_argument("--spent", required=True)
    args = p.parse_args()
    base = os.environ.get("DIR") or os.environ.get("TMPDIR") or "/var/tmp"
    scratch = tempfile.mkdtemp(prefix="versus-", dir=base)
    print(f"load average {os.getloadavg()[0]:.2f}")
    try:
        run(Place(args, scratch), args.rounds)
    except Failed as e:
        sys.exit(f"cpu.py: {e}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"load average {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
