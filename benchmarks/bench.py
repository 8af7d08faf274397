#!/usr/bin/env python3
"""bench.py compare|ranks|memory|requests|throughput: what a_backup costs, beside restic. See
README.md; `make bench` builds what it needs and calls it."""
import argparse
import os
import signal
import sys

sys.dont_write_bytecode = True

import compare  # noqa: E402
import datasets  # noqa: E402
import memory  # noqa: E402
import ranks  # noqa: E402
import report  # noqa: E402
import throughput  # noqa: E402
import tools  # noqa: E402
import unchanged  # noqa: E402
import workplace  # noqa: E402
from measure import Failed  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SECTIONS = {"compare": ("Beside restic", compare), "ranks": ("Ranks", ranks), "memory": ("Memory", memory),
            "requests": ("Requests of an unchanged run", unchanged), "throughput": ("Throughput", throughput)}
BUSY = 0.7


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("what", choices=SECTIONS)
    p.add_argument("--scale", type=float, default=1, help="part of the sizes, for instance 0.05 (default 1)")
    p.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of everything, in turns (default 3)")
    p.add_argument("--sets", nargs="+", choices=datasets.SETS, default=list(datasets.SETS), help="compare: only these")
    p.add_argument("--big", action="store_true", help="memory: a million files too")
    p.add_argument("--dir", help="work here, and keep the data sets for the next run (default: a temporary folder)")
    p.add_argument("--program", default=os.path.join(HERE, "../build/rel/a_backup"), help="a_backup; a_backup-mpi is beside it")
    p.add_argument("--spent", default=os.path.join(HERE, "../build/rel/spent"), help="the measuring program")
    p.add_argument("--restic-only", action="store_true", help="not with ranks: leave a_backup out")
    p.add_argument("--timeout", type=float, default=1800, metavar="S", help="of one command (default 1800)")
    p.add_argument("--write", action="store_true", help="put the section into RESULTS.md")
    args = p.parse_args()
    if args.what == "ranks" and args.restic_only:
        p.error("restic has no ranks")
    if args.scale <= 0 or args.rounds < 1:
        p.error("--scale and --rounds must be positive")
    return args


def main():
    args = arguments()
    title, module = SECTIONS[args.what]
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        with workplace.workplace(args) as place:
            if place.load > BUSY:
                workplace.say(f"The load average is {place.load:.2f}: others are at work, and times will say more about them.")
            text, met = module.run(place, args)
    except (Failed, tools.NoTool) as e:
        sys.exit(f"bench.py: {e}")
    print(text)
    if args.write:
        report.write_section(os.path.join(HERE, "RESULTS.md"), title, text)
    if not met:
        workplace.say("Some targets were missed: see the bold numbers.")


if __name__ == "__main__":
    main()
