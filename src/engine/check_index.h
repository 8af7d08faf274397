/*
 * check_index: loads all index files into a catalog, and finds packs that more than one of them
 * names: a hint when they say the same, an error when not.
 */
#ifndef ENGINE_CHECK_INDEX_H
#define ENGINE_CHECK_INDEX_H
#include "repo/catalog.h"
#include "repo/repo.h"

struct check_index_events {
	/* an index file that cannot be read */
	void (*damaged)(void *arg, const struct id *index, const struct err *e);
	void (*twice)(void *arg, const struct id *pack, size_t indexes, bool differ);
	void (*empty)(void *arg, const struct id *index); /* it names no packs */
	void *arg;
};

/*
 * check_index_load: the catalog is empty.  Waits (loop_until); events come on the loop.  0 although
 * index files are damaged; an error when they cannot be listed.
 */
int check_index_load(struct repo *r, struct catalog *cat, const struct check_index_events *ev,
	struct err *err);

#endif
