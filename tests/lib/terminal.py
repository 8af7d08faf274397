#!/usr/bin/env python3
"""terminal.py ANSWERS COMMAND…: runs COMMAND on a terminal of its own and types a line of ANSWERS
(separated by ",") at each question, which is output that
ends with ": " or "] ".  What it shows goes to standard output; its exit status is ours."""
import os, pty, select, sys, time

answers = sys.argv[1].split(",")
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen, end = b"", time.time() + 60
while time.time() < end:
    if not select.select([fd], [], [], 0.2)[0]:
        continue
    try:
        got = os.read(fd, 65536)
    except OSError:
        break
    if not got:
        break
    sys.stdout.buffer.write(got)
    seen += got
    if seen.endswith((b": ", b"] ")) and answers:
        time.sleep(0.05)  # what is typed before the echo is off would be thrown away
        os.write(fd, answers.pop(0).encode() + b"\n")
        seen = b""
sys.stdout.flush()
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 99)
