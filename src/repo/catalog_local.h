/*
 * catalog_local: the catalog of a process that is alone: it answers at once.
 */
#ifndef REPO_CATALOG_LOCAL_H
#define REPO_CATALOG_LOCAL_H
#include "repo/catalog.h"

struct blobtable;

/* catalog_local_new: over this table, which it borrows; NULL: over one of its own, empty */
struct catalog *catalog_local_new(struct blobtable *t);

#endif
