"""Megabytes a second into a store that is far away, by 1, 2 and 4 ranks, beside restic with as many
connections."""
import contextlib
import os
import random
import threading

import datasets
import faraway
import report
from measure import median, tree_size
from workplace import say

RANKS = (1, 2, 4)
CONNECTIONS = 1  # of a rank: with few of them, it is latency that has to be hidden
PACK_MIB = 16    # restic's default, for both
FILES = 64
WINDOW = 1.0     # second


def make_noise(folder, scale):
    """Noise in 64 files: nothing to compress, and enough files for all ranks."""
    rnd = random.Random(3)
    os.makedirs(folder)
    for i in range(FILES):
        with open(os.path.join(folder, f"noise{i:02d}"), "wb") as f:
            f.write(rnd.randbytes(max(1, int((8 << 20) * scale))))


def busy_ticks():
    """Of all cores together: (busy, all)."""
    with open("/proc/stat", encoding="ascii") as f:
        n = [int(x) for x in f.readline().split()[1:9]]
    return sum(n) - n[3] - n[4], sum(n)


@contextlib.contextmanager
def watch():
    """A list that gets, at the end, how many cores were busy in the busiest second."""
    seen, end, result = [busy_ticks()], threading.Event(), []

    def look():
        while not end.wait(WINDOW / 4):
            seen.append(busy_ticks())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield result
    finally:
        end.set()
        thread.join()
        seen.append(busy_ticks())
        pairs = zip(seen, seen[4:] or seen[-1:])
        result.append(max((b[0] - a[0]) / (b[1] - a[1]) for a, b in pairs) * os.cpu_count())


class Figure:
    """Of one program with one number of connections."""

    def __init__(self):
        self.rate, self.cores, self.cpu = [], [], []


def call(place, tool, repo, n, base):
    if tool is place.ours:
        return tool.argv(repo, "-q", "--ranks", str(n), "--connections", str(CONNECTIONS), "--pack-size", str(PACK_MIB), "add", base)
    return tool.argv(repo, "-q", "-o", f"s3.connections={n * CONNECTIONS}", "--pack-size", str(PACK_MIB), "backup", base)


def one(place, tool, n, folder, size, figure):
    """In a gateway of its own, which keeps objects in memory and gives none of it back. Opening
    takes as long as `list`, and is not counted."""
    parent, base = os.path.split(folder)
    with faraway.store(place) as store:
        near, far = (store.place(url, "throughput") for url in (store.near, store.far))
        place.runner.run(tool.init(near), parent, tool.env)
        opening = place.runner.run(tool.list(far), parent, tool.env)
        with watch() as cores:
            cost = place.timed(tool, call(place, tool, far, n, base), parent, size)
    figure.rate.append(size / 1e6 / (cost.wall - opening.wall))
    figure.cores += cores
    figure.cpu.append(cost.cpu - opening.cpu)
    say(f"  {tool.name:8s} {n * CONNECTIONS} connections {figure.rate[-1]:7.1f} MB/s, {figure.cores[-1]:.2f} cores busy, {figure.cpu[-1]:.2f} s CPU of its own")


def section(place, figures, size):
    names = [t.name for t in place.both]
    head = ["connections", "ranks"] + [f"MB/s {n}" for n in names] + [f"MB/s a connection {n}" for n in names] + [f"cores busy {n}" for n in names] \
        + [f"CPU s {n}" for n in names]
    rows = []
    for n in RANKS:
        f = [figures[name, n] for name in names]
        rows.append([str(n * CONNECTIONS), str(n)] + [report.spread(x.rate, 0) for x in f] + [f"{median(x.rate) / n / CONNECTIONS:.0f}" for x in f]
                    + [f"{median(x.cores):.1f}" for x in f] + [f"{median(x.cpu):.1f}" for x in f])
    return "\n\n".join([report.machine(place), f"First add of {size / 1e6:.0f} MB of noise in {FILES} files to Ceph's S3, every request {faraway.LATENCY} ms longer, packs of {PACK_MIB} MiB, "
                        f"{place.args.rounds} rounds in turns. a_backup has {CONNECTIONS} connection a rank (threads), restic as many as all ranks together. Opening the repository is "
                        "not counted. “Cores busy” is the whole machine in the busiest second, while data flow: the gateway, which hashes all it gets, its store and the proxy run on the same cores.", report.table(head, rows)])


def run(place, args):
    folder = datasets.provide("noise", make_noise, place.data, args.scale)
    datasets.warm(folder)
    size, _ = tree_size(folder)
    figures = {(t.name, n): Figure() for t in place.both for n in RANKS}
    for tool in place.both:
        tool.env = {**tool.env, **faraway.KEYS}
    for _ in range(args.rounds):
        for n in RANKS:
            for tool in place.both:
                one(place, tool, n, folder, size, figures[tool.name, n])
    met = not place.ours or all(median(figures[place.ours.name, n].rate) >= median(figures[place.theirs.name, n].rate) for n in RANKS)
    return section(place, figures, size), met
