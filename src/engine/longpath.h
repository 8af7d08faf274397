/*
 * longpath: the paths of a directory's entries, one after the other in one piece of memory, of any
 * length.
 */
#ifndef ENGINE_LONGPATH_H
#define ENGINE_LONGPATH_H
#include <stddef.h>

struct longpath { /* zero at first */
	char *p;
	size_t dir_n, cap;
};
/* longpath_of: "dir/name", valid until the next call; dir is the same in all of them. */
const char *longpath_of(struct longpath *l, const char *dir, const char *name);
void longpath_release(struct longpath *l);

#endif
