# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_dist := $(wildcard src/dist/*.c)
NEEDS_dist := repo format kern backend fs comm base
