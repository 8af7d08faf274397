"""a_backup beside restic: the same operations on the same data in turns."""
import os

import datasets
import report
from measure import tree_size
from workplace import say

# operation: the most that our CPU seconds may be, as a part of restic's; None is shown but not
# demanded.
TARGETS = {"add": 0.6, "unchanged add": 0.3, "restore": 0.8, "check --read-data": 0.8, "list": None, "files": None}


class DataSet:
    """What was measured of one data set: costs[operation][tool] is a list with a Cost a round."""

    def __init__(self, name, maker, rounds):
        self.name = name
        self.title = " ".join(maker.__doc__.split())
        self.rounds = rounds
        self.costs = {op: {} for op in TARGETS}
        self.repo_size = {}
        self.bytes = self.files = 0

    def note(self, op, tool, cost):
        self.costs[op].setdefault(tool.name, []).append(cost)
        say(f"  {op:18s} {tool.name:9s} {cost.cpu:7.2f} s CPU {cost.wall:7.2f} s  {cost.rss / 1e6:6.0f} MB")


class Round:
    """Each operation is run by all tools before the next one. The first round asks the oracles: the
    other program checks every repository after
    each add, and diff compares every restored tree.  None of that is timed."""

    def __init__(self, place, found, folder, is_first):
        self.place = place
        self.found = found
        self.parent, self.base = os.path.split(folder)
        self.is_first = is_first
        self.repos = {t.name: place.empty_repository() for t in place.both}

    def timed(self, op, tool, argv):
        self.found.note(op, tool, self.place.timed(tool, argv, self.parent, self.found.bytes))

    def add(self, op):
        for tool in self.place.both:
            self.timed(op, tool, tool.add(self.repos[tool.name], self.base))
        if self.is_first:
            for tool in self.place.both:
                other = self.place.theirs if tool is self.place.ours else self.place.ours or self.place.theirs
                self.place.oracle(other.check(self.repos[tool.name], data=op == "add"), self.parent)

    def restore(self):
        for tool in self.place.both:
            target = self.place.fresh("restored")
            os.mkdir(target)
            self.timed("restore", tool, tool.restore(self.repos[tool.name], target))
            if self.is_first:
                self.place.same(os.path.join(self.parent, self.base), os.path.join(target, self.base))
            self.place.remove(target)

    def simple(self, op, argv_of):
        for tool in self.place.both:
            self.timed(op, tool, argv_of(tool, self.repos[tool.name]))

    def run(self):
        self.add("add")
        for tool in self.place.both:
            self.found.repo_size[tool.name] = tree_size(self.repos[tool.name])
        self.add("unchanged add")
        self.restore()
        self.simple("check --read-data", lambda tool, repo: tool.check(repo))
        self.simple("list", lambda tool, repo: tool.list(repo))
        self.simple("files", lambda tool, repo: tool.files(repo))
        self.place.remove(*self.repos.values(), os.path.join(self.place.scratch, "cache"))


def measure_set(place, name, args):
    maker = datasets.SETS[name]
    found = DataSet(name, maker, args.rounds)
    say(f"{name}: making the data")
    folder = datasets.provide(name, maker, place.data, args.scale)
    found.bytes, found.files = tree_size(folder)
    datasets.warm(folder)
    for i in range(args.rounds):
        say(f"{name}: round {i + 1} of {args.rounds}")
        Round(place, found, folder, i == 0).run()
    if not args.dir:
        place.remove(folder)
    return found


def run(place, args):
    """The text of the section, and whether all targets were met."""
    sets = []
    missing = []
    for name in args.sets:
        try:
            sets.append(measure_set(place, name, args))
        except datasets.Unavailable as e:
            say(f"{name}: left out: {e}")
            missing.append(f"{name} ({e})")
    return report.compare_section(place, sets, missing, TARGETS), report.all_met(sets, TARGETS)
