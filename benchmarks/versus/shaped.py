#!/usr/bin/env python3
"""shaped.py OLD NEW [ROUNDS=3]: wall time of check --read-data and restore against a store that is
far away: rclone's REST server behind connections of 50 ms and 4 MB/s each (far.py).  One rank of
OLD, one of NEW, four of NEW, each with the default number of connections a rank.  They take turns;
what `list` takes, which is opening and lock, is subtracted.  Environment: SCALE (part of 1 GB),
PACK_SIZE (MiB), VERBS, DIR (where to work)."""
import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from measure import median, tree_size  # noqa: E402

VERBS = {"check --read-data": ["check", "--read-data"], "restore": ["restore", "latest"]}
FILES = 64
MS, MB_PER_S = 50, 4


def make_data(folder, scale):
    """1 GB of noise in files of all sizes."""
    rnd = random.Random(14)
    share = [rnd.random() ** 2 + 0.05 for _ in range(FILES)]
    for i, s in enumerate(share):
        where = os.path.join(folder, str(i % 8))
        os.makedirs(where, exist_ok=True)
        with open(os.path.join(where, f"file{i}"), "wb") as f:
            left = int(1e9 * scale * s / sum(share))
            while left:
                piece = min(left, 1 << 20)
                f.write(rnd.randbytes(piece))
                left -= piece


def wait_for_file(path, process):
    for _ in range(200):
        if os.path.exists(path):
            with open(path, encoding="ascii") as f:
                return f.read().strip()
        if process.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit(f"shaped.py: {process.args[0]} does not start")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Store:
    def __init__(self, scratch):
        self.root = os.path.join(scratch, "served")
        os.makedirs(self.root)
        port = free_port()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.server = subprocess.Popen(
            ["rclone", "serve", "restic", "--config", os.path.join(scratch, "none"),
             "--addr", f"127.0.0.1:{port}", self.root], **quiet)
        self.port_file = os.path.join(scratch, "port")
        self.line = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "far.py"), str(port), self.port_file, str(MS),
             str(MB_PER_S)])
        self.place = f"rest:http://127.0.0.1:{wait_for_file(self.port_file, self.line)}/r"
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        sys.exit("shaped.py: rclone does not start")

    def stop(self):
        for p in (self.line, self.server):
            p.terminate()
            p.wait()

    def came(self):
        """Bytes that the line has brought back so far."""
        told = self.port_file + ".bytes"
        self.line.send_signal(signal.SIGUSR1)
        n = int(wait_for_file(told, self.line))
        os.unlink(told)
        return n


class Way:
    def __init__(self, name, program, ranks):
        self.name = name
        self.argv = [program, *(["--ranks", str(ranks)] if ranks > 1 else [])]
        self.walls, self.bytes = [], 0


def once(place, store, way, words):
    """Seconds, or None: this program cannot do it with so many ranks."""
    target = tempfile.mkdtemp(dir=place)
    more = ["--target", target] if words[0] == "restore" else []
    before, began = store.came(), time.monotonic()
    done = subprocess.run([*way.argv, "-q", "-r", store.place, *words, *more],
                          capture_output=True, text=True, check=False)
    wall = time.monotonic() - began
    way.bytes = store.came() - before
    shutil.rmtree(target)
    if done.returncode and "--ranks" in done.stderr:
        return None
    if done.returncode:
        sys.exit(f"shaped.py: {way.name}: {words}: {done.returncode}: {done.stderr[-1000:]}")
    return wall


def opening(place, store, way, rounds):
    """What a command takes before its own work: rank 0's, whatever the ranks."""
    return median([once(place, store, way, ["list"]) for _ in range(rounds)])


def measure(place, store, ways, verb, rounds, open_s):
    for way in ways:
        way.walls = []
    for i in range(rounds):
        for way in ways if i % 2 == 0 else reversed(ways):
            wall = once(place, store, way, VERBS[verb])
            if wall is not None:
                way.walls.append(wall - open_s[way.argv[0]])
    base = median(ways[0].walls)
    for way in ways:
        if not way.walls:
            print(f"{verb:18s} {way.name:12s} not with so many ranks")
            continue
        wall = median(way.walls)
        print(f"{verb:18s} {way.name:12s} {wall:8.2f} s {wall / base:6.3f} "
              f"{way.bytes / 1e6:8.0f} MB came  ({min(way.walls):.2f} to {max(way.walls):.2f})",
              flush=True)


def run(place, args):
    scale = float(os.environ.get("SCALE") or 1)
    os.environ["RESTIC_PASSWORD"] = "x"
    store = Store(place)
    try:
        data, repo = os.path.join(place, "data"), os.path.join(store.root, "r")
        make_data(data, scale)
        subprocess.run([args.light_repo, repo], check=True)
        old, new = (shutil.copy(p, os.path.join(place, n))
                    for n, p in (("old", args.old), ("new", args.new)))
        pack = ["--pack-size", os.environ["PACK_SIZE"]] if os.environ.get("PACK_SIZE") else []
        subprocess.run([old, "-q", "-r", repo, *pack, "add", "data"], cwd=place, check=True)
        ways = [Way("old", old, 1), Way("new", new, 1), Way("new, 4 ranks", new, 4)]
        open_s = {w.argv[0]: opening(place, store, w, 3) for w in ways[:2]}
        print(f"{tree_size(data)[0] / 1e6:.0f} MB in {tree_size(os.path.join(repo, 'data'))[1]} "
              f"packs; {MS} ms, {MB_PER_S} MB/s a connection; opening and lock "
              f"{open_s[old]:.2f} s, {open_s[new]:.2f} s; medians of {args.rounds}", flush=True)
        for verb in (os.environ.get("VERBS") or ",".join(VERBS)).split(","):
            measure(place, store, ways, verb, args.rounds, open_s)
    finally:
        store.stop()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("old")
    p.add_argument("new")
    p.add_argument("rounds", nargs="?", type=int, default=3)
    p.add_argument("--light-repo", required=True)
    args = p.parse_args()
    base = os.environ.get("DIR") or os.environ.get("TMPDIR") or "/var/tmp"
    place = tempfile.mkdtemp(prefix="shaped-", dir=base)
    try:
        run(place, args)
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
