/*
 * restore_priv: one rank's part of a restore, for the files restore*.c.  Of these each uses only
 * those above it here:
 *
 *     restore_tell.c   what rank 0 is told
 *     restore_flow.c   windows: which is filled, when it is started, what comes of it
 *     restore_settle.c   a node that is no directory, at the rank that restores it
 *     restore_came.c   those that come there
 *     restore_away.c   those that are on their way
 *     restore_large.c   files that go in ranges
 *     restore_node.c   at the rank of their directory: what lies there already
 *     restore_walk.c   directories: the items of the run
 *     restore.c        the order of things
 *
 * Loop thread only.
 */
#ifndef ENGINE_RESTORE_PRIV_H
#define ENGINE_RESTORE_PRIV_H
#include "engine/linkset.h"
#include "engine/nodewire.h"
#include "engine/restore_leaf.h"
#include "engine/restore_used.h"
#include "ranks/run.h"

enum restore_tag {
	RESTORE_TAG_DONE = ROUTER_ENGINE + 4, /* pending: a directory that was stolen, files that
						 were sent */
	RESTORE_TAG_FILES                     /* directory's rank -> home (restore_away.c) */
};

#define RESTORE_WINDOWS 2 /* under way while another is filled */

/* What is not settled away from a directory's rank before it begins another one. */
#define RESTORE_AWAY_FILES ((size_t)12288)
#define RESTORE_AWAY_USES  ((size_t)1 << 20)

struct restore_walk;
struct restore_batch;
struct restore_parcel;
struct restore_large;

/* A node that is no directory, in a directory of the snapshot; borrowed. */
struct restore_leaf {
	struct restore_dir *dir;
	const char *path; /* its own */
	uint32_t number;  /* among the nodes of dir */
	const struct node *node;
	/* what is to be done about it */
	enum restore_leaf_verdict verdict;
	struct restore_leaf_place place;
	const struct restore_part *part; /* of RESTORE_PART */
};

struct restore {
	struct restore_shared sh; /* what windows see of it */
	struct restore_dirs dirs;
	const struct restore_in *in;
	const struct restore_options *opt;
	struct run *run;
	volatile int halted;        /* the run has ended, whoever was stopped */
	struct restore_counts mine; /* of this rank */
	struct restore_events tell; /* to rank 0 */
	struct linkset *links;
	struct restore_used *used;
	bool broken; /* a tree could not be read */

	/* restore_flow.c */
	struct restore_window *fill;
	bool held;         /* something is in it: the run holds */
	uint64_t added;    /* to all */
	uint64_t quiet_at; /* `added` when the timer was set */
	struct task quiet;
	bool waiting;                           /* it is set */
	struct restore_window *oldest, *newest; /* started, in order */
	size_t windows;

	/* restore_away.c: several ranks; unsent: files of this rank whose home is not known, or
	 * that wait for others; away: and all that are not done */
	struct restore_homes *homes;
	struct restore_batch *batch; /* of each rank */
	struct pending *pending;
	size_t unsent, away_files, away_uses;

	/* restore_came.c */
	struct restore_parcel *came, *came_last;
	struct nodewire node;

	struct restore_large *large; /* those that have ranges to be sent: restore_large.c */

	/* restore_walk.c */
	struct restore_walk *first, *last; /* begun, in order; none of them waits for room */
	struct restore_walk *paused;       /* those that do, the innermost first */
	size_t walking, queued;            /* begun and not paused; not begun */
	size_t tree_bytes;                 /* of all that are begun */
	struct buf path;
	struct task pump;
	bool pumping;

	/* rank 0 */
	const struct id *root;
	const struct restore_events *ev;
	struct restore_counts *counts; /* of all */
	bool copies;                   /* that some are copies was said */
};

/* ---- restore_tell.c ---- */

/* restore_tell: fills r->tell, through which errors and items reach rank 0's events; the
 * next two: for restore_used_node, and for r->dirs.copied. */
void restore_tell(struct restore *r);
void restore_tell_pattern(void *arg, uint64_t n);
void restore_tell_copy(void *arg, const char *item, const char *message);
/* restore_tell_broken: a tree could not be read, so nothing is deleted. */
void restore_tell_broken(struct restore *r);
/* On rank 0: struct run_ops.note; what all ranks have counted, to r->counts. */
void restore_heard(void *arg, unsigned kind, const char *a, const char *b, uint64_t n);
void restore_sum(struct restore *r);

/* ---- restore_flow.c ---- */

/* restore_flow_begin, restore_flow_end: around a phase.  restore_flow_on: something has come, or
 * there is room: r->pump goes on in a later task. */
void restore_flow_begin(struct restore *r);
void restore_flow_on(struct restore *r);
void restore_flow_end(struct restore *r);
/* restore_flow_fill: the window for one more file or link, which it is given now. */
struct restore_window *restore_flow_fill(struct restore *r);
/* restore_flow_room: that one has room; a full one is started. */
bool restore_flow_room(struct restore *r);
/* restore_flow_rest: this rank finds nothing more for now: what is there is started, with several
 * ranks when nothing has come from others for a moment. */
void restore_flow_rest(struct restore *r);

/* ---- restore_settle.c ---- */

/* restore_settle: all of *l is known, and its directory open (or, in a dry run, absent). */
void restore_settle(struct restore *r, const struct restore_leaf *l);

/* ---- restore_came.c ---- */

/*
 * restore_came_here: n files of this rank's directory (one hold, taken) with so many uses; files:
 * taken.  restore_on_files: for RESTORE_TAG_FILES.  restore_came_on: settles what has come while
 * there is room; false: there is more.
 */
void restore_came_here(struct restore *r, struct restore_dir *dir, struct buf *files, size_t n,
	size_t uses);
void restore_part_put(const struct restore_part *p, struct buf *b);
void restore_on_files(void *arg, struct comm_msg *m);
bool restore_came_on(struct restore *r);

/* ---- restore_away.c ---- */

/* restore_away_begin: collective; restore_away_end. */
int restore_away_begin(struct restore *r, struct err *err);
void restore_away_end(struct restore *r);
/* restore_away: *l goes to its home; false: nobody else has to know of it. */
bool restore_away(struct restore *r, const struct restore_leaf *l);
/* restore_away_send: likewise, and it has one.  restore_away_result: another rank says there how it
 * went: done(arg, NULL or why not). */
void restore_away_send(struct restore *r, const struct restore_leaf *l);
struct dirref restore_away_result(struct restore *r, void (*done)(void *arg, const struct err *e),
	void *arg);
/* restore_away_dir: another rank is to do something below d: where it says that it is done. */
struct dirref restore_away_dir(struct restore *r, struct restore_dir *d);
static inline bool restore_away_much(const struct restore *r)
{
	return r->away_files >= RESTORE_AWAY_FILES || r->away_uses >= RESTORE_AWAY_USES;
}

/* ---- restore_large.c ---- */

/* restore_large: *l is a large file, and goes to several homes; false: it is none.
 * restore_large_on: less is away, or the run has ended: sends more of them. */
bool restore_large(struct restore *r, const struct restore_leaf *l);
void restore_large_on(struct restore *r);

/* ---- restore_node.c ---- */

/* restore_node: dir, path, number and node are given. */
void restore_node(struct restore *r, struct restore_leaf *l);

/* ---- restore_walk.c ---- */

/* restore_walk_phase: collective: everything below r->root. */
enum run_end restore_walk_phase(struct restore *r, const char *name);
#endif
