"""A store that is far away: Ceph's gateway on this machine behind a proxy that makes every request
take some milliseconds longer."""
import contextlib
import os
import subprocess
from dataclasses import dataclass

import tools
from measure import Failed

LATENCY = 50  # ms
GATEWAY = os.path.join(tools.ROOT, "tests/services/rgw.sh")
PROXY = os.path.join(tools.ROOT, "tests/lib/proxy.sh")
KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"}


@dataclass
class Requests:
    total: int
    gets: int      # of packs
    received: int  # bytes, by the client


class Store:
    """`near` and `far` are URLs of the same store, without and with latency."""

    def __init__(self, folder):
        self._folder = folder
        os.makedirs(folder)
        self._gateway = os.path.join(folder, "gateway")
        self._proxy = os.path.join(folder, "proxy")
        self._log = os.path.join(self._proxy, "log")

    def start(self):
        self._sh(GATEWAY, "start", self._gateway)
        with open(os.path.join(self._gateway, "env"), encoding="utf-8") as f:
            self.near = f.read().split("RGW_URL=")[1].split()[0]
        self._sh(PROXY, "start", self._proxy, self.near.split("//")[1], f"latency={LATENCY}")
        with open(os.path.join(self._proxy, "url"), encoding="utf-8") as f:
            self.far = f.read().strip()

    def stop(self):
        subprocess.run([PROXY, "stop", self._proxy], check=False)
        subprocess.run([GATEWAY, "stop", self._gateway], check=False)

    def place(self, url, name):
        return f"s3:{url}/{name}"

    def seen(self):
        """Requests that came through the proxy since the last call."""
        found = Requests(0, 0, 0)
        with open(self._log, encoding="utf-8") as f:
            for line in f:
                _, method, _, sent, _, _, uri = line.split(" ", 6)
                found.total += 1
                found.received += int(sent)
                if method == "GET" and "/data/" in uri:
                    found.gets += 1
        os.truncate(self._log, 0)
        return found

    def _sh(self, *argv):
        # Daemons keep what they inherit: no pipe, or nobody would ever see its end.
        with open(os.path.join(self._folder, "said"), "w+", encoding="utf-8") as said:
            if subprocess.run(argv, stdout=said, stderr=said, stdin=subprocess.DEVNULL, check=False).returncode:
                said.seek(0)
                raise Failed(f"{' '.join(argv)}: {said.read()[-1000:]}")


@contextlib.contextmanager
def store(place):
    s = Store(place.fresh("store"))
    try:
        s.start()
        yield s
    finally:
        s.stop()
