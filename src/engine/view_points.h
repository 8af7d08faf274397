/* view_points: what is mounted on this node below some paths.  A part of view.c, of use to nobody
 * else. */
#ifndef ENGINE_VIEW_POINTS_H
#define ENGINE_VIEW_POINTS_H
#include "base/log.h"
#include "base/wire.h"
#include "engine/view.h"

/*
 * view_points: appends the mount points that are wanted, each as a string (wire_put_bytes), named
 * as if it lay below the path itself: the path may lead there by links.  A point may come more than
 * once, or lie below another one that hides it.  A node whose table cannot be read has none, and
 * the log says so.
 */
void view_points(const struct view_path *path, size_t paths, const struct view_rules *rules,
	const struct log *log, struct buf *out);

#endif
