/*
 * tally: what one rank has done so far.  Counters may be raised by any thread of the rank and are
 * read while they grow.
 */
#ifndef ENGINE_TALLY_H
#define ENGINE_TALLY_H
#include "engine/backup.h"
#include <stdatomic.h>

/* The counters of struct backup_counts that threads raise; the rest comes from the saver, the
 * loader and the queue. */
#define TALLY_LIST(X)                                                                              \
	X(files_new)                                                                               \
	X(files_changed)                                                                           \
	X(files_unmodified)                                                                        \
	X(dirs_new)                                                                                \
	X(dirs_changed)                                                                            \
	X(dirs_unmodified)                                                                         \
	X(files_done)                                                                              \
	X(bytes_done)                                                                              \
	X(errors) X(files_opened) X(files_vanished) X(dirs_vanished) X(parts_lost) X(items_returned)

/* All members of struct backup_counts, in the order they travel. */
#define TALLY_ALL(X)                                                                               \
	TALLY_LIST(X)                                                                              \
	X(data_blobs)                                                                              \
	X(tree_blobs)                                                                              \
	X(data_added) X(data_added_packed) X(trees_read) X(store_gets) X(items_stolen) X(retries)

struct tally {
#define TALLY_MEMBER(name) _Atomic uint64_t name;
	TALLY_LIST(TALLY_MEMBER)
#undef TALLY_MEMBER
};

#define tally_add(t, name, n) atomic_fetch_add_explicit(&(t)->name, (n), memory_order_relaxed)

/* fills the members it knows, leaves the others */
void tally_read(const struct tally *t, struct backup_counts *out);
void tally_put(struct buf *b, const struct backup_counts *c);
void tally_get(struct wire_in *w, struct backup_counts *c);
void tally_sum(struct backup_counts *sum, const struct backup_counts *c);

#endif
