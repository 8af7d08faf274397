#!/usr/bin/env python3
"""forget_sets.py A_BACKUP RESTIC TOOLS FOLDER: random snapshots and policies: what a_backup forget
keeps and removes, and why, is what restic's does.

FORGET_SETS: how many sets (default 40, "all": 500), and a fifth as many with partial snapshots,
which must change nothing for the others: there restic sees the
set without them.  FORGET_SEED: other ones.
"""
import datetime
import json
import os
import random
import subprocess
import sys

A, RESTIC, TOOLS, FOLDER = sys.argv[1:]
SETS = os.environ.get('FORGET_SETS') or '40'
SETS = 500 if SETS == 'all' else int(SETS)
SEED = os.environ.get('FORGET_SEED') or '1'
REPO = os.path.join(FOLDER, 'repo')
SNAPSHOTS = os.path.join(REPO, 'snapshots')
ASIDE = os.path.join(FOLDER, 'aside')
ZONES = ['UTC', 'Europe/Helsinki', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland']
OFFSETS = [0, 0, 120, 120, 180, 180, -300, -240, 330, 780, -210]
EVERY = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly']


def times(rnd, n):
    """Different ones, in clumps: within hours, days, weeks, years; some at changes of clocks and of
    years, some to come."""
    start = datetime.datetime(rnd.choice([1999, 2019, 2020, 2023]), rnd.randint(1, 12), rnd.randint(1, 28), rnd.randint(0, 23))
    step = rnd.choice([600, 1800, 3600, 7200, 43200, 86400, 86400, 3 * 86400, 7 * 86400, 30 * 86400, 200 * 86400])
    edges = [datetime.datetime(2020, 3, 28, 12), datetime.datetime(2020, 10, 24, 20), datetime.datetime(2020, 12, 28), datetime.datetime(2021, 1, 3, 23), datetime.datetime(2020, 2, 29, 1)]
    found = set()
    at = start
    while len(found) < n:
        kind = rnd.random()
        if kind < .08:
            t = rnd.choice(edges) + datetime.timedelta(seconds=rnd.randrange(0, 200000))
        elif kind < .1:
            t = datetime.datetime(2190, 1, 1) + datetime.timedelta(seconds=rnd.randrange(0, 200000000))
        else:
            at += datetime.timedelta(seconds=rnd.choice([1, step // 10, step, step, 3 * step]))
            t = at
        found.add(t.replace(microsecond=rnd.choice([0, 0, rnd.randrange(0, 1000000)])))
    return sorted(found)


def snapshot(rnd, t):
    offset = rnd.choice(OFFSETS)
    zone = 'Z' if not offset else '%s%02d:%02d' % ('-' if offset < 0 else '+', abs(offset) // 60, abs(offset) % 60)
    local = t + datetime.timedelta(minutes=offset)
    frac = ('.%06d' % local.microsecond).rstrip('0') if local.microsecond else ''
    s = {'time': local.strftime('%Y-%m-%dT%H:%M:%S') + frac + zone, 'tree': '%064x' % rnd.getrandbits(256),
         'paths': rnd.choice([['/home'], ['/home'], ['/b', '/a'], ['/a', '/b'], ['/x y']]), 'hostname': rnd.choice(['one', 'one', 'two']), 'username': 'u'}
    tags = rnd.sample(['a', 'b', 'two words'], rnd.choice([0, 0, 1, 2, 3]))
    if tags:
        s['tags'] = tags
    return s


def span(rnd):
    units = [(unit, rnd.choice([0, 1, 1, 2, 5, 13, 40])) for unit in rnd.sample('ymdh', rnd.randint(1, 3))]
    return ''.join('%d%s' % (n, unit) for unit, n in units) or '1d'


def policy(rnd):
    words = []
    for e in EVERY:
        if rnd.random() < .3:
            words += ['--keep-' + e, rnd.choice(['0', '1', '2', '3', '7', '30', 'unlimited'])]
    for e in [''] + ['-' + e for e in EVERY[1:]]:
        if rnd.random() < .12:
            words += ['--keep-within' + e, span(rnd)]
    for _ in range(rnd.choice([0, 0, 0, 1, 2])):
        words += ['--keep-tag', rnd.choice(['a', 'b', 'a,b', '', 'two words', ' b , a', 'none'])]
    if rnd.random() < .6:
        words += ['--group-by', rnd.choice(['', 'host', 'paths', 'tags', 'host,tags', 'host,paths,tags', 'tag,path'])]
    for name, values in (('--host', ['one', 'two']), ('--tag', ['a', 'a,b', '', 'b']), ('--path', ['/home', '/a', '/b'])):
        if rnd.random() < .1:
            words += [name, rnd.choice(values)]
    if rnd.random() < .02:
        words += ['--unsafe-allow-remove-all']
    return words


def write(snapshots):
    os.makedirs(ASIDE, exist_ok=True)
    for d in (SNAPSHOTS, ASIDE):
        for f in os.listdir(d):
            os.remove(os.path.join(d, f))
    lines = ''.join('snapshot s%d %s\n' % (i, json.dumps(s)) for i, s in enumerate(snapshots))
    subprocess.run([os.path.join(TOOLS, 'raw_repo'), REPO], input=lines.encode(), check=True)


def run(program, words, tz):
    r = subprocess.run([program, '-r', REPO, '--json', '--no-lock', 'forget', '--dry-run', *words], capture_output=True, env={**os.environ, 'TZ': tz})
    groups = json.loads(r.stdout) if r.stdout.strip() else []
    groups.sort(key=lambda g: json.dumps([g['host'], g['paths'], g['tags']]))
    why = json.loads(r.stderr.decode().splitlines()[-1])['message'] if r.returncode else ''
    return r.returncode, why.removeprefix('Fatal: '), groups


def is_partial(s):
    return 'partial' in (s.get('tags') or [])


def without_partial(groups):
    left = []
    for g in groups:
        g = dict(g)
        for part in ('keep', 'remove'):
            g[part] = [s for s in g[part] or [] if not is_partial(s)] or None
        g['reasons'] = [r for r in g['reasons'] or [] if not is_partial(r['snapshot'])] or None
        if g['keep'] or g['remove']:
            left.append(g)
    return left


def instant(s):
    head, sign, zone = s['time'][:-6], s['time'][-6], s['time'][-5:]
    if s['time'].endswith('Z'):
        head, sign, zone = s['time'][:-1], '+', '00:00'
    t = datetime.datetime.fromisoformat(head.ljust(26, '0') if '.' in head else head)
    off = datetime.timedelta(hours=int(zone[:2]), minutes=int(zone[3:]))
    return t - off if sign == '+' else t + off


def check_partial(groups, removes_all):
    """A partial one stays while no complete one is newer; else only for its tags or its age."""
    for g in groups:
        newest = max((instant(s) for s in (g['keep'] or []) + (g['remove'] or []) if not is_partial(s)), default=datetime.datetime.min)
        for s in g['remove'] or []:
            assert removes_all or not is_partial(s) or instant(s) < newest, 'a partial snapshot is removed before there is a complete one'
        for r in g['reasons'] or []:
            if is_partial(r['snapshot']):
                assert instant(r['snapshot']) > newest or all(w.startswith(('has tags', 'within')) for w in r['matches']), r['matches']


def same(words, tz, snapshots, partial):
    ours = run(A, words, tz)
    if partial:
        for name in os.listdir(SNAPSHOTS):
            if name in PARTIAL_IDS:
                os.rename(os.path.join(SNAPSHOTS, name), os.path.join(ASIDE, name))
        check_partial(ours[2], ours[0] == 0 and '--unsafe-allow-remove-all' in words)
        ours = ours[0], ours[1], without_partial(ours[2])
    theirs = run(RESTIC, words, tz)
    # Groups are looked at in any order; ours says more behind some sentences.
    equal = ours[0] == theirs[0] and ours[2] == theirs[2] and ours[1][:40] == theirs[1][:40]
    if not equal:
        print('FAILED: TZ=%s forget %s' % (tz, words))
        for s in snapshots:
            print('   ', json.dumps(s))
        print('ours  ', ours[0], ours[1], json.dumps(ours[2], indent=1))
        print('theirs', theirs[0], theirs[1], json.dumps(theirs[2], indent=1))
        sys.exit(1)
    return ours


PARTIAL_IDS = set()
counts = {'sets': 0, 'snapshots': 0, 'kept': 0, 'removed': 0, 'refused': 0, 'partial sets': 0, 'partial snapshots': 0}
for k in range(SETS + SETS // 5):
    rnd = random.Random('%s %d' % (SEED, k))
    partial = k >= SETS
    made = [snapshot(rnd, t) for t in times(rnd, rnd.randint(1, 40))]
    for s in made:
        if partial and rnd.random() < .35:
            s['tags'] = s.get('tags', []) + ['partial']
    write(made)
    words, tz = policy(rnd), rnd.choice(ZONES)
    if partial:
        listed = json.loads(subprocess.run([A, '-r', REPO, '--json', 'list', '--tag', 'partial'], check=True, capture_output=True).stdout)
        PARTIAL_IDS = {s['id'] for s in listed}
        counts['partial sets'] += 1
        counts['partial snapshots'] += len(listed)
    rc, _, groups = same(words, tz, made, partial)
    counts['sets'] += 1
    counts['snapshots'] += len(made)
    counts['refused'] += rc != 0
    counts['kept'] += sum(len(g['keep'] or []) for g in groups)
    counts['removed'] += sum(len(g['remove'] or []) for g in groups)
print(', '.join('%d %s' % (n, what) for what, n in counts.items()))
assert counts['kept'] > SETS and counts['removed'] > SETS, 'policies that decide nothing'
