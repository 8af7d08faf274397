/*
 * restore_priv: one rank's part of a restore, for the files restore*.c.  Of these each uses only
 * those above it here:
 *
 *     restore_tell.c   what rank 0 is told
 *     restore_flow.c   windows: which is filled, when it is started, what comes of it
 *     restore_node.c   a node that is no directory
 *     restore_walk.c   directories: the items of the run
 *     restore.c        the order of things
 *
 * Loop thread only.
 */
#ifndef ENGINE_RESTORE_PRIV_H
#define ENGINE_RESTORE_PRIV_H
#include "engine/linkset.h"
#include "engine/restore_leaf.h"
#include "engine/restore_used.h"
#include "ranks/run.h"

#define RESTORE_WINDOWS 2 /* under way while another is filled */

struct restore_walk;

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
	bool held;                              /* something is in it: the run holds */
	struct restore_window *oldest, *newest; /* started, in order */
	size_t windows;

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
};

/* ---- restore_tell.c ---- */

/* restore_tell: fills r->tell, through which errors and items reach rank 0's events. */
void restore_tell(struct restore *r);
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
/* restore_flow_rest: nothing more comes for now: what is there is started. */
void restore_flow_rest(struct restore *r);

/* ---- restore_node.c ---- */

/* restore_node: a node of d that is no directory; path: its own; number: among those of d. */
void restore_node(struct restore *r, struct restore_dir *d, const char *path, uint32_t number,
	const struct node *n);

/* ---- restore_walk.c ---- */

/* restore_walk_phase: collective: everything below r->root. */
enum run_end restore_walk_phase(struct restore *r, const char *name);
#endif
