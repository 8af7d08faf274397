/*
 * restore_dir: a directory being restored: made when the first thing below it is, given its metadata when the last one is done.
 * Loop thread only; workers may use `fd` of a directory they hold.
 */
#ifndef ENGINE_RESTORE_DIR_H
#define ENGINE_RESTORE_DIR_H
#include "engine/restore.h"
#include "format/node.h"
#include "fs/restore_file.h"

/* The metadata of a node, owned. */
struct restore_keep {
	struct restore_meta meta;
	struct xattr_list xattr;
};
/* restore_keep_node: copies what restore_metadata needs.  opt decides about attributes and owner names. */
void restore_keep_node(struct restore_keep *k, const struct node *n, const struct restore_options *opt);
void restore_keep_release(struct restore_keep *k);

struct restore_dir {
	struct restore_dir *up; /* NULL: the target itself */
	char *name, *path;      /* path: in the snapshot, for messages ("" for the target) */
	struct restore_keep keep;
	int fd;         /* -1 until made */
	bool fresh;     /* made by us: nothing lies in it that we did not put there */
	bool failed;    /* could not be made */
	size_t pending; /* what is still to happen below, plus one while the walk is in it */
};

struct restore_dirs {
	const struct restore_options *opt;
	struct restore_counts *counts;
	const struct restore_events *ev;
	struct restore_dir *top;
};

/* restore_dirs_open: the target directory. */
int restore_dirs_open(struct restore_dirs *s, struct err *err);
/* restore_dir_enter: a directory of the snapshot below up (which is held by it); not made yet. */
struct restore_dir *restore_dir_enter(struct restore_dir *up, const char *path, const struct node *n, const struct restore_options *opt);
/* restore_dir_need: make it, with all above.  The descriptor, or an error that was reported already. */
int restore_dir_need(struct restore_dirs *s, struct restore_dir *d);
void restore_dir_hold(struct restore_dir *d);
/* restore_dir_drop: one less is pending; the last one sets the metadata and lets go of `up`. */
void restore_dir_drop(struct restore_dirs *s, struct restore_dir *d);

/* restore_say: count and report the error of one item; a code of 0 does nothing. */
void restore_say(struct restore_dirs *s, const char *dir, const char *name, const struct err *e);

#endif
