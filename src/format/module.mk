# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_format := $(wildcard src/format/*.c)
NEEDS_format := kern base
