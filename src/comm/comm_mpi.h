/* comm_mpi: the MPI mailbox; comm_mpi.c and main_mpi.c alone include <mpi.h>. */
#ifndef COMM_COMM_MPI_H
#define COMM_COMM_MPI_H
#include "comm/comm.h"

/* comm_mpi_init(argc, argv): MPI_Init_thread with FUNNELED.  NULL and err when MPI cannot start. */
struct comm *comm_mpi_init(int *argc, char ***argv, struct err *err);
/* comm_mpi_library(text, cap): which MPI this is, in a few words; any time. */
void comm_mpi_library(char *text, size_t cap);
/* comm_mpi_end(c): frees it and MPI_Finalize. */
void comm_mpi_end(struct comm *c);

#endif
