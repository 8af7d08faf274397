#!/usr/bin/python3
"""manifest.py DIR [--no-sockets]: one line for each file below DIR with all a backup must bring
back: type, mode, owner, size, mtime, link target, device, attributes, content, and which
files are hard links of each other.  Two trees are equal if their manifests are."""
import hashlib, os, stat, sys

top = os.fsencode(sys.argv[1])
first = {}


def content(p, st):
    h = hashlib.sha256()
    with open(p, 'rb') as f:
        while True:
            b = f.read(1 << 20)
            if not b:
                return h.hexdigest()[:16]
            h.update(b)


def line(p, name):
    st = os.lstat(p)
    kind = stat.S_IFMT(st.st_mode)
    if kind == stat.S_IFSOCK:
        return
    out = [repr(name), oct(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns]
    if kind == stat.S_IFREG:
        out += [st.st_size, content(p, st)]
    if kind == stat.S_IFLNK:
        out.append(os.readlink(p))
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        out.append(st.st_rdev)
    if kind == stat.S_IFREG and st.st_nlink > 1:  # restic makes no links of symbolic links and fifos
        out.append(('link', first.setdefault((st.st_dev, st.st_ino), name)))
    for x in sorted(os.listxattr(p, follow_symlinks=False)):
        out.append((x, os.getxattr(p, x, follow_symlinks=False)))
    print(*out)


def walk(d, rel):
    line(d, rel)
    for n in sorted(os.listdir(d)):
        p, r = os.path.join(d, n), os.path.join(rel, n)
        if stat.S_ISDIR(os.lstat(p).st_mode):
            walk(p, r)
        else:
            line(p, r)


sys.setrecursionlimit(5000)
walk(top, b'')
