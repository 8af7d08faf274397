/*
 * catalog_local: the catalog of a process that is alone: it answers at once.
 */
#ifndef REPO_CATALOG_LOCAL_H
#define REPO_CATALOG_LOCAL_H
#include "repo/blobtable.h"

/* catalog_local_new: borrows the table */
struct catalog *catalog_local_new(struct blobtable *t);

#endif
