"""What all benchmarks need: programs, a folder on the disk that is measured, empty repositories."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

import measure
import tools
import warmpool

POOL_FIXED = 768 << 20  # bytes of memory that a program may want itself, whatever the data
FEW_FILES = 1000


class Workplace:
    """`ours` and `theirs` are tools (ours is None with --restic-only); `both` are those that there
    are, in the order they take turns."""

    def __init__(self, args, scratch):
        self.args = args
        self.scratch = scratch
        self.load = os.getloadavg()[0]
        self.data = os.path.abspath(args.dir or os.path.join(scratch, "data"))
        os.makedirs(self.data, exist_ok=True)
        self.runner = measure.Runner(args.spent, scratch, args.timeout)
        self.theirs = tools.Restic(tools.find_restic(), scratch)
        self.ours = None if args.restic_only else tools.Abackup(args.program, scratch)
        self.both = [t for t in (self.ours, self.theirs) if t]
        self._pool = None
        self._serial = 0
        self._empty = None

    def fresh(self, what):
        """The path of something that is not there yet."""
        self._serial += 1
        return os.path.join(self.scratch, f"{what}{self._serial}")

    def empty_repository(self):
        """A copy of one that restic made. All runs work on copies of the same: the same chunker
        polynomial cuts files at the same places, and
        the same scrypt parameters, which depend on how busy the machine was when the key was made,
        cost every command the same."""
        if not self._empty:
            self._empty = self.fresh("empty")
            self.runner.run(self.theirs.init(self._empty), self.scratch, self.theirs.env)
        repo = self.fresh("repo")
        shutil.copytree(self._empty, repo)
        return repo

    def scrypt(self):
        return tools.scrypt_parameters(self._empty)

    def timed(self, tool, argv, cwd, data_bytes):
        """Runs one command, which may write data_bytes, after all that was written before is on the
        disk, so that nobody pays for another's pages."""
        os.sync()
        self._pool = None
        self._pool = warmpool.fill(POOL_FIXED + data_bytes * 5 // 4)
        return self.runner.run(argv, cwd, tool.env)

    def oracle(self, argv, cwd):
        self.runner.run(argv, cwd, {"RESTIC_CACHE_DIR": os.path.join(self.scratch, "oracle-cache")})

    def same(self, a, b):
        self.runner.run(["diff", "-r", "--no-dereference", a, b], self.scratch)

    def remove(self, *paths):
        """Not a tree with many files, which goes when all is done: for minutes after files were
        deleted, ext4 looks at each of their inodes whenever a
        file is made (recently_deleted() in its allocator). With 30 000 just deleted, restoring 30
        000 cost 4 to 12 s of system time instead of 1.5."""
        for path in paths:
            if measure.tree_size(path)[1] < FEW_FILES:
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def workplace(args):
    base = args.dir or os.environ.get("TMPDIR") or "/tmp"
    os.makedirs(base, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="bench-", dir=base)
    try:
        yield Workplace(args, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def say(text):
    print(text, file=sys.stderr, flush=True)


def first_line(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.split("\n")[0]
