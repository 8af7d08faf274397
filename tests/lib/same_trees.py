#!/usr/bin/python3
"""same_trees.py RESTIC REPO REPO…: the snapshots of all repositories hold the same, except what
changed on the machine between them: nodes that differ are listed and must be newer in time
than the first backup's start, or hold such a node."""
import json, subprocess, sys

restic, first, *others = sys.argv[1:]


def ask(repo, *args):
    return subprocess.run([restic, '-r', repo, *args], check=True, capture_output=True).stdout


def snapshots(repo):
    return sorted(json.loads(ask(repo, 'snapshots', '--json')), key=lambda s: s['time'])


def differ(a, b, path, since, out):
    """Descends into what is not the same tree in both."""
    if a == b:
        return
    x = {n['name']: n for n in json.loads(ask(first, 'cat', 'blob', a))['nodes']}
    y = {n['name']: n for n in json.loads(ask(repo, 'cat', 'blob', b))['nodes']}
    for n in sorted(x.keys() | y.keys()):
        p, q = x.get(n), y.get(n)
        if p == q:
            continue
        if p and q and p['type'] == q['type'] == 'dir':
            differ(p['subtree'], q['subtree'], path + '/' + n, since, out)
            p, q = dict(p, subtree=0), dict(q, subtree=0)
            if p == q:
                continue
        newest = max(m['ctime'] for m in (p, q) if m)
        out.append((path + '/' + n, newest))
        if newest < since:
            sys.exit(f'{repo}: {path}/{n} differs but did not change meanwhile:\n{p}\n{q}')


mine = snapshots(first)[-1]
for repo in others:
    for s in snapshots(repo):
        since = min(s['time'], mine['time'])[:19]
        out = []
        differ(mine['tree'], s['tree'], '', since, out)
        print(repo, s['short_id'], 'the same but for', len(out), 'changed meanwhile', out[:5])
        if len(out) > 50:
            sys.exit('too much has changed to compare')
