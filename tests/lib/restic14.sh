#!/bin/sh
# Prints the path of Debian 12's restic 0.14; fails where it is not to be had (Debian 13 has no
# package of it).
r=$(command -v restic) && "$r" version | grep -q '^restic 0\.14' && echo "$r"
