# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_cmd := $(filter-out %/main.c %/main_mpi.c,$(wildcard src/cmd/*.c))
NEEDS_cmd := engine ranks repo format kern backend fs comm base
