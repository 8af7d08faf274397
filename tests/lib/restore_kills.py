#!/usr/bin/python3
"""restore_kills.py PROGRAM SHIM DIR: restores that are killed before and after the system calls
that change the target, and restored again: what lies there then must be what an
undisturbed restore makes of the same target. Repository DIR/repo, whose newest snapshot is of
DIR/src. RESTORE_KILLS: how many kills, or all (default: as many as 25 seconds allow);
RESTORE_SEED.  RESTORE_RANKS: by so many ranks; then at most 12 seconds."""
import glob, os, random, shutil, subprocess, sys, time

program, shim, top = sys.argv[1:4]
MODES = ['never', 'if-newer', 'if-changed', 'always']
manifest = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'manifest.py')
root = os.geteuid() == 0
seed = int(os.environ.get('RESTORE_SEED', '1'))
wanted = os.environ.get('RESTORE_KILLS', '')
ranks = os.environ.get('RESTORE_RANKS', '')
seconds, least = (12, 8) if ranks else (25, 15)
rnd = random.Random(seed)
target = os.path.join(top, 'target')


def command(who, mode, *more):
    if who == 'user':
        more += ('--exclude', '/null')  # only root may make devices
    more += ('--ranks', ranks) if ranks else ()
    be = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'] if who == 'user' and root else []
    return be + [program, '-q', '--no-lock', '-r', os.path.join(top, 'repo'), 'restore', 'latest:/src', '--target', target, '--overwrite', mode, '--sparse', *more]


def run(who, mode, env=(), *more):
    return subprocess.run(command(who, mode, *more), env=dict(os.environ, **dict(env)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)


def old(name, data, mtime=978307200, mode=0o644):
    p = os.path.join(target, name)
    with open(p, 'wb') as f:
        f.write(data)
    os.chmod(p, mode)
    os.utime(p, (mtime, mtime))


def prepare(who, state):
    """An empty target, or one with older files, in part of the right content."""
    shutil.rmtree(target, ignore_errors=True)
    os.mkdir(target)
    if state == 'old':
        with open(os.path.join(top, 'src', 'big'), 'rb') as f:
            big = bytearray(f.read())
        big[-1000:] = bytes(1000)
        old('big', big + b'more')
        old('plain', b'of the same size.\n', mode=0o444)
        old('sticky', b'x')
        old('marked', b'y', mode=0o640)
        old('attrs', b'attributes\n', mode=0o400)
        old('fifo', b'a file')
        old('hard1', b'old')
        os.link(os.path.join(target, 'hard1'), os.path.join(target, 'hard2'))
        os.symlink('elsewhere', os.path.join(target, 'link'))
        os.utime(os.path.join(target, 'link'), (978307200, 978307200), follow_symlinks=False)
        os.mkdir(os.path.join(target, 'shut'))
        old('shut/in', b'z')
    if who == 'user' and root:
        for d, _, files in os.walk(target):
            for p in [d] + [os.path.join(d, f) for f in files]:
                os.chown(p, 1000, 1000, follow_symlinks=False)
        link = os.path.join(target, 'link')
        if os.path.lexists(link):
            os.chown(link, 1000, 1000, follow_symlinks=False)


def state_of(who):
    """What lies in the target, which is no part of the snapshot itself. By root: a user cannot read
    all that he has restored."""
    return subprocess.run([sys.executable, manifest, target], stdout=subprocess.PIPE, check=True).stdout.decode().split('\n', 1)[1]


def undisturbed(who, mode, state):
    count = os.path.join(top, 'count')
    prepare(who, state)
    if os.path.exists(count):
        os.unlink(count)
    open(count, 'w').close()
    os.chmod(count, 0o666)
    r = run(who, mode, {'LD_PRELOAD': shim, 'SHIM_COUNT': count}.items())
    assert r.returncode == 0, (who, mode, state, r.stdout)
    with open(count) as f:
        return state_of(who), int(f.read())


def one(who, mode, state, want, k, when):
    prepare(who, state)
    first = run(who, mode, {'LD_PRELOAD': shim, 'SHIM_KILL': str(k), 'SHIM_WHEN': when}.items())
    again = run(who, mode, (), '--verify')
    # By which the ranks know the target: a kill at that moment leaves it.
    for proof in glob.glob(os.path.join(target, '.a_backup-restore-*')):
        os.unlink(proof)
    got = state_of(who)
    if again.returncode == 0 and got == want:
        return first.returncode != 0
    print(f'RESTORE_RANKS={ranks} RESTORE_SEED={seed}: killed {when} call {k} as {who}, --overwrite {mode}, {state} target: exit {again.returncode} {again.stdout.decode()}')
    a, b = want.split('\n'), got.split('\n')
    print('\n'.join(['- ' + x[:300] for x in a if x not in b] + ['+ ' + x[:300] for x in b if x not in a]))
    return None


combinations = [(w, m, s) for w in (['root', 'user'] if root else ['user']) for m in MODES for s in ['empty', 'old'] if (m, s) != ('never', 'old')]
plan = []
for c in combinations:
    want, n = undisturbed(*c)
    assert n > 20, n
    plan += [(*c, want, k, when) for k in range(1, n + 1) for when in ['before', 'after']]
total = len(plan)
rnd.shuffle(plan)
if wanted not in ('', 'all'):
    plan = plan[:int(wanted)]
start = time.monotonic()
results = []
for p in plan:
    if not wanted and len(results) >= least and time.monotonic() - start > seconds:
        break
    results.append(one(*p))
killed, bad = sum(r is True for r in results), sum(r is None for r in results)
print(f'{len(results)} of {total} kills, {killed} of them hit, {bad} left something wrong, {time.monotonic() - start:.0f} s')
assert killed * 10 >= len(results) * 8 or bad, 'the kills do not hit'
sys.exit(bad != 0)
