#!/usr/bin/env python3
"""Makes the files of this folder with real restic; see README. Needs root (devices, chown),
openssl, zstd, setfacl; a tmpfs or ext4 for TMPDIR."""
import base64
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PASSWORD = "golden"


def run(argv, env=None, **kw):
    return subprocess.run(argv, env=env, check=True, stdout=subprocess.PIPE, **kw).stdout


def unseal(key, sealed):
    """Decrypts without checking the MAC: restic wrote it a moment ago."""
    return run(["openssl", "enc", "-d", "-aes-256-ctr", "-K", key.hex(), "-iv", sealed[:16].hex()], input=sealed[16:-16])


def unpack(key, stored):
    plain = unseal(key, stored)
    return run(["zstd", "-dc"], input=plain[1:]) if plain[:1] == b"\x02" else plain


def touch(path, data=b"", mtime_ns=None):
    with open(path, "wb") as f:
        f.write(data)
    if mtime_ns is not None:
        os.utime(path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)


def noise(n):
    return b"".join(hashlib.sha256(struct.pack("<I", i)).digest() for i in range(n // 32))


RUNES = """7f 80 85 a0 a1 ad 378 34f 600 180e 200b 200d 2028 2029 202f 3000 3042 6f22 d7ff e000 f8ff fdd0 feff fffd fffe ffff 10000 1f600
1fae0 1faf8 2ebf0 31350 323af 323b0 e0001 e0100 f0000 10fffd 10ffff""".split()
BAD = ["c080", "e08080", "eda080", "edbfbf", "f4908080", "f08080af", "c2", "e282", "f09f98", "80", "ff", "61ffc2a962"]


def make_names(top):
    os.mkdir(top)
    touch(top + b"/c " + bytes(range(1, 0x20)), mtime_ns=10**18)
    touch(top + b"/p " + bytes(c for c in range(0x20, 0x7F) if c != 0x2F), mtime_ns=10**18)
    touch(top + b"/h " + bytes(range(0x80, 0x100)), mtime_ns=10**18)
    for r in RUNES:
        touch(top + b"/r" + r.encode() + b" " + chr(int(r, 16)).encode("utf-8", "surrogatepass"), mtime_ns=10**18)
    for b in BAD:
        touch(top + b"/x" + b.encode() + b" " + bytes.fromhex(b), mtime_ns=10**18)
    for n in (b"a", b"a ", b"a!", b"aa", b"Z", b"...", b"-", b"\\x41", b'"', b"'", b"~", b"<&>"):
        touch(top + b"/" + n, mtime_ns=10**18)


def make_types(top):
    os.mkdir(top)
    j = os.path.join
    os.mkdir(j(top, "empty"))
    os.mkdir(j(top, "full"))
    touch(j(top, "full", "f"), b"content\n")
    touch(j(top, "big"), noise(3 << 20))
    touch(j(top, "holes"))
    os.truncate(j(top, "holes"), 1200000)
    for mode in (0o000, 0o777, 0o4755, 0o2755, 0o1644, 0o7777):
        touch(j(top, "mode%o" % mode), b"m")
        os.chmod(j(top, "mode%o" % mode), mode)
    for name, mode in (("dirsticky", 0o1777), ("dirsetgid", 0o2775)):
        os.mkdir(j(top, name))
        os.chmod(j(top, name), mode)
    os.mkfifo(j(top, "fifo"), 0o644)
    os.mknod(j(top, "block"), 0o060600, os.makedev(7, 300))
    os.mknod(j(top, "char"), 0o020666, os.makedev(1, 3))
    os.mknod(j(top, "dev0"), 0o020600, 0)
    touch(j(top, "link1"), b"linked")
    os.link(j(top, "link1"), j(top, "link2"))
    targets = [b"plain", b"/abs/x", b"q\"uo\\te", bytes(range(1, 32)), b"<a&b>\x7f", "\u00e9\u2028\u2029\U0001f600".encode(), b"bad\xff\xc3(",
               b"\xed\xa0\x80", b"x" * 300]
    for i, t in enumerate(targets):
        os.symlink(t, j(top, "sym%d" % i).encode())
    os.symlink("x", j(top, "symx"))
    os.setxattr(j(top, "symx"), "trusted.on_link", b"v", follow_symlinks=False)
    touch(j(top, "xattr"), b"x")
    for n, v in (("user.text", b"text"), ("user.empty", b""), ("user.binary", bytes(range(256))), ("user.<&>\u00e9\\\"", b"n"), ("trusted.t", b"\0"),
                 ("user.pad1", b"1"), ("user.pad2", b"12"), ("user.pad3", b"123")):
        os.setxattr(j(top, "xattr"), n, v)
    touch(j(top, "acl"), b"a")
    run(["setfacl", "-m", "u:12:rw,g:34:r", j(top, "acl")])
    run(["setfacl", "-d", "-m", "u:12:rwx", j(top, "full")])
    touch(j(top, "owner"), b"o")
    os.chown(j(top, "owner"), 1, 65534)
    touch(j(top, "nobody"), b"o")
    os.chown(j(top, "nobody"), 4000000000, 4000000001)
    for name, ns in (("t0", 0), ("t-1", -1), ("t1969", -86400 * 10**9), ("t.5", 1500000000 * 10**9 + 500000000), ("t.000000001", 10**18 + 1),
                     ("t.12345", 1234567890 * 10**9 + 123450000), ("t2038", 2**31 * 10**9), ("t2400", 13569465600 * 10**9)):
        touch(j(top, name), b"t", ns)


def make_zone(top):
    """Summer and winter, and times when the offset had seconds."""
    os.mkdir(top)
    for name, t in (("summer", 1720000000), ("winter", 1705000000), ("dst", 1710054000), ("lmt", -3000000000), ("war", -800000000), ("future", 4070908800)):
        touch(os.path.join(top, name), b"t", t * 10**9 + 120)


def tree_at(restic, env, path):
    """The tree blob of a folder that was backed up by itself."""
    node = next(s for s in json.loads(run([restic, "snapshots", "--json"], env)) if s["paths"] == [path])["tree"]
    for part in path.strip("/").split("/"):
        tree = json.loads(run([restic, "cat", "blob", node], env))
        node = next(n["subtree"] for n in tree["nodes"] if n["name"] == part)
    return run([restic, "cat", "blob", node], env)


def put(folder, name, data):
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def stored(repo, kind):
    return [open(os.path.join(repo, kind, n), "rb").read() for n in sorted(os.listdir(os.path.join(repo, kind)))]


def make(restic, version, out, src):
    repo = os.path.join(src, "repo-" + os.path.basename(out))
    env = dict(os.environ, RESTIC_REPOSITORY=repo, RESTIC_PASSWORD=PASSWORD, TZ="UTC", RESTIC_CACHE_DIR=os.path.join(src, "cache"))
    os.makedirs(out)
    run([restic, "init", "--repository-version", version], env)
    for d in ("names", "types"):
        run([restic, "backup", "--host", "golden", os.path.join(src, d)], env)
        put(out, "tree-" + d, tree_at(restic, env, os.path.join(src, d)))
    run([restic, "backup", "--host", "golden", os.path.join(src, "zone")], dict(env, TZ="America/St_Johns"))
    put(out, "tree-zone", tree_at(restic, env, os.path.join(src, "zone")))
    small = os.path.join(src, "types", "full")
    run([restic, "backup", "--host", "h\u00f6st <&>", small], env)
    before = set(os.listdir(os.path.join(repo, "index")))
    touch(os.path.join(small, "new"), b"changed %d" % time.time_ns())
    run([restic, "backup", "--host", "h\u00f6st <&>", "--tag", "one,two", "--tag", "three", "--exclude", "*.o\\*", "--exclude", "/x y", small],
        dict(env, TZ="America/St_Johns"))
    run([restic, "tag", "--set", "rewritten", "latest"], dict(env, TZ="America/St_Johns"))
    key = json.loads(run([restic, "cat", "masterkey"], env))
    encrypt = base64.b64decode(key["encrypt"])
    put(out, "config", unseal(encrypt, open(os.path.join(repo, "config"), "rb").read()))
    put(out, "key", stored(repo, "keys")[0])
    k = json.loads(stored(repo, "keys")[0])
    user = hashlib.scrypt(PASSWORD.encode(), salt=base64.b64decode(k["salt"]), n=k["N"], r=k["r"], p=k["p"], dklen=64, maxmem=2**27)
    put(out, "masterkey", unseal(user[:32], base64.b64decode(k["data"])))
    snaps = [unpack(encrypt, s) for s in stored(repo, "snapshots")]
    put(out, "snapshot-first", next(s for s in snaps if b"/names" in s))
    put(out, "snapshot-zone", next(s for s in snaps if b"/zone" in s))
    put(out, "snapshot-tagged", next(s for s in snaps if b"rewritten" in s))
    indexes = {n: unpack(encrypt, open(os.path.join(repo, "index", n), "rb").read()) for n in os.listdir(os.path.join(repo, "index"))}
    put(out, "index", max((indexes[n] for n in before), key=len))
    put(out, "index-small", next(indexes[n] for n in indexes if n not in before))
    pack = json.loads(max((indexes[n] for n in before), key=len))["packs"][0]["id"]
    data = open(os.path.join(repo, "data", pack[:2], pack), "rb").read()
    n = struct.unpack("<I", data[-4:])[0]
    put(out, "pack-header", unseal(encrypt, data[-4 - n:-4]))
    put(out, "pack-header.offset", b"%d\n" % (len(data) - 4 - n))
    p = subprocess.Popen([restic, "backup", "--stdin", "--host", "golden"], env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not os.listdir(os.path.join(repo, "locks")):
        time.sleep(0.05)
    time.sleep(0.3)
    put(out, "lock", unpack(encrypt, stored(repo, "locks")[0]))
    p.communicate(b"x")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make.py RESTIC-0.18 RESTIC-0.14")
    src = tempfile.mkdtemp(prefix="golden")
    try:
        make_names(os.path.join(src, "names").encode())
        make_types(os.path.join(src, "types"))
        make_zone(os.path.join(src, "zone"))
        for restic, version, out in ((sys.argv[1], "2", "v2-0.18"), (sys.argv[1], "1", "v1-0.18"), (sys.argv[2], "2", "v2-0.14")):
            out = os.path.join(HERE, out)
            shutil.rmtree(out, ignore_errors=True)
            make(restic, version, out, src)
    finally:
        shutil.rmtree(src, ignore_errors=True)


main()
