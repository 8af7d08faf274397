# NEEDS: the rooms this one may call; its unit tests are linked with them.
SRC_comm := $(filter-out %/comm_mpi.c,$(wildcard src/comm/*.c))
NEEDS_comm := base
