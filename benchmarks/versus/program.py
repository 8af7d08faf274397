"""One program of the two that are compared: runs it, and says what came of it without what differs
from run to run."""
import glob
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field

from trees import merged_index

TIMEOUT = 120
NOBODY = 65534
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none"]
# Of a snapshot, that two of the same have in common.
KEPT = ("tree", "paths", "hostname", "username", "tags", "excludes", "program_version")
STARTED = time.time()
AHEAD = 3600  # seconds from one backup of a series to the next: what changed is old by then

DROPPED = re.compile(rb'"message_type":"status"|^\d+ ranks?; files opened')
MASKS = [
    (re.compile(rb"\[\[\d+,\d+\],\d+\]"), rb"[_]"),  # mpirun's name of a process
    (re.compile(rb'"(total_duration|seconds_\w+)":[0-9.e+-]+'), rb'"\1":_'),
    (re.compile(rb"(?<= in )\d+:\d\d(:\d\d)?"), rb"_:__"),
    (re.compile(rb"(requests to the store that were tried again: )\d+"), rb"\1_"),
]
TIMES = re.compile(rb'20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?')
IDS = re.compile(rb"\b([0-9a-f]{64}|[0-9a-f]{10}|[0-9a-f]{8})\b")


@dataclass
class Result:
    """`facts` are compared one by one; `packs` may differ by one."""
    rc: int
    facts: dict = field(default_factory=dict)
    packs: int = 0

    def only(self, *names):
        """Of the repository alone."""
        return Result(0, {n: self.facts[n] for n in names}, self.packs)


def later_than_now(text):
    """Times ahead of our clock are those of the runs, which are told a later one."""
    words = text.group(0).decode().replace("T", " ")[:16]
    when = time.mktime(time.strptime(words, "%Y-%m-%d %H:%M"))
    return b"_TIME_" if when > STARTED + AHEAD / 2 else text.group(0)


class Program:
    """`side` is old or new; `way` a number of ranks, or mpiN.  Works in a folder of its own."""

    def __init__(self, side, way, binary, place):
        self.side, self.way, self.binary = side, way, binary
        self.cwd = os.path.join(place.folder, f"{side}-{way}")
        self.place = place
        self.random_ids = set()
        os.makedirs(self.cwd)

    def argv(self, words, spread):
        if isinstance(self.way, str):
            env = ["env", *self.preload()]
            return [*MPIRUN, "-n", self.way[3:], *env, self.binary + "-mpi", *words]
        ranks = ["--ranks", str(self.way)] if spread and self.way != 1 else []
        return ["env", *self.preload(), self.binary, words[0], *ranks, *words[1:]]

    def preload(self):
        return [f"LD_PRELOAD={self.place.shim}", f"LATER={self.place.later}"]

    def run(self, *words, spread=True, cwd=None, raw=False, same=False, user=None, env=None):
        """A Result with the lines of both outputs, masked and sorted.  raw: standard output as it
        is; same: both read one repository, so times and ids are the same."""
        who = {"user": user, "group": user, "extra_groups": []} if user else {}
        done = subprocess.run(
            self.argv(words, spread), cwd=cwd or self.cwd, capture_output=True, timeout=TIMEOUT,
            stdin=subprocess.DEVNULL, check=False, env={**self.place.env, **(env or {})}, **who)
        if not same:
            self.learn_ids()
        out = [done.stdout] if raw else self.lines(done.stdout, same)
        return Result(done.returncode, {"stdout": out, "stderr": self.lines(done.stderr, same)})

    def learn_ids(self):
        """Names of packs, indexes, snapshots and keys are random: those that there ever were."""
        for path in glob.glob(f"{self.cwd}/*/*/*") + glob.glob(f"{self.cwd}/*/data/*/*"):
            name = os.path.basename(path)
            if len(name) == 64:
                self.random_ids.update((name[:8].encode(), name[:10].encode(), name.encode()))

    def lines(self, text, same):
        text = text.replace(f"{self.side}-{self.way}".encode(), b"_WHERE_")
        text = text.replace(self.binary.encode(), b"_PROGRAM_")
        if not same:
            text = TIMES.sub(later_than_now, text)
            text = IDS.sub(self.random_id, text)
        for what, by in MASKS:
            text = what.sub(by, text)
        return sorted(x for x in text.split(b"\n") if not DROPPED.search(x))

    def random_id(self, match):
        return b"_ID_" if match.group(0) in self.random_ids else match.group(0)


class Reader:
    """What is in a repository, as the old program sees it, whoever wrote it."""

    def __init__(self, binary, env):
        self.binary, self.env = binary, env
        self.indexes = {}  # name: text

    def ask(self, repo, *words):
        argv = [self.binary, "-r", repo, "--no-lock", *words]
        return subprocess.run(argv, check=True, capture_output=True, env=self.env).stdout

    def one_index(self, repo, name):
        if name not in self.indexes:
            self.indexes[name] = self.ask(repo, "cat", "index", name)
        return self.indexes[name]

    def index(self, repo):
        names = sorted(os.listdir(os.path.join(repo, "index")))
        return merged_index([self.one_index(repo, n) for n in names])

    def snapshots(self, repo):
        return sorted(json.loads(self.ask(repo, "list", "--json")), key=lambda s: s["time"])

    def holds(self, repo):
        """Lines with all snapshots, oldest first, without their times; lines with the set of blobs;
        the number of packs."""
        told = [json.dumps({k: s.get(k) for k in KEPT} | {"counts": {
            k: v for k, v in s["summary"].items() if not k.startswith("backup_")}})
            for s in self.snapshots(repo)]
        packs = self.index(repo)["packs"]
        blobs = sorted({f"{b['type']} {b['id']}" for p in packs for b in p["blobs"]})
        there = sum(len(files) for _, _, files in os.walk(os.path.join(repo, "data")))
        return [t.encode() for t in told], [b.encode() for b in blobs], there
