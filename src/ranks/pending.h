/*
 * pending: a parent waits for its children, which any rank may settle: add's directories for the
 * nodes of what lies in them, restore's for all below them to be done.
 *
 * A slot lies on the rank that opened it and counts its children; where each result belongs is said
 * by a dirref, which travels with the work.  The last child's arrival makes the slot full, once.
 * Whoever opened it counts as one more child until pending_opened, so it is not full before all its
 * children are known.  Nothing is lost and nothing comes twice: a result for a child that nobody
 * waits for is an error in the program, told through `failed`.
 *
 * Loop thread only.  Instances live side by side: each has a tag of its own.
 */
#ifndef RANKS_PENDING_H
#define RANKS_PENDING_H
#include "ranks/router.h"

struct dirref { /* the return address of a result */
	uint32_t rank, slot, child;
};
void dirref_put(struct buf *b, const struct dirref *d);
void dirref_get(struct wire_in *w, struct dirref *d);

struct pending_ops {
	/* a child is settled: p (heap, taken; NULL: nothing is known of it, it is not included) */
	void (*child)(void *arg, void *slot, uint32_t child, uint8_t *p, size_t n);
	/* all are; the slot is closed: what it was opened with is the owner's again */
	void (*full)(void *arg, void *slot);
	/* a result leaves for another rank; one of another rank is dealt with (run_sent, run_came).
	 * NULL is fine. */
	void (*sent)(void *arg);
	void (*came)(void *arg);
	/* the command cannot succeed */
	void (*failed)(void *arg, const struct err *e);
	void *arg;
};

struct pending;
struct pending *pending_new(struct router *r, unsigned tag, const struct pending_ops *ops);
/* pending_free: drop(slot) (may be NULL) for each slot that is still open. */
void pending_free(struct pending *p, void (*drop)(void *slot));

/* pending_open: a slot (anything but NULL, borrowed until it is full) for n children.  Its number.
 */
uint32_t pending_open(struct pending *p, void *slot, uint32_t n);
/* pending_more: n children more, while it is being opened; the number of the first. */
uint32_t pending_more(struct pending *p, uint32_t slot, uint32_t n);
/* pending_ready: a child of a slot that is being opened is settled already; ops.child is not
 * called. */
void pending_ready(struct pending *p, uint32_t slot, uint32_t child);
/* pending_opened: all its children are known; it may be full at once. */
void pending_opened(struct pending *p, uint32_t slot);

/* pending_settle: to the rank that waits for it, which may be this one (then ops.child is called
 * at once).  bytes: heap, taken, or NULL; at most COMM_MAX - 64, else failed. */
void pending_settle(struct pending *p, const struct dirref *up, uint8_t *bytes, size_t n);

size_t pending_count(const struct pending *p); /* slots that are open on this rank */

#endif
