"""Runs a command under `spent` and says what it cost."""
import json
import os
import signal
import statistics
import subprocess
import tempfile
from dataclasses import dataclass


class Failed(Exception):
    """A command ended with another status than 0, or not in time; the text ends with what it
    said."""


@dataclass
class Cost:
    cpu: float   # user + system seconds of the process and all its descendants
    wall: float  # seconds
    rss: int     # bytes, peak of the largest process


class Runner:
    """Runs commands in an environment that holds nothing of the user's: no caches, no settings, no
    password."""

    def __init__(self, spent, scratch, timeout):
        self.spent = os.path.abspath(spent)
        self.scratch = scratch
        self.timeout = timeout
        home = os.path.join(scratch, "home")
        os.makedirs(home, exist_ok=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": scratch, "LC_ALL": "C"}

    def run(self, argv, cwd, env=None, to=None):
        """Runs argv to its end; a Cost. Its output goes `to` an open file, else into what Failed
        says.
        On a timeout the whole process group goes, since it is ours."""
        with tempfile.TemporaryFile() as said, tempfile.NamedTemporaryFile(dir=self.scratch) as out:
            p = subprocess.Popen([self.spent, out.name, *argv], cwd=cwd, env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL,
                                 stdout=to or said, stderr=said, start_new_session=True)
            try:
                status = p.wait(self.timeout)
            except BaseException as e:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()
                if isinstance(e, subprocess.TimeoutExpired):
                    raise Failed(f"{' '.join(argv)}: not done after {self.timeout} s") from e
                raise
            if status:
                said.seek(0)
                raise Failed(f"{' '.join(argv)}: status {status}\n{said.read().decode(errors='replace')[-2000:]}")
            spent = json.load(out)
        return Cost(spent["user"] + spent["sys"], spent["wall"], spent["rss"])


def median(values):
    return statistics.median(values)


def pair_ratio(ours, theirs):
    """The median of the ratios of runs that followed each other: what slows the machine for a while
    slows both of a pair."""
    return median([a / b for a, b in zip(ours, theirs)])


def tree_size(folder):
    """Bytes and number of the regular files below a folder."""
    size = files = 0
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if not os.path.islink(path):
                size += os.path.getsize(path)
                files += 1
    return size, files
