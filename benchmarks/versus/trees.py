"""What golden.py backs up, what it changes and what it breaks: always the same but for inodes."""
import json
import os
import random
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

import mkmany  # noqa: E402

MIB = 1 << 20
MKTREE = os.path.join(ROOT, "tests/lib/mktree.py")
MANIFEST = os.path.join(ROOT, "tests/lib/manifest.py")


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


CACHEDIR_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n"


def make(source):
    """source/small: names, node types, hard links, attributes, and 4000 small files in 14 MB;
    source/large: sizes around the chunker's limits, holes, 500 levels, and a file of 300 MB."""
    small, large = os.path.join(source, "small"), os.path.join(source, "large")
    os.makedirs(small)
    subprocess.run([sys.executable, MKTREE, large], check=True)
    for name in ("names", "types", "attrs", "links", "times"):
        os.rename(os.path.join(large, name), os.path.join(small, name))
    mkmany.make(os.path.join(small, "many"), 4000, median=1500)
    put(os.path.join(small, "cache/CACHEDIR.TAG"), CACHEDIR_TAG)
    put(os.path.join(small, "cache/x"), b"x")
    make_300mb(os.path.join(large, "300MB"))


def make_300mb(path):
    """Noise, zeros, and what compresses."""
    rnd = random.Random(3)
    text = b"".join(b"%d %.9f\n" % (i, rnd.random()) for i in range(1 << 17))
    with open(path, "wb") as f:
        for i in range(150):
            f.write(rnd.randbytes(MIB))
            f.write(bytes(MIB) if i % 3 == 0 else text[i * 997:][:MIB])


def make_closed(folder):
    """files that may not be read"""
    put(os.path.join(folder, "open"), b"open")
    put(os.path.join(folder, "dir/closed"), b"closed")
    put(os.path.join(folder, "closed dir/file"), b"below")
    os.chmod(os.path.join(folder, "dir/closed"), 0)
    os.chmod(os.path.join(folder, "closed dir"), 0)


def make_vanishing(folder):
    """files that vanish when they are opened (shim.c)"""
    put(os.path.join(folder, "stays"), b"stays")
    put(os.path.join(folder, "d/gone-file"), b"x")
    os.makedirs(os.path.join(folder, "d/gone"))


def change(source):
    """Between two backups: contents, sizes, names, types, modes, links, and what is gone."""
    small, large = os.path.join(source, "small"), os.path.join(source, "large")
    many = os.path.join(small, "many")
    for i in range(0, 40, 3):
        put(f"{many}/000/{i:02d}/f{i:02d}", b"changed %d" % i)
    for i in range(1, 40, 5):
        os.unlink(f"{many}/000/{i:02d}/f50")
    shutil.rmtree(f"{many}/000/02")
    os.rename(f"{many}/000/04", f"{many}/000/renamed")
    os.chmod(f"{many}/000/05/f01", 0o600)
    os.utime(f"{many}/000/05/f02", ns=(10**18, 10**18))
    os.unlink(f"{small}/types/link0")
    put(f"{small}/types/link0", b"no link any more")
    os.unlink(f"{small}/links/zz")
    os.link(f"{small}/links/a", f"{small}/links/sub/new")
    os.setxattr(f"{small}/attrs/many", b"user.more", b"more")
    with open(os.path.join(large, "300MB"), "r+b") as f:
        f.seek(100 * MIB)
        f.write(b"another")
        f.seek(0, 2)
        f.write(b"more")


def disturb(target):
    """What a restore finds where it restores to: files that are newer, older, of another size or of
    another type, missing ones, and some that the snapshot does not have."""
    small = os.path.join(target, "small")
    many = os.path.join(small, "many/000")
    for i, name in enumerate(sorted(os.listdir(many))):
        path = f"{many}/{name}/f{i:02d}"
        if not os.path.exists(path):
            continue
        size = os.path.getsize(path)
        if i % 4 == 0:
            put(path, b"n" * size)
        elif i % 4 == 1:
            put(path, b"o" * size)
            os.utime(path, ns=(10**18, 10**18))
        elif i % 4 == 2:
            old = os.stat(path)
            put(path, b"s" * size)
            os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
        else:
            os.unlink(path)
        put(f"{many}/{name}/extra", b"extra")
    os.unlink(f"{many}/06/f70")
    os.makedirs(f"{many}/06/f70")
    shutil.rmtree(f"{many}/07")
    put(f"{many}/07", b"was a directory")
    os.unlink(f"{many}/08/f71")
    os.symlink("f70", f"{many}/08/f71")
    os.unlink(f"{small}/links/b")
    put(f"{small}/links/b", b"alone")
    os.setxattr(f"{small}/attrs/file", b"user.other", b"2")
    put(f"{small}/extra dir/extra", b"extra")


def manifest(folder):
    """Lines that tell all of what was restored, but not of the folder itself."""
    done = subprocess.run([sys.executable, MANIFEST, folder], check=True, capture_output=True)
    return done.stdout.split(b"\n")[1:]


def pack_path(repo, pack):
    return os.path.join(repo, "data", pack[:2], pack)


def a_blob(index, kind):
    """(pack, middle of the blob, end of the pack's blobs): of the smallest id of that type."""
    found = [(b["id"], p, b) for p in index["packs"] for b in p["blobs"] if b["type"] == kind]
    _, pack, blob = min(found, key=lambda x: x[0])
    return pack["id"], blob["offset"] + blob["length"] // 2


def oldest(folder):
    return min((os.path.join(folder, n) for n in os.listdir(folder)), key=os.path.getmtime)


def damage(repo, index, what):
    """`what` is one of DAMAGES; of indexes and snapshots the oldest is damaged."""
    kind, how = what.split("-")
    if kind in ("data", "tree"):
        pack, at = a_blob(index, kind)
        path = pack_path(repo, pack)
    else:
        path = oldest(os.path.join(repo, kind))
        at = os.path.getsize(path) // 2
    os.chmod(path, 0o600)
    if how == "missing":
        os.unlink(path)
    elif how == "cut":
        os.truncate(path, at)
    else:
        with open(path, "r+b") as f:
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1]))


DAMAGES = [f"{kind}-{how}" for kind in ("data", "tree", "index")
           for how in ("flipped", "cut", "missing")] + ["snapshots-flipped"]


def make_seed(source):
    """source/seed: half of small's contents in other trees.  Backed up first, they have an index
    of their own, and where that is damaged, blobs of files are missing, not only trees."""
    many = os.path.join(source, "small/many/000")
    os.makedirs(os.path.join(source, "seed"))
    for name in sorted(os.listdir(many))[::2]:
        shutil.copytree(os.path.join(many, name), os.path.join(source, "seed", name))
    tree = os.path.join(source, "seed")
    for where, _, names in os.walk(tree):
        for name in names:
            os.utime(os.path.join(where, name), ns=(10**18, 10**18))


def merged_index(texts):
    return {"packs": [p for t in texts for p in json.loads(t)["packs"]]}
