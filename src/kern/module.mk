# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_kern := $(wildcard src/kern/*.c)
NEEDS_kern := base
