"""Seeded histories of a repository, written by restic and a_backup in turn; what prune says and
leaves is compared with restic's on a copy.

prune_histories.py FOLDER SEED... in the environment: A_BACKUP, RESTIC, LIGHT_REPO (makes a
repository with a cheap key)

A history makes snapshots of a tree that changes (files again, changed, new, gone), in version 1 or
2, with packs of several sizes and mixed compression; half of them make
duplicates on purpose: a copy of the repository goes on by itself, and all its files come back.
Packs that no index names come in the same way. Then some snapshots go.
"""
import os, random, re, shutil, subprocess, sys

A, R, LIGHT = os.environ['A_BACKUP'], os.environ['RESTIC'], os.environ['LIGHT_REPO']
ENV = dict(os.environ, RESTIC_PASSWORD='x', A_BACKUP_PASSWORD='x')
OLD = int(re.match(r'restic 0\.(\d+)', subprocess.run([R, 'version'], stdout=subprocess.PIPE, text=True).stdout).group(1)) < 19
FIGURES = re.compile(r'(used|duplicates|unused|unreferenced|total|unused size|to repack|this removes|to delete|total prune|not yet compressed|remaining|unused size after prune|totally used packs|'
                     r'partly used packs|unused packs|to keep): +(.*)')


def run(*words, ok=(0,)):
    p = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV)
    if p.returncode not in ok:
        sys.exit(f'exit status {p.returncode}: {" ".join(words)}\n{p.stdout[-3000:]}{p.stderr[-3000:]}')
    return p.stdout


