/*
 * tally: what one rank has done so far.  Counters may be raised by any thread of the rank and are
 * read while they grow.
 */
#ifndef ENGINE_TALLY_H
#define ENGINE_TALLY_H
#include "engine/backup.h"
#include <stdatomic.h>

struct tally {
#define TALLY_MEMBER(name) _Atomic uint64_t name;
	BACKUP_TALLY(TALLY_MEMBER)
#undef TALLY_MEMBER
};

#define tally_add(t, name, n) atomic_fetch_add_explicit(&(t)->name, (n), memory_order_relaxed)

/* fills the members it knows, leaves the others */
void tally_read(const struct tally *t, struct backup_counts *out);

#endif
