#!/usr/bin/python3
"""mktree.py DIR [--big]: a made tree with everything that may be hard to back up; the same every
time but for inode numbers and ctimes.

Every node type, hostile names, attributes and ACLs, hard links, sparse files, sizes around the
chunk limits, a path 500 levels deep; with --big also a directory of
100 000 entries and a file of 4 GiB. What needs root (devices, owners, trusted attributes) is left
out for others."""
import os, random, socket, stat, struct, sys

top, big = sys.argv[1], '--big' in sys.argv[2:]
root = os.geteuid() == 0
r = random.Random(7)
B = os.fsencode(top)


def path(*p):
    return os.path.join(B, *[x if isinstance(x, bytes) else os.fsencode(x) for x in p])


def put(p, data, mode=0o644):
    with open(p, 'wb') as f:
        f.write(data)
    os.chmod(p, mode)


def acl(*entries):
    """POSIX ACL in the kernel's form: version 2, then (tag, perm, id)."""
    return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in entries)


USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER, NOBODY = 1, 2, 4, 8, 16, 32, 0xffffffff

os.makedirs(B)

# names: every byte, quotes, UTF-8 of several Unicode versions, what only looks like UTF-8
d = path('names')
os.mkdir(d)
for c in range(1, 256):
    if c != 0x2f:
        put(os.path.join(d, b'b' + bytes([c])), bytes([c]) * 3)
for n in ['with blank', ' leading', 'trailing ', 'q"uote', "q'uote", 'back\\slash', 'new\nline', 'tab\there', '-dash', '--option', '*', '?', '[a]', '$HOME', '`x`', 'a&b<c>d',
          'ä', 'a\u0308', '日本', '\u00a0', '\u00ad', '\u200d', '\u2028', '\u2029', '\ufffd', '\ufeff', '\ue000', '\U0001f600', '\U0001fae0', '\U0001fae8', '\U000e0001', '...', '.hidden', '~', '#x#', 'CON',
          'x' * 255, 'ä' * 127]:
    put(os.path.join(d, n.encode()), n.encode())
for n in [b'\xff\xfe', b'\xed\xa0\x80', b'\xc0\xaf', b'\xf4\x90\x80\x80', b'half\xe2\x82', b'\x80' * 10]:
    put(os.path.join(d, n), n)

# node types
d = path('types')
os.mkdir(d)
os.mkfifo(os.path.join(d, b'fifo'), 0o640)
s = socket.socket(socket.AF_UNIX)
here = os.getcwd()
os.chdir(d)
s.bind('socket')
os.chdir(here)
for i, t in enumerate([b'plain', b'../names', b'/does/not/exist', b'bad\xff\xfeutf8', b'a&b<c>\x08\x0c\x1f', b'x' * 1000, '日本'.encode()]):
    os.symlink(t, os.path.join(d, b'link%d' % i))
