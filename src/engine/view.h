/*
 * view: that every rank sees under some paths what rank 0 sees there, and goes on seeing it.
 *
 * A file that a rank does not find must not count as gone because this node lacks a file system, or
 * lost it: so before the work begins all ranks compare what the paths lead to, and what is mounted
 * below them; and each looks again whenever something is missing, and at the end. What was looked
 * at is held open where there are few of them, so that nothing expires or is given away meanwhile.
 *
 * Made by all ranks together on their loop threads; afterwards it does not change, and any thread
 * may ask.
 */
#ifndef ENGINE_VIEW_H
#define ENGINE_VIEW_H
#include "ranks/agree.h"
#include "fs/mounts.h"

struct view_path {        /* borrowed */
	const char *path; /* absolute; may be a link */
	bool whole; /* all that lies below it is wanted; else only names in it: what is mounted
		       below is no matter */
};

struct view_rules {
	/* not wanted, with all that is below it; NULL: none.  Same answers on all ranks */
	bool (*skip)(void *arg, const char *path);
	void *arg;
	bool one_file_system; /* what is mounted below a path is not entered: it only has to be
				 mounted everywhere */
};

struct view;
/*
 * view_share: collective; rank 0 has the paths, the others give n = 0.  All return the same code:
 * an error names the first rank that sees something else, its node and the path.  *out is owned.
 */
int view_share(struct agree *a, struct router *r, const struct view_path *paths, size_t n,
	const struct view_rules *rules, struct view **out, struct err *err);
void view_free(struct view *v); /* NULL is fine */

/*
 * view_still: whatever of those paths lies at or above `path` (absolute; NULL: all of them,
 * wherever) still leads on this node to what it led to in the beginning: 0.  Otherwise the run
 * cannot succeed (ERR_IO): unmounted, mounted again, a link was switched, moved away.  To be asked
 * whenever a file is missing that should be there, before it is believed to be gone; NULL for v:
 * nobody knows, 0.
 */
int view_still(const struct view *v, const char *path, struct err *err);

/*
 * view_holds: the directory that was opened as `path` (absolute) lies, so many levels up from fd as
 * the path says, in the lowest of those paths that is above it, as it was in the beginning.  False:
 * the path led elsewhere when it was opened (a link on the way was switched, for a moment even), or
 * it was moved since.  Who replaces directories below a target does not change that.  One system
 * call.
 */
bool view_holds(const struct view *v, int fd, const char *path);

/* view_devices: from this node's device numbers to rank 0's, by what the paths led to; borrowed.
 * NULL: they are ours. */
const struct mounts_map *view_devices(const struct view *v);

#endif