class History:
    def __init__(self, folder, seed):
        self.seed, self.rnd, self.folder = seed, random.Random(seed), f'{folder}/{seed}'
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder + '/src')
        os.chdir(self.folder)
        self.version = self.rnd.choice([1, 2, 2])
        self.copies = self.rnd.random() < .5
        ENV['LIGHT_VERSION'] = str(self.version)
        run(LIGHT, 'r')
        self.files = []

    def content(self):
        n = self.rnd.choice([0, 10, 3000, 60000, 700000, 3000000])
        n = self.rnd.randrange(n + 1)
        if self.rnd.random() < .5:
            return self.rnd.randbytes(n)
        return (b'%d all over again ' % self.rnd.randrange(1000)) * (n // 20)

    def change(self):
        for _ in range(self.rnd.randrange(1, 12)):
            what = self.rnd.random()
            if self.files and what < .25:
                os.remove(self.files.pop(self.rnd.randrange(len(self.files))))
                continue
            if self.files and what < .5:
                name = self.rnd.choice(self.files)
            else:
                name = f'src/{self.rnd.randrange(5)}/{self.rnd.randrange(3)}/{self.rnd.randrange(10 ** 6)}'
                if name not in self.files:
                    self.files.append(name)
            os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, 'wb') as f:
                f.write(self.content())

    def backup(self, repo):
        compression = self.rnd.choice(['auto', 'auto', 'off', 'max']) if self.version == 2 else 'auto'
        size = self.rnd.choice(['4', '4', '16'])
        words = ['--compression', compression, '--pack-size', size]
        if self.rnd.random() < .5:
            run(R, '-q', '-r', repo, 'backup', *words, 'src')
        else:
            run(A, '-q', '-r', repo, 'add', '--ranks', self.rnd.choice('123'), *words, 'src')

    def aside(self):
        """A copy goes on by itself; all that it has stored comes back, or its packs alone."""
        shutil.copytree('r', 'aside')
        self.change()
        self.backup('aside')
        if self.rnd.random() < .7:
            self.backup('r')
        kinds = ['data', 'index', 'snapshots'] if self.copies else ['data']
        for kind in kinds:
            for at, _, names in os.walk('aside/' + kind):
                for n in names:
                    to = 'r' + at[len('aside'):]
                    os.makedirs(to, exist_ok=True)
                    if not os.path.exists(f'{to}/{n}'):
                        shutil.copy(f'{at}/{n}', f'{to}/{n}')
        shutil.rmtree('aside')

    def make(self):
        for _ in range(self.rnd.randrange(3, 14)):
            if self.rnd.random() < .8:
                self.change()
            if self.rnd.random() < .25:
                self.aside()
            else:
                self.backup('r')
        snapshots = sorted(os.listdir('r/snapshots'))
        gone = self.rnd.sample(snapshots, self.rnd.randrange(len(snapshots)))
        for s in gone:
            os.remove('r/snapshots/' + s)
        self.left = [s for s in snapshots if s not in gone]

    # ---- figures ----

    def figures(self, tool, words):
        small = ['--repack-smaller-than', '671088'] if OLD and tool != R and not any(w.startswith('--repack-smaller') for w in words) else []
        text = run(tool, '-r', 'r', 'prune', '-n', '--no-lock', '-vv' if tool == R else '-v', *words, *small)
        out = {}
        for line in text.splitlines():
            m = FIGURES.fullmatch(line)
            if m:
                out.setdefault(m.group(1), m.group(2))
            elif line.startswith('to delete:') and 'packs' in line:
                out[' '.join(line.split()[-2:])] = line
        assert 'used' in out and 'remaining' in out, text
        return out

    def compare(self):
        sets = ([], ['--max-unused', '0'], ['--max-unused', 'unlimited'], ['--max-unused', '30%'], ['--max-unused', '300k', '--repack-cacheable-only'],
                      ['--repack-uncompressed', '--max-unused', '10%'] if self.version == 2 else ['--max-unused', '1M'])
        for words in self.rnd.sample(sets, int(os.environ.get('SETS', '3'))):
            one = self.figures(A, words)
            for n in '24':
                more = self.figures(A, words + ['--ranks', n])
                if more != one:
                    sys.exit(f'history {self.seed}, {words}: {n} ranks say\n{more}\none says\n{one}')
            theirs = [self.figures(R, words)]
            if 'duplicates' not in one:
                if one != theirs[0]:
                    sys.exit(f'history {self.seed}, {words}: restic says\n{theirs[0]}\na_backup\n{one}')
                continue
            theirs += [self.figures(R, words) for _ in range(2)]
            # The bytes of the others depend on which copy counts: no two programs compress alike.
            for k in ('unused', 'unreferenced'):
                if one.get(k) != theirs[0].get(k):
                    sys.exit(f'history {self.seed}, {words}: {k}: restic says {theirs[0].get(k)}, a_backup {one.get(k)}')
            if [one[k].split()[0] for k in ('used', 'duplicates')] != [theirs[0][k].split()[0] for k in ('used', 'duplicates')]:
                sys.exit(f'history {self.seed}, {words}: restic says\n{theirs[0]}\na_backup\n{one}')
            # Restic's plan differs from run to run: ours is one of them, or no worse in both.
            while one not in theirs and not self.within(one, theirs):
                if len(theirs) > 20:
                    sys.exit(f'history {self.seed}, {words}: (repacked, unused) {self.cost(one)}, restic {sorted(set(map(self.cost, theirs)))}')
                theirs.append(self.figures(R, words))

    def within(self, one, theirs):
        return all(mine <= max(of) for mine, of in zip(self.cost(one), zip(*map(self.cost, theirs))))

    @staticmethod
    def cost(f):
        def size(text):
            n, unit = text.split()[:2]
            return int(float(n) * 1024 ** ['B', 'KiB', 'MiB', 'GiB'].index(unit))
        return size(f['to repack'].split('/ ')[1]), size(f['unused size after prune'].split(' (')[0])

    # ---- what is left ----

    def blobs(self, repo):
        """Of all index files: how often each blob is named, and the packs."""
        count, packs = {}, set()
        import json
        for i in os.listdir(repo + '/index'):
            for p in json.loads(run(A, '-r', repo, 'cat', 'index', i, '--no-lock'))['packs']:
                assert p['id'] not in packs, 'a pack in two index files'
                packs.add(p['id'])
                for b in p['blobs']:
                    count[b['type'], b['id']] = count.get((b['type'], b['id']), 0) + 1
        return count, packs

    def prune(self):
        shutil.copytree('r', 'theirs')
        run(R, '-q', '-r', 'theirs', 'prune', '--max-unused', '0')
        want, _ = self.blobs('theirs')
        for n in self.rnd.sample('124', int(os.environ.get('PRUNES', '1'))):
            shutil.copytree('r', 'ours')
            first = self.rnd.choice([[], ['--max-unused', '20%'], ['--max-repack-size', '1M'], ['--repack-cacheable-only'], None])
            if first is not None:
                run(A, '-q', '-r', 'ours', 'prune', '--ranks', n, *first)
            run(A, '-q', '-r', 'ours', 'prune', '--ranks', n, '--max-unused', '0')
            got, packs = self.blobs('ours')
            if set(got) != set(want) or set(got.values()) - {1}:
                sys.exit(f'history {self.seed}, {n} ranks: {len(got)} blobs, {sum(got.values())} copies; restic leaves {len(want)}')
            if packs != {f for _, _, names in os.walk('ours/data') for f in names}:
                sys.exit(f'history {self.seed}, {n} ranks: packs that no index names, or none')
            run(R, '-r', 'ours', 'check', '--read-data')
            if self.left:
                s = self.rnd.choice(self.left)
                for repo in ('r', 'ours'):
                    run(R, '-q', '-r', repo, 'restore', s, '--target', 'back-' + repo)
                run('diff', '-r', 'back-r', 'back-ours')
            for d in ('ours', 'back-r', 'back-ours'):
                shutil.rmtree(d, ignore_errors=True)


def main():
    folder = os.path.abspath(sys.argv[1])
    for seed in map(int, sys.argv[2:]):
        h = History(folder, seed)
        h.make()
        h.compare()
        h.prune()
        os.chdir(folder)
        shutil.rmtree(h.folder)


main()
