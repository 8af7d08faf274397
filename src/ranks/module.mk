# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_ranks := $(wildcard src/ranks/*.c)
NEEDS_ranks := repo format kern backend fs comm base
