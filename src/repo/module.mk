# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_repo := $(wildcard src/repo/*.c)
NEEDS_repo := format kern backend fs comm base
