# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_fs := $(wildcard src/fs/*.c)
NEEDS_fs := base
