# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_base := $(wildcard src/base/*.c)
NEEDS_base :=
