/*
 * mounts: where file systems are mounted on this node; and which device number of this node is
 * which one of another.
 *
 * The st_dev of a network file system is made up by each node when it mounts it.  So that what is
 * stored does not depend on the node that read it, the ranks of a run use rank 0's number for what
 * lies under the same path.  How a mount table spells a source or a type is no help: one server has
 * several names.  Tables are filled by one thread and read by any.
 */
#ifndef FS_MOUNTS_H
#define FS_MOUNTS_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct mounts {
	char **point; /* in the order of mounting; a point may be there twice, or below one that
			 hides it */
	size_t n;
};

/* mounts_load: what /proc/self/mountinfo says.  On an error the table is empty. */
int mounts_load(struct mounts *t, struct err *err);
/* mounts_parse: n bytes of that file's text (proc(5)); lines that cannot be understood are left
 * out. */
void mounts_parse(struct mounts *t, const char *text, size_t n);
void mounts_release(struct mounts *t);

struct mounts_pair {
	uint64_t from, to; /* as stat(2) gives them: here, there */
};

/* mounts_map_new: of several pairs with one `from` the first counts.  mounts_map_dev: what is in no
 * pair keeps its number; NULL changes nothing. */
struct mounts_map;
struct mounts_map *mounts_map_new(const struct mounts_pair *pair, size_t n);
void mounts_map_free(struct mounts_map *m);
uint64_t mounts_map_dev(const struct mounts_map *m, uint64_t dev);

#endif
