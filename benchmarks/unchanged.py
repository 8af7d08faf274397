"""What an unchanged run asks of a store that is far away: requests, bytes and time of the second
add of many directories."""
import os
import shutil

import datasets
import faraway
import report
from measure import median, tree_size
from workplace import say

RANKS = (1, 4)
DIRECTORIES = 100000


def make_directories(folder, scale):
    """Directories of one small file, 100 in a directory."""
    for i in range(max(1, int(DIRECTORIES * scale))):
        where = f"{folder}/{i // 10000:03d}/{i // 100 % 100:02d}/{i % 100:02d}"
        os.makedirs(where)
        with open(f"{where}/file", "w", encoding="ascii") as f:
            f.write(f"{i}\n")


class Case:
    """One row: a program, how it is called, and what is done before."""

    def __init__(self, title, tool, prepare, argv):
        self.title, self.tool, self.prepare, self.argv = title, tool, prepare, argv
        self.costs, self.openings, self.requests = [], [], []

    def net(self, field):
        """Less what opening the repository costs: nearly all scrypt, with parameters that depend on
        how busy the machine was when the key was made."""
        return [getattr(c, field) - getattr(o, field) for c, o in zip(self.costs, self.openings)]


def cases(place, far):
    """`far(tool)` is the repository of that tool as it is seen from here."""
    cache = place.theirs.env["RESTIC_CACHE_DIR"]

    def forget():
        shutil.rmtree(cache, ignore_errors=True)

    def nothing():
        pass

    def ours(n):
        return lambda base: place.ours.add(far(place.ours), base, ranks=n)

    def theirs(base):
        return place.theirs.add(far(place.theirs), base)

    found = [Case(f"a_backup, {n} rank{'s' * (n > 1)}", place.ours, nothing, ours(n)) for n in RANKS] if place.ours else []
    return found + [Case("restic, warm cache", place.theirs, nothing, theirs), Case("restic, empty cache", place.theirs, forget, theirs)]


def measure(place, store, folder):
    parent, base = os.path.split(folder)
    for tool in place.both:
        tool.env = {**tool.env, **faraway.KEYS}
        near = store.place(store.near, tool.name.replace("_", "-"))
        say(f"  {tool.name}: first add")
        place.runner.run(tool.init(near), parent, tool.env)
        place.runner.run(tool.add(near, base), parent, tool.env)

    def far(tool):
        return store.place(store.far, tool.name.replace("_", "-"))

    found = cases(place, far)
    for _ in range(place.args.rounds):
        for case in found:
            case.prepare()
            case.openings.append(place.runner.run(case.tool.list(far(case.tool)), parent, case.tool.env))
            case.prepare()
            store.seen()
            cost = place.timed(case.tool, case.argv(base), parent, 0)
            seen = store.seen()
            say(f"  {case.title:24s} {seen.gets:6d} GETs of packs, {seen.total:6d} requests, {cost.wall:7.2f} s, {cost.cpu:7.2f} s CPU")
            case.costs.append(cost)
            case.requests.append(seen)
    return found


def section(place, found, files):
    head = ["", "GETs of packs", "requests in all", "MB received", "wall s", "CPU s", "peak MB"]
    rows = [[c.title, f"{median([r.gets for r in c.requests]):.0f}", f"{median([r.total for r in c.requests]):.0f}",
             f"{median([r.received for r in c.requests]) / 1e6:.1f}", report.spread(c.net("wall")), report.spread(c.net("cpu")),
             f"{max(x.rss for x in c.costs) / 1e6:.0f}"] for c in found]
    return "\n\n".join([report.machine(place), f"Second, unchanged add of {files} directories with a small file each to Ceph's S3, every request {faraway.LATENCY} ms longer; "
                        f"{place.args.rounds} rounds in turns. Each program has its own repository, made by its own first add. The proxy counted the requests; "
                        "the times of `list` are taken off, which is nearly all scrypt.", report.table(head, rows)])


def run(place, args):
    folder = datasets.provide("directories", make_directories, place.data, args.scale)
    _, files = tree_size(folder)
    with faraway.store(place) as store:
        found = measure(place, store, folder)
    # A store's latency must be paid by the pack, not by the directory.
    return section(place, found, files), all(r.gets < files / 100 + 10 for c in found if c.tool is place.ours for r in c.requests)
