#!/usr/bin/env python3
"""own_inodes.py FROM AT: FROM once more, read-only, as most FUSE file systems are: libfuse numbers
inodes by itself, in the order in which they are looked up on this node."""

import os
import sys

from fuse import FUSE, FuseOSError, Operations


class Same(Operations):
    def __init__(self, root):
        self.root = root

    def getattr(self, path, fh=None):
        try:
            st = os.lstat(self.root + path)
        except OSError as e:
            raise FuseOSError(e.errno)
        return {k: getattr(st, k) for k in ("st_mode", "st_nlink", "st_size", "st_uid", "st_gid", "st_mtime", "st_ctime", "st_atime")}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self.root + path)]

    def open(self, path, flags):
        return os.open(self.root + path, os.O_RDONLY)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def release(self, path, fh):
        return os.close(fh)


FUSE(Same(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True, fsname="srv:/x", ro=True, attr_timeout=60, entry_timeout=60)