if root:
    os.mknod(os.path.join(d, b'char'), 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(os.path.join(d, b'block'), 0o660 | stat.S_IFBLK, os.makedev(259, 70000))
for m in [0o0, 0o400, 0o777, 0o1777, 0o2755, 0o4755, 0o6711, 0o7000]:
    put(os.path.join(d, b'mode%o' % m), b'm', m)
    os.mkdir(os.path.join(d, b'dir%o' % m))
    os.chmod(os.path.join(d, b'dir%o' % m), m if root else m | 0o700)
os.mkdir(os.path.join(d, b'empty'))

# owners, attributes, ACLs
d = path('attrs')
os.mkdir(d)
for i, n in enumerate(['file', 'dir', 'many', 'empty value', 'large value', 'acl', 'defacl']):
    p = os.path.join(d, n.encode())
    if n in ('dir', 'defacl'):
        os.mkdir(p)
    else:
        put(p, n.encode())
    if root and i < 3:
        os.chown(p, [0, 1000, 4000000000][i], [12, 60000, 1][i])
os.setxattr(path('attrs/file'), b'user.one', b'1')
os.setxattr(path('attrs/dir'), b'user.on dir', b'\x00\xff\n')
for i in range(20):
    os.setxattr(path('attrs/many'), b'user.%02d\xc3\xa4"&' % ((i * 7) % 20), bytes([i]) * i)
os.setxattr(path('attrs/empty value'), b'user.e', b'')
os.setxattr(path('attrs/large value'), b'user.l', bytes(range(256)) * 8)
if root:
    os.setxattr(path('attrs/file'), b'trusted.t', b'trusted')
    os.symlink(b'x', path('attrs/link'))
    os.setxattr(path('attrs/link'), b'trusted.onlink', b'l', follow_symlinks=False)
    os.lchown(path('attrs/link'), 7, 8)
try:
    os.setxattr(path('attrs/acl'), b'system.posix_acl_access', acl((USER_OBJ, 6, NOBODY), (USER, 4, 65534), (GROUP_OBJ, 4, NOBODY), (GROUP, 6, 100), (MASK, 6, NOBODY), (OTHER, 0, NOBODY)))
    os.setxattr(path('attrs/defacl'), b'system.posix_acl_default', acl((USER_OBJ, 7, NOBODY), (USER, 5, 65534), (GROUP_OBJ, 5, NOBODY), (MASK, 5, NOBODY), (OTHER, 1, NOBODY)))
except OSError as e:
    print('no ACLs here:', e, file=sys.stderr)

# hard links, also over directories
d = path('links')
os.makedirs(os.path.join(d, b'sub'))
put(os.path.join(d, b'a'), r.randbytes(3000))
for n in [b'b', b'sub/c', b'zz']:
    os.link(os.path.join(d, b'a'), os.path.join(d, n))
os.symlink(b'a', os.path.join(d, b'l1'))
os.link(os.path.join(d, b'l1'), os.path.join(d, b'l2'), follow_symlinks=False)
os.mkfifo(os.path.join(d, b'p1'))
os.link(os.path.join(d, b'p1'), os.path.join(d, b'p2'))
put(os.path.join(d, b'sub/0empty'), b'')
os.link(os.path.join(d, b'sub/0empty'), os.path.join(d, b'1empty'))

# sizes around the limits of the chunker, random, zero and constant; holes
d = path('sizes')
os.mkdir(d)
for n in [0, 1, 63, 64, 65, 511, 4096, 524287, 524288, 524289, 524352, 1048576, 3000001, 8388607, 8388608, 8388609, 17000000]:
    put(os.path.join(d, b'random%d' % n), r.randbytes(n))
    put(os.path.join(d, b'zero%d' % n), bytes(n))
put(os.path.join(d, b'ff'), b'\xff' * 20000000)
put(os.path.join(d, b'period3'), b'abc' * 3000000)
put(os.path.join(d, b'period4096'), r.randbytes(4096) * 2000)
for n, pieces in [(b'hole', [(0, 100), (50 << 20, 4096)]), (b'allhole', []), (b'endhole', [(0, 700000)])]:
    with open(os.path.join(d, n), 'wb') as f:
        for at, k in pieces:
            f.seek(at)
            f.write(r.randbytes(k))
        f.truncate(60 << 20)

# times
d = path('times')
os.mkdir(d)
for i, ns in enumerate([0, 1, -1, -86400 * 10**9 * 365 * 9, 10**9 * 2**31, 10**9 * 2**32 + 999999999, 1234567890123456789, 1600000000 * 10**9, 1600000000 * 10**9 + 500000000, 1593561600 * 10**9 + 120]):
    p = os.path.join(d, b't%d' % i)
    put(p, b'')
    os.utime(p, ns=(ns, ns))

# depth: 500 levels, a file on each tenth
p = path('deep')
os.mkdir(p)
here = os.open('.', os.O_RDONLY)
os.chdir(p)
for i in range(500):
    os.mkdir('d%d' % i)
    if i % 10 == 0:
        put(b'f', b'level %d' % i)
    os.chdir('d%d' % i)
put(b'bottom', b'bottom')
os.fchdir(here)

if big:
    d = path('wide')
    os.mkdir(d)
    for i in range(100000):
        with open(os.path.join(d, b'%06d' % (i * 7919 % 1000003)), 'wb') as f:
            if i % 3:
                f.write(b'%d' % (i % 5000))
    with open(path('huge'), 'wb') as f:
        for i in range(64):
            f.seek(i << 26)
            f.write(r.randbytes(1 << 20) * (3 if i % 2 else 1))
        f.truncate(1 << 32)

# directories get fixed times, innermost first
for dp, dirs, files in os.walk(B, topdown=False):
    os.utime(dp, ns=(1500000000 * 10**9, 1500000000 * 10**9 + len(files)))
