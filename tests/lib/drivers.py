#!/usr/bin/env python3
"""drivers.py A_BACKUP RESTIC FOLDER: resticpy's calls, all of them, with a_backup in restic's
place; what it reads out of the answers must be right.

A command that this version does not have is named in the last line; what there is must work.
"""
import os
import re
import subprocess
import sys

import restic
import restic.errors

A, RESTIC, FOLDER = sys.argv[1:]
SOURCE, PASSWORD = os.path.join(FOLDER, 'src'), os.path.join(FOLDER, 'password')
restic.binary_path = A
restic.repository = os.path.join(FOLDER, 'repo')
restic.password_file = PASSWORD
restic.use_cache = False
missing = []


def call(f, *args, **kwargs):
    """The result; None when the command is not there."""
    try:
        return f(*args, **kwargs)
    except restic.errors.ResticFailedError as e:
        found = re.search(r'no snapshot (locks)', str(e)) or re.search(r'has no command \\"(\w+)', str(e))
        if not found:
            raise
        missing.append(found.group(1))
        return None


def of_restic(f, *args, **kwargs):
    restic.binary_path = RESTIC
    try:
        return f(*args, **kwargs)
    finally:
        restic.binary_path = A


repository = restic.init()
assert re.fullmatch('[0-9a-f]{64}', repository), repository
version = restic.version()
assert version['platform_version'] == 'linux' and version['architecture'], version
assert restic.cat.config()['id'] == repository
assert restic.cat.masterkey() == of_restic(restic.cat.masterkey)

one = restic.backup(paths=[SOURCE], tags=['a', 'b'], host='h', scan=False, exclude_patterns=['*.skip'])
assert one['message_type'] == 'summary' and one['files_new'] == 2 and one['total_bytes_processed'] > 0, one
two = restic.backup(paths=[SOURCE], host='h', group_by=['host', 'paths'], tags=['a'])
assert two['files_unmodified'] == 2 and two['files_new'] == 1, two
assert 'snapshot_id' not in restic.backup(paths=[SOURCE], host='h', dry_run=True, skip_if_unchanged=True)

snapshots = restic.snapshots()
assert [s['id'] for s in snapshots] == [one['snapshot_id'], two['snapshot_id']] and snapshots == of_restic(restic.snapshots)
assert restic.snapshots(group_by=['host', 'tags']) and len(restic.snapshots(tags=['b'])) == 1
assert restic.snapshots(snapshot_id=one['snapshot_id'])[0]['paths'] == [SOURCE]
assert restic.find('text*') == of_restic(restic.find, 'text*')
assert restic.check(read_data=True) and restic.check(read_data_subset='1/2'), 'check'
restic.unlock()
restic.restore(snapshot_id='latest', target_dir=os.path.join(FOLDER, 'back'), include='text')
with open(FOLDER + '/back' + SOURCE + '/text', encoding='utf-8') as f:
    assert f.read() == 'text\n'

for mode in (None, 'raw-data', 'files-by-contents', 'blobs-per-file'):
    ours = call(restic.stats, mode=mode)
    assert ours is None or ours == of_restic(restic.stats, mode=mode), (mode, ours)
call(restic.list.locks)
keys = call(restic.key.list)
if keys is not None:
    assert len(keys) == 1 and keys[0]['current'], keys
    with open(PASSWORD + '2', 'w', encoding='utf-8') as f:
        f.write('another')
    call(restic.key.add, new_password_file=PASSWORD + '2', host='other', user='somebody')
    added = [k for k in restic.key.list() if not k['current']]
    assert len(added) == 1 and added[0]['userName'] == 'somebody', added
    call(restic.key.remove, added[0]['id'])
    assert len(restic.key.list()) == 1
    call(restic.key.passwd, new_password_file=PASSWORD)
# Before there are two of one time, whose order is nobody's.
plan = restic.forget(dry_run=True, keep_last=1, group_by=['host'])
assert len(plan[0]['keep']) == 1 and len(plan[0]['remove']) == len(restic.snapshots()) - 1, plan
assert plan == of_restic(restic.forget, dry_run=True, keep_last=1, group_by=['host'])
if call(restic.rewrite, exclude=['*.skip'], snapshot_id=two['snapshot_id']) is not None:
    assert len(restic.snapshots()) == 3

restic.forget(keep_last=1, keep_within='1y', tags=['none'])
restic.forget(snapshot_id=one['snapshot_id'])
assert one['snapshot_id'] not in [s['id'] for s in restic.snapshots()]
call(restic.forget, keep_last=1, group_by=[], prune=True)

restic.repository = os.path.join(FOLDER, 'second')
restic.init(copy_chunker_params=True, from_repo=os.path.join(FOLDER, 'repo'), from_password_file=PASSWORD)
if call(restic.copy, from_repo=os.path.join(FOLDER, 'repo'), from_password_file=PASSWORD) is not None:
    assert restic.snapshots()
subprocess.run([RESTIC, '-r', os.path.join(FOLDER, 'repo'), '-p', PASSWORD, '--no-cache', 'check', '--read-data', '-q'], check=True)
print('resticpy: not there yet:', ', '.join(sorted(set(missing))) or 'nothing')
