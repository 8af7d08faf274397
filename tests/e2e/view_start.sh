#!/bin/sh
# What a rank does not have, or has an older copy of, when the run begins: an error that names node
# and path, or all that all ranks see is saved.
set -eu
. tests/lib/e2e.sh
. tests/lib/view.sh

try() { # THING STATE WHO WANT
	what="$1 $2, $3"
	go "$1" "$2" "$3"
	it "$4"
}

# What all see when nobody has it (an empty directory, where a target is), and when all have the
# older one; and what rank 0 says when it lacks it.
while read -r thing none old rank0; do
	for who in all serial; do
		try $thing missing $who $none
		try $thing stale $who $old
	done
	try $thing missing 0 $rank0
	try $thing stale 0 error
	try $thing missing 1 error
	try $thing stale 1 error
done <<E
target 0 $OLD error
above gone $OLD gone
below $MORE $((OLD + MORE)) error
repository gone $FULL gone
E
