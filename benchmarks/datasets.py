"""The data that is backed up. Each set is a folder; it is made once a run, or found in --dir when
an earlier run made it."""
import os
import random
import shutil
import subprocess
import sys

import mkmany

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
LIBRARIES = "/usr/lib"


class Unavailable(Exception):
    """This machine cannot make the data set; the text says why."""


def make_random(folder, scale):
    """One file of noise, 1 GiB: nothing to compress and nothing twice, so what is measured is
    reading, cutting, hashing, sealing, writing."""
    rnd = random.Random(1)
    os.makedirs(folder)
    with open(os.path.join(folder, "noise"), "wb") as f:
        for _ in range(max(1, int(1024 * scale))):
            f.write(rnd.randbytes(MIB))


def libraries():
    found = []
    for where, _, names in os.walk(LIBRARIES):
        for name in names:
            path = os.path.join(where, name)
            if (name.endswith(".so") or ".so." in name) and os.path.isfile(path) and not os.path.islink(path):
                found.append(path)
    return sorted(found)


def make_libraries(folder, scale):
    """Shared libraries of this machine, 600 MB: the regular files *.so and *.so.* below /usr/lib in
    the order of their paths, until they are enough."""
    left = int(600e6 * scale)
    for path in libraries():
        if left <= 0:
            break
        to = os.path.join(folder, os.path.relpath(path, LIBRARIES))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copyfile(path, to)
        left -= os.path.getsize(path)
    if not os.path.isdir(folder):
        raise Unavailable(f"no shared libraries below {LIBRARIES}")


def make_many(folder, scale):
    """100 000 small files, log-normal sizes with median 2 kB, 100 a directory, half noise and half
    text (mkmany.py)."""
    mkmany.make(folder, max(100, int(100000 * scale)))


def make_hpc(folder, scale):
    """Simulation output, about 800 MB: 3 time steps of raw float64 checkpoints, HDF5 with gzip,
    NetCDF4 and logs (mkhpc.py)."""
    mib = max(2, int(100 * scale))
    why = ""
    for python in ("/usr/bin/python3", sys.executable):
        done = subprocess.run([python, os.path.join(HERE, "mkhpc.py"), folder, str(mib)], stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            sys.stderr.write(done.stderr)
            return
        why = done.stderr.strip().split("\n")[-1]
    raise Unavailable(why)


def make_tree(n):
    """A maker of n files of some hundred bytes, for what is about numbers, not bytes."""
    return lambda folder, scale: mkmany.make(folder, max(100, int(n * scale)), median=200)


SETS = {"random": make_random, "libraries": make_libraries, "many": make_many, "hpc": make_hpc}


def provide(name, maker, data_dir, scale):
    """The path of a data set, made when it is not there; one that was not finished is made
    again."""
    folder = os.path.join(data_dir, f"{name}-{scale:g}")
    if not os.path.isdir(folder):
        unfinished = folder + ".part"
        shutil.rmtree(unfinished, ignore_errors=True)
        maker(unfinished, scale)
        os.rename(unfinished, folder)
    return folder


def warm(folder):
    """Reads everything once, so that the first program does not fill the page cache for the
    second."""
    for where, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(where, name), "rb") as f:
                while f.read(MIB):
                    pass
