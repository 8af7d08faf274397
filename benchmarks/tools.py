"""The two programs under one interface: argument lists of the same operations, each with the
program's own defaults."""
import json
import os
import shutil
import subprocess

PASSWORD = "benchmark"
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


class NoTool(Exception):
    pass


class Tool:
    """`env` is added to a command's environment; `name` heads its columns."""
    name = ""
    env = {}

    def __init__(self, program, scratch):
        self.program = os.path.abspath(program)
        self.password_file = os.path.join(scratch, "password")
        with open(self.password_file, "w", encoding="ascii") as f:
            f.write(PASSWORD + "\n")

    def argv(self, repo, *words):
        return [self.program, "-r", repo, "--password-file", self.password_file, *words]

    def version(self):
        done = subprocess.run([self.program, "version"], check=True, capture_output=True, text=True)
        return done.stdout.split("\n")[0]


class Abackup(Tool):
    name = "a_backup"

    def init(self, repo):
        return self.argv(repo, "init")

    def add(self, repo, what, ranks=None):
        more = ["--ranks", str(ranks)] if ranks else []
        return self.argv(repo, "-q", *more, "add", what)

    def restore(self, repo, target):
        return self.argv(repo, "-q", "restore", "latest", "--target", target)

    def check(self, repo, data=True):
        return self.argv(repo, "-q", "check", *(["--read-data"] if data else []))

    def list(self, repo):
        return self.argv(repo, "list")

    def files(self, repo):
        return self.argv(repo, "files", "latest")


class Restic(Tool):
    name = "restic"

    def __init__(self, program, scratch):
        super().__init__(program, scratch)
        self.env = {"RESTIC_CACHE_DIR": os.path.join(scratch, "cache")}

    def init(self, repo):
        return self.argv(repo, "init")

    def add(self, repo, what):
        return self.argv(repo, "-q", "backup", what)

    def restore(self, repo, target):
        return self.argv(repo, "-q", "restore", "latest", "--target", target)

    def check(self, repo, data=True):
        return self.argv(repo, "-q", "check", *(["--read-data"] if data else []))

    def list(self, repo):
        return self.argv(repo, "snapshots")

    def files(self, repo):
        return self.argv(repo, "ls", "latest")


def find_restic():
    """$RESTIC, or the 0.18 that the tests use, or whatever is installed."""
    if os.environ.get("RESTIC"):
        return os.environ["RESTIC"]
    script = os.path.join(ROOT, "tests/lib/restic18.sh")
    if os.access(script, os.X_OK):
        done = subprocess.run([script], capture_output=True, text=True)
        path = done.stdout.strip()
        if done.returncode == 0 and path:
            return path
    path = shutil.which("restic")
    if not path:
        raise NoTool("no restic: install it or set RESTIC=path")
    return path


def scrypt_parameters(repo):
    """What the program that made a repository chose: part of the CPU time of every command."""
    folder = os.path.join(repo, "keys")
    with open(os.path.join(folder, os.listdir(folder)[0]), encoding="ascii") as f:
        key = json.load(f)
    return f"N={key['N']}, r={key['r']}, p={key['p']}"
