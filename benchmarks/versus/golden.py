#!/usr/bin/env python3
"""golden.py OLD NEW: do two builds of a_backup do the same?

Both back up the same trees (by 1, 2 and 4 ranks, as threads and under mpirun) and read the same
repositories, whole and damaged.  Root trees, the set of blobs, exit codes, what is printed (sorted,
times and random ids masked) and what is restored must be equal, the number of packs but for one.
Prints each difference and a table of all that was compared; exits with 1 if anything differs.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True

import commands  # noqa: E402
import trees  # noqa: E402
from program import AHEAD, NOBODY, Program, Reader, Result  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PASSWORD = "golden"
SHOWN = 6  # differing lines
READERS = ("restore", "check")
SIDES = ("old", "new")


class Place:
    """Folders, tools and the environment of all runs; and the table of what was compared."""

    def __init__(self, args, folder):
        self.folder = folder
        self.args = args
        self.env = {
            "PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": folder,
            "LC_ALL": "C", "TZ": "UTC", "RESTIC_PASSWORD": PASSWORD, "OMPI_MCA_btl_tcp_if_include": "lo",
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        self.later = 0
        self.shim = self.path("shim.so")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", self.shim,
                        os.path.join(HERE, "shim.c"), "-ldl"], check=True)
        self.binary = {"old": self.keep("old", args.old), "new": self.keep("new", args.new)}
        self.reader = Reader(self.binary["old"], self.env)
        self.source = self.path("source")
        self.pool = ThreadPoolExecutor(2)
        self.compared = {}
        self.differ = 0

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def keep(self, side, path):
        """Copies, so that a build meanwhile changes nothing and everybody may run them."""
        to = self.path("bin-" + side, "a_backup")
        os.makedirs(os.path.dirname(to))
        for end in ("", "-mpi"):
            if os.path.exists(path + end):
                shutil.copy(path + end, to + end)
        return to

    def ways(self):
        """Numbers of ranks, and under mpirun where there is one."""
        if shutil.which("mpirun") and all(os.path.exists(b + "-mpi") for b in self.binary.values()):
            return [1, 2, 4, "mpi2"]
        print("no mpirun or no a_backup-mpi: ranks as threads only")
        return [1, 2, 4]

    def light(self, repo, *like):
        subprocess.run([self.args.light_repo, repo, *like], check=True, env=self.env)

    def both(self, what, pair):
        """what(program) of the old and of the new one, at the same time."""
        return list(self.pool.map(what, pair))

    def compare(self, group, name, want, got):
        """Notes whether two Results are equal, and shows where they are not."""
        wrong = []
        if want.rc != got.rc:
            wrong.append(f"exit status {got.rc}, not {want.rc}")
        if abs(want.packs - got.packs) > 1:
            wrong.append(f"{got.packs} packs, not {want.packs}")
        for fact, lines in want.facts.items():
            wrong += differences(fact, lines, got.facts[fact])
        row = self.compared.setdefault(group, [0, 0])
        row[0] += 1
        row[1] += bool(wrong)
        if wrong:
            self.differ += 1
            print(f"DIFFERENT  {group}: {name}", *wrong, sep="\n    ", flush=True)

    def table(self):
        print(f"\n{'':44s} compared  different")
        for group, (n, bad) in self.compared.items():
            print(f"{group:44s} {n:8d}  {bad or '':>9}")


def differences(fact, want, got):
    if want == got:
        return []
    less, more = sorted(set(want) - set(got)), sorted(set(got) - set(want))
    at = 0
    if len(less) == len(more) == 1:  # one long line of JSON, perhaps: where it differs
        at = max(0, len(os.path.commonprefix(less + more)) - 60)
    told = [f"{fact}: {len(less)} lines only in the old, {len(more)} only in the new"]
    for sign, found in (("-", less), ("+", more)):
        told += [f"{sign} {line[at:at + 300]!r}" for line in found[:SHOWN]]
    return told


def remove(*paths):
    subprocess.run(["chmod", "-Rf", "u+rwX", *paths], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["rm", "-rf", *paths], check=True)


def copy(source, to):
    subprocess.run(["cp", "-a", source, to], check=True)


class Backups:
    """Series of backups, by each way of running: pairs[way] is [old, new]."""

    def __init__(self, place):
        self.place = place
        self.pairs = {way: [Program(side, way, place.binary[side], place) for side in SIDES]
                      for way in place.ways()}
        self.base = place.path("base")
        place.light(self.base)
        for pair in self.pairs.values():
            for p in pair:
                copy(self.base, os.path.join(p.cwd, "r"))

    def add(self, words):
        """The same backup by all: the old beside the new, and that beside the old one's one
        rank."""
        self.place.later += AHEAD
        first = None
        for way, pair in self.pairs.items():
            old, new = self.place.both(lambda p: self.one(p, words), pair)
            first = first or old
            self.place.compare(f"add, ranks: {way}", " ".join(words), old, new)
            self.place.compare("add, any ranks beside one", f"{way}: {' '.join(words)}",
                               first.only("snapshots", "blobs"), new.only("snapshots", "blobs"))

    def one(self, p, words):
        repo = os.path.join(p.cwd, "r")
        r = p.run(words[0], "-r", repo, *words[1:], cwd=self.place.source)
        r.facts["snapshots"], r.facts["blobs"], r.packs = self.place.reader.holds(repo)
        return r

    def run(self):
        for words in commands.of(commands.ADD):
            self.add(words)
        trees.change(self.place.source)
        with open(self.place.path("list"), "w", encoding="utf-8") as f:
            f.write(commands.LISTED)
        for words in commands.of(commands.ADD_CHANGED, LIST=self.place.path("list")):
            self.add(words)

    def crosswise(self):
        """Each checks what the other one has written."""
        for way in (1, 4):
            old, new = self.pairs[way]
            other = {old: new, new: old}
            results = self.place.both(
                lambda p: p.run("check", "-r", os.path.join(other[p].cwd, "r"), "--read-data",
                                spread=False), (old, new))
            self.place.compare("check what the other one wrote", f"ranks: {way}",
                               Result(0, results[0].facts), results[0])
            self.place.compare("check what the other one wrote", f"ranks: {way}", *results)

    def odd(self):
        """Files that may not be read, and files that vanish when they are opened."""
        for make in (trees.make_closed, trees.make_vanishing):
            for way in (1, 2, 4):
                results = self.place.both(lambda p: self.odd_one(p, make), self.pairs[way])
                self.place.compare(f"add: {make.__doc__}", f"{way} ranks", *results)

    def odd_one(self, p, make):
        where, repo = os.path.join(p.cwd, "odd"), os.path.join(p.cwd, "odd-repo")
        user = NOBODY if os.geteuid() == 0 and make is trees.make_closed else None
        remove(where, repo)
        make(where)
        copy(self.base, repo)
        if user:
            subprocess.run(["chown", "-Rh", f"{user}:{user}", repo, where], check=True)
        r = p.run("add", "-r", repo, "-vv", "odd", user=user)
        # Inodes and times differ, and so do the sizes of trees.
        r.facts["stdout"] = [x for x in r.facts["stdout"] if not x.startswith(b"Added to the rep")]
        listed = p.run("files", "-r", repo, "latest", spread=False, user=user)
        r.facts["files"] = listed.facts["stdout"]
        remove(where, repo)
        return r


class Reading:
    """Commands that read: old and new on one repository, the new one by several ranks too where it
    is told to (--spread)."""

    def __init__(self, place, backups):
        self.place = place
        self.old, self.new = backups.pairs[1]
        self.more = [pair[1] for way, pair in backups.pairs.items() if way != 1]
        self.repo = None

    def compare(self, group, words, after=None, **how):
        """after(program, result) adds facts."""
        spread = words[0] in self.place.args.spread

        def one(p):
            r = p.run(words[0], "-r", self.repo, "--no-lock", *words[1:], same=True, spread=spread,
                      **how)
            if after:
                after(p, r)
            return r
        want, got = self.place.both(one, (self.old, self.new))
        self.place.compare(group, " ".join(words), want, got)
        for p in self.more if spread else ():
            self.place.compare(f"{group}, ranks: {p.way}", " ".join(words), want, one(p))

    def whole(self, repo, snapshot):
        self.repo = repo
        for words in commands.of(commands.READ, SNAPSHOT=snapshot):
            self.compare(words[0], words, raw=words[0] == "dump")
        self.compare("errors", ["list"], env={"RESTIC_PASSWORD": "wrong"})
        for words in commands.of(commands.RESTORE, SNAPSHOT=snapshot):
            self.restore("restore", words)
        onto = self.place.path("disturbed")
        self.place.reader.ask(repo, "restore", snapshot, "--include", "/small", "--target", onto)
        trees.disturb(onto)
        for words in commands.of(commands.RESTORE_ONTO, SNAPSHOT=snapshot):
            self.restore("restore onto something", words, onto)
        self.repo = self.place.path("none")
        self.compare("errors", ["list"])

    def restored(self, p, r):
        out = os.path.join(p.cwd, "out")
        r.facts["files"] = trees.manifest(out) if os.path.exists(out) else []
        remove(out)

    def restore(self, group, words, onto=None):
        """onto: the folder of which a copy is the target."""
        for p in [self.old, self.new] + (self.more if "restore" in self.place.args.spread else []):
            if onto:
                copy(onto, os.path.join(p.cwd, "out"))
        self.compare(group, [*words, "--target", "out"], after=self.restored)

    def damaged(self, good, what):
        """Each verb on the same damaged repository; a backup on copies of it."""
        self.repo = self.place.path("damaged")
        group = f"damaged: {what}"
        copy(good, self.repo)
        trees.damage(self.repo, self.place.reader.index(good), what)
        for words in commands.of(commands.READ_DAMAGED):
            self.compare(group, words)
        for words in commands.of(commands.RESTORE_DAMAGED):
            self.restore(group, words)
        results = self.place.both(self.add_to_damaged, (self.old, self.new))
        self.place.compare(group, "add", *results)
        remove(self.repo)

    def add_to_damaged(self, p):
        repo = os.path.join(p.cwd, "damaged-copy")
        copy(self.repo, repo)
        r = p.run("add", "-r", repo, "-v", "small", cwd=self.place.source)
        again = p.run("check", "-r", repo, spread=False)
        r.facts["then check: exit status"] = [b"%d" % again.rc]
        for name, lines in again.facts.items():
            r.facts["then check: " + name] = lines
        remove(repo)
        return r


def run(place):
    trees.make(place.source)
    backups = Backups(place)
    backups.run()
    backups.crosswise()
    backups.odd()
    reading = Reading(place, backups)
    repo, good = os.path.join(reading.old.cwd, "r"), place.path("good")
    reading.whole(repo, place.reader.snapshots(repo)[2]["id"])
    place.light(good, backups.base)
    trees.make_seed(place.source)
    for what in ("seed", "small"):
        subprocess.run([place.binary["old"], "-q", "-r", good, "--pack-size", "4", "add", what],
                       cwd=place.source, env=place.env, check=True)
    for what in trees.DAMAGES:
        reading.damaged(good, what)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("old", help="a_backup; a_backup-mpi is beside it")
    p.add_argument("new")
    p.add_argument("--spread", nargs="*", default=[], choices=READERS,
                   help="verbs that the new one runs by 1, 2 and 4 ranks, the old one by itself")
    p.add_argument("--light-repo", required=True,
                   help="the tool of the tests that makes repositories with a cheap key")
    p.add_argument("--dir", default=os.environ.get("TMPDIR") or "/var/tmp",
                   help="work below this folder (6 GB; default: TMPDIR or /var/tmp)")
    args = p.parse_args()
    folder = tempfile.mkdtemp(prefix="golden-", dir=args.dir)
    os.chmod(folder, 0o711)
    try:
        place = Place(args, folder)
        run(place)
        place.table()
    finally:
        remove(folder)
    sys.exit(1 if place.differ else 0)


if __name__ == "__main__":
    main()
