# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_backend := $(wildcard src/backend/*.c)
NEEDS_backend := base
