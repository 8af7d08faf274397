#!/usr/bin/env python3
"""ps_spy.py FILE: writes every command line that a process on this machine has, once, until it is
ended."""

import os
import sys
import time

seen = set()
with open(sys.argv[1], "ab", buffering=0) as out:
    while True:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    line = f.read().replace(b"\0", b" ")
            except OSError:
                continue
            if line and line not in seen:
                seen.add(line)
                out.write(line + b"\n")
        time.sleep(0.02)
