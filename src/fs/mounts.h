/*
 * mounts: which device number stands for which mounted file system, here and on another node.
 *
 * The st_dev of a network file system is made up by each node when it mounts it.  So that what is stored does not depend on the node that
 * read it, the ranks of a run use rank 0's number for the same mount: the same mount point, type and source.  Tables are filled by one
 * thread and read by any.
 */
#ifndef FS_MOUNTS_H
#define FS_MOUNTS_H
#include "base/err.h"
#include "base/wire.h"

struct mount {
	char *point, *type, *source; /* as the kernel writes them, blanks as \040 */
	uint64_t dev;                /* as stat(2) gives it */
};
struct mounts {
	struct mount *m; /* in the order of mounting: of several at one point the last is seen */
	size_t n;
};

/* mounts_load: what /proc/self/mountinfo says.  On an error the table is empty. */
int mounts_load(struct mounts *t, struct err *err);
/* mounts_parse: n bytes of that file's text (proc(5)); lines that cannot be understood are left out. */
void mounts_parse(struct mounts *t, const char *text, size_t n);
void mounts_release(struct mounts *t);

/* mounts_put, mounts_get: to and from a message; false when it is damaged (the table is empty then). */
void mounts_put(const struct mounts *t, struct buf *b);
bool mounts_get(struct mounts *t, struct wire_in *in);

/*
 * From the numbers of `here` to those of `there`; a mount that only one of them has keeps its number.  NULL is the map that changes
 * nothing.
 */
struct mounts_map;
struct mounts_map *mounts_map_new(const struct mounts *here, const struct mounts *there);
void mounts_map_free(struct mounts_map *m);
uint64_t mounts_map_dev(const struct mounts_map *m, uint64_t dev);

#endif
