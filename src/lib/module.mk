# NEEDS: the rooms this one may call; its unit tests are linked with them, and the shared library is
# made of them.
SRC_lib := $(wildcard src/lib/*.c)
NEEDS_lib := repo format kern backend base
