"""What golden.py runs, a command a line, as one would type it.  SNAPSHOT is the id of one with all
of small and large, LIST a file with patterns of names."""
import shlex

# Two backups of the same, then changes (trees.change), then the others.
ADD = """
add --json small large
add -vv small large
"""
ADD_CHANGED = """
add -vv --json --tag a,b --host other small large
add --skip-if-unchanged small large
add --force small
add --dry-run -vv small/many
add -v -e 'f1*' -e '!f11' --iexclude 'LINK*' --exclude-caches --exclude-larger-than 10k small
add --files-from LIST
add --json small/names 'not there'
add --json 'not there'
"""
LISTED = "small/many/000/0*\nsmall/types\n# none\n\n"

READ = """
list
list --json
list --last --json
list --compact
list -g host,tags
list --tag a,b
list nothing
files SNAPSHOT
files --long SNAPSHOT
files --json SNAPSHOT
files --recursive SNAPSHOT /small/types
files SNAPSHOT:/small/links
files SNAPSHOT /none
files none
find 'f1?'
find --json -i 'LINK*'
find -l 300MB
find --newest 2001-01-01 '*'
find none
check
check --read-data
check --json --read-data
check --read-data-subset 1/2
cat config
cat tree SNAPSHOT
cat blob 0000000000000000000000000000000000000000000000000000000000000000
dump SNAPSHOT /large/300MB
dump SNAPSHOT /small
dump SNAPSHOT:/small/many 000/00/f00
dump SNAPSHOT /none
dump SNAPSHOT /
"""
RESTORE = """
restore SNAPSHOT -vv --verify
restore SNAPSHOT:/large --json --sparse
restore SNAPSHOT --json -vv -i 'f1?' -i '/small/t*' --include-xattr 'user.*'
restore SNAPSHOT -vv -e /large -e 'f2*' --iexclude 'LINK*' --exclude-xattr 'user.o*'
restore SNAPSHOT:/none
"""
# Onto a target that holds other things already (trees.disturb).
RESTORE_ONTO = """
restore SNAPSHOT -vv -i /small
restore SNAPSHOT -vv -i /small --dry-run --delete
restore SNAPSHOT -vv -i /small --overwrite always
restore SNAPSHOT -vv -i /small --overwrite if-changed
restore SNAPSHOT -vv -i /small --overwrite if-newer
restore SNAPSHOT -vv -i /small --overwrite never
restore SNAPSHOT --json -i /small --delete --verify --overwrite always
restore SNAPSHOT --json -i /small --delete --verify --overwrite if-changed
restore SNAPSHOT --json -i /small --delete --verify --overwrite if-newer
restore SNAPSHOT --json -i /small --delete --verify --overwrite never
"""
READ_DAMAGED = """
check
check --json --read-data
list --json
files latest
find 'f1?'
dump latest /
"""
RESTORE_DAMAGED = """
restore latest -vv --verify
restore latest --json
"""


def of(text, **words):
    """Lists of words; what is named is replaced."""
    for line in text.split("\n"):
        if line:
            for name, value in words.items():
                line = line.replace(name, value)
            yield shlex.split(line)
