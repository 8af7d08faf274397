/* catalog_owner: the rank that answers for this id; evenly spread; the same on all ranks. */
#ifndef RANKS_CATALOG_OWNER_H
#define RANKS_CATALOG_OWNER_H
#include "base/id.h"
#include "base/le.h"

static inline int catalog_owner(const struct id *id, int ranks)
{
	/* The last bytes, because tables inside a rank look at the first. */
	return (int)((uint64_t)le32_get(id->b + ID_SIZE - 4) * (uint64_t)ranks >> 32);
}

#endif
