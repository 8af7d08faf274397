#!/bin/sh
# What a rank loses while the run goes on: a target, what lies above or below it, the repository;
# unmounted, or with something else mounted in its place.  Every run ends with an error and without
# a snapshot, or has saved everything.
set -eu
. tests/lib/e2e.sh
. tests/lib/view.sh

for thing in target above below repository; do
	for state in lost switched; do
		for who in 0 1 all serial; do
			what="$thing $state, $who"
			go $thing $state $who
			[ -e "c/changed.$([ $who = 1 ] && echo 1 || echo 0)" ] ||
				fail "$what: nothing happened"
			case $thing,$who in
			repository,1) it $FULL ;; # its packs went where the run began
			*) it error ;;
			esac
		done
	done
done
