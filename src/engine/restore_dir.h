/*
 * restore_dir: a directory being restored: made when the first thing in it is, given its metadata
 * when the last one is done.
 *
 * Few are open at once, however deep or wide the tree is: those that a window holds for its
 * workers, and the ones used last.  The rest is opened again, from the nearest that is open,
 * without following links.  In a dry run what exists is opened and nothing is made.  Loop thread
 * only; workers may use `fd` of a directory that is pinned.
 */
#ifndef ENGINE_RESTORE_DIR_H
#define ENGINE_RESTORE_DIR_H
#include "engine/restore_keep.h"
#include "engine/restore_spare.h"
#include "ranks/pending.h"

/* Why something that was not there is there: for ERR_EXISTS. */
#define RESTORE_TWICE                                                                              \
	"something has this name already: two names of the snapshot are one here (upper and "      \
	"lower case?), or it was made meanwhile"

struct restore_dir {
	struct restore_dir *up; /* NULL: the target itself */
	char *name, *path;      /* path: in the snapshot, for messages ("" for the target) */
	struct restore_keep keep;
	int fd;         /* -1: not open */
	struct meta is; /* which directory it is, once it was open */
	bool used;      /* something in it is restored: so it is there, failed or absent */
	bool fresh;     /* made by us: nothing lies in it that we did not put there */
	bool failed;    /* could not be made or opened; it was said */
	bool absent;    /* dry run, or restore_dirs.existing: there is none */
	bool opened; /* restore_dirs.existing: its mode was changed, so that we can look into it */
	bool came;   /* another rank has made it, and waits at `back` for what is done here; `up` is
			the target, from which it is opened */
	bool visit;  /* and its metadata is that rank's business */
	struct dirref back;
	struct hashtab *seen; /* files and directories that were there, or NULL */
	size_t pending;       /* what is still to happen below, plus one while the walk is in it */
	size_t pins;
	struct restore_dir *newer, *older; /* open and not pinned */
};

struct restore_dirs {
	const struct restore_options *opt;
	struct restore_counts *counts;
	const struct restore_events *ev;
	struct restore_owners *owners;
	struct restore_spare_list *spare;
	struct restore_dir *top;
	struct restore_dir *newest, *oldest; /* open and not pinned */
	size_t idle, idle_max;
	bool existing; /* nothing is made any more: what does not exist is absent, and only a mode
			  that was changed is set again */
	/* A file that should have become a hard link is a copy, and why; of the first. arg:
	 * ev->arg */
	void (*copied)(void *arg, const char *item, const char *message);
	/* Nothing is pending any more in a directory that came: tells who waits. */
	void (*settled)(void *arg, const struct dirref *back);
};

/*
 * restore_dirs_open: the target directory, which is made if `make`.  idle_max: so many stay open
 * without being pinned, at least 1.  Released by restore_dirs_release, also after an error.
 */
int restore_dirs_open(struct restore_dirs *s, const struct restore_options *opt, bool make,
	struct restore_counts *counts, const struct restore_events *ev, size_t idle_max,
	struct err *err);
/* restore_dirs_release: lets go of the target; all other directories must have been dropped. */
void restore_dirs_release(struct restore_dirs *s);

/* restore_dir_enter: a directory of the snapshot below up (which stays until this one is dropped);
 * not made yet. */
struct restore_dir *restore_dir_enter(struct restore_dirs *s, struct restore_dir *up,
	const char *path, const struct node *n);
/*
 * restore_dir_put: for another rank, a directory that is used and has not failed: where it lies,
 * and which it is; whole: and its metadata, for who shall set it.  restore_dir_came: what that
 * makes of it: it has one thing pending, and `back` is told in the end.  NULL: damaged.
 */
void restore_dir_put(const struct restore_dirs *s, const struct restore_dir *d, bool whole,
	struct buf *b);
struct restore_dir *restore_dir_came(struct restore_dirs *s, struct wire_in *in,
	const struct dirref *back);
/* restore_dir_below: the directory at this path of the snapshot, entered step by step from the
 * target, following no link.  A descriptor.  Any thread. */
int restore_dir_below(const struct restore_dirs *s, const char *path, struct err *err);

/*
 * restore_dir_need: make and open it, with all above.  True: d->fd is open until the next call of
 * this room for another directory (pin it for longer), or d->absent. False: it cannot be; the
 * reason was said once.
 */
bool restore_dir_need(struct restore_dirs *s, struct restore_dir *d);

/*
 * restore_dir_seen: *m lies in d, under a name of the snapshot.  True: it did so under another
 * name, which only a file system does that takes upper case for lower: one of the two would be
 * lost.
 */
bool restore_dir_seen(struct restore_dir *d, const struct meta *m);
/* restore_dir_hold: something more is pending.  restore_dir_drop: one less; the last one sets the
 * metadata and lets go of `up`. */
void restore_dir_hold(struct restore_dir *d);
void restore_dir_drop(struct restore_dirs *s, struct restore_dir *d);
/* restore_dir_set: its metadata, now. */
int restore_dir_set(struct restore_dirs *s, struct restore_dir *d, struct err *err);
/* restore_dir_forget: instead of the last drop: lets go without touching the directory. */
void restore_dir_forget(struct restore_dirs *s, struct restore_dir *d);
/* restore_dir_pin: d->fd, open now, stays open.  Each pin is a hold as well. */
void restore_dir_pin(struct restore_dirs *s, struct restore_dir *d);
void restore_dir_unpin(struct restore_dirs *s, struct restore_dir *d);

/* restore_say: count and report the error of one item (name NULL: of dir itself); a code of 0 does
 * nothing. */
void restore_say(struct restore_dirs *s, const char *dir, const char *name, const struct err *e);
/* restore_item: tell what was done, if the user wants to hear about each item. */
void restore_item(struct restore_dirs *s, const char *action, const char *dir, const char *name,
	uint64_t size);

#endif
