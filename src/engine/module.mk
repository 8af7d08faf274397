# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_engine := $(wildcard src/engine/*.c)
NEEDS_engine := ranks repo format kern backend fs comm base
