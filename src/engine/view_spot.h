/* view_spot: what a view holds.  Shared by view.c, which makes it, and view_still.c, which looks
 * again; of use to nobody else. */
#ifndef ENGINE_VIEW_SPOT_H
#define ENGINE_VIEW_SPOT_H
#include "engine/view.h"
#include "fs/place.h"

struct spot {
	char *path;
	bool whole, below; /* below: a mount point, found below a path */
	bool enter;        /* what lies there is read */
	bool moved;        /* differs from the round before */
	int fd;            /* keeps it mounted; -1: not held */
	struct place at;
};

struct view {
	struct spot *spot; /* by path, each once */
	size_t n;
	struct mounts_map *map;
};

struct spot *view_spot_at(const struct view *v, const char *path); /* NULL: there is none */

#endif
