"""Whether memory stays flat: peak of add and of unchanged add for trees of one shape and growing
numbers of files."""
import os

import datasets
import report
from workplace import say

NUMBERS = (10000, 100000)
BIG = 1000000
OPS = ("add", "unchanged add")


def measure(place, n, scale):
    """peaks[op][tool] in bytes."""
    folder = datasets.provide(f"tree{n}", datasets.make_tree(n), place.data, scale)
    parent, base = os.path.split(folder)
    peaks = {op: {} for op in OPS}
    for tool in place.both:
        repo = place.empty_repository()
        for op in OPS:
            cost = place.timed(tool, tool.add(repo, base), parent, 0)
            peaks[op][tool.name] = cost.rss
            say(f"  {n} files, {op}, {tool.name}: {cost.rss / 1e6:.0f} MB")
        place.remove(repo, os.path.join(place.scratch, "cache"))
    if not place.args.dir:
        place.remove(folder)
    return peaks


def section(place, found):
    names = [t.name for t in place.both]
    head = ["files"] + [f"{op}: {name}" for op in OPS for name in names]
    rows = [[str(n)] + [f"{peaks[op][name] / 1e6:.0f} MB" for op in OPS for name in names] for n, peaks in found.items()]
    return "\n\n".join([report.machine(place), "Peak memory of one process. Files of median 200 B, 100 a directory, 100 directories a directory. The index "
                        "of blobs is the one thing that may grow with their number.", report.table(head, rows)])


def run(place, args):
    numbers = NUMBERS + ((BIG,) if args.big else ())
    return section(place, {int(n * args.scale): measure(place, n, args.scale) for n in numbers}), True
