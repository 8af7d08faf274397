#!/usr/bin/env python3
"""mkmany.py DIR N [--seed S] [--median BYTES]: N small files, 100 a directory, 100 directories a
directory.

Sizes are log-normal (sigma 1.3, at most 1 MiB). Files are by turns noise and text, as a project
folder holds both. The same arguments give
the same bytes with any Python 3.9 or later.
"""
import argparse
import math
import os
import random

WORDS = "step residual energy converged iteration node rank value error time grid cell flux mesh solver input output run job".split()
LARGEST = 1 << 20


def text_pool(rnd):
    """Text that any file's contents can be a slice of: two slices of the same bytes are as unlikely
    as they need to be."""
    parts = []
    size = 0
    while size < 4 * LARGEST:
        line = f"{rnd.choice(WORDS)} {rnd.choice(WORDS)} = {rnd.random():.9e}  # {rnd.choice(WORDS)} {rnd.randrange(10**6)}\n"
        parts.append(line)
        size += len(line)
    return "".join(parts).encode()


def contents(i, size, rnd, pool):
    if i % 2:
        return rnd.randbytes(size)
    at = rnd.randrange(len(pool) - size)
    return pool[at:at + size]


def make(folder, n, seed=1, median=2000):
    rnd = random.Random(seed)
    pool = text_pool(rnd)
    for i in range(n):
        where = f"{folder}/{i // 10000:03d}/{i // 100 % 100:02d}"
        if i % 100 == 0:
            os.makedirs(where, exist_ok=True)
        size = min(int(rnd.lognormvariate(math.log(median), 1.3)), LARGEST)
        with open(f"{where}/f{i % 100:02d}", "wb") as f:
            f.write(contents(i, size, rnd, pool))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("dir")
    p.add_argument("n", type=int)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--median", type=int, default=2000)
    a = p.parse_args()
    make(a.dir, a.n, a.seed, a.median)


if __name__ == "__main__":
    main()
