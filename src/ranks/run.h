/*
 * run: what every command of several ranks has: three ends, phases with their proof that all is
 * done, what rank 0 is told.  docs/run.md has the states, the messages and why nothing waits for
 * ever.
 *
 * A run is made by all ranks together, and each goes through the same phases in the same order.  A
 * phase has a queue of items, from which idle ranks steal.  What an item is, and what a note or a
 * counter means, is the client's.  Loop thread only, but for what is said to be for any thread.
 *
 * The ends, each stronger than the one before: the run goes on; it drains: nothing is begun any
 * more, what is begun is finished, what was not begun is settled as not included; it is cancelled:
 * results are dropped.  Whoever wants an end asks rank 0, and rank 0 tells all; the first error a
 * rank asked for is the one it brings to run_meet.
 */
#ifndef RANKS_RUN_H
#define RANKS_RUN_H
#include "ranks/agree.h"
#include "ranks/workq.h"
#include <stdatomic.h>

enum run_end { RUN_GOES_ON, RUN_DRAINS, RUN_CANCELLED };

/* What all are told.  It only ever gets stronger, member by member. */
struct run_told {
	enum run_end end;
	bool stopped;    /* some rank was stopped: the limit of each (cmd/stop.h) begins */
	bool lost;       /* nothing may be published any more, no index either: the lock is gone */
	int64_t left_ns; /* drains: until then all should be over; then rank 0 cancels */
};

/*
 * For any thread: what is begun looks here whether it is to go on.  Tests make one by hand.
 * end: an enum run_end.  late: what is begun and not finished stops at the next place where it can
 * (a file at its next chunk) and settles as not included; always set once the run is cancelled.
 */
struct run_flags {
	atomic_int end;
	atomic_bool late;
};

struct run_ops {
	/* Becomes an enum stopped_how (base/stopped.h) when this rank is to end; NULL: it cannot.
	 * How long the drains may take that STOPPED_SIGNAL and STOPPED_EARLY bring (left_ns);
	 * *early_ns is there before the flag is; NULL: no time. */
	const volatile int *stop;
	int64_t signal_ns;
	const int64_t *early_ns;
	/* The end has become stronger on this rank: told.  Before the queue is emptied. */
	void (*ended)(void *arg, const struct run_told *t);
	/* rank 0: what run_note said, on any rank */
	void (*note)(void *arg, unsigned kind, const char *a, const char *b, uint64_t n);
	/*
	 * The client's counters, if n_counts is not 0: so many numbers, a struct whose members are
	 * all uint64_t and whose members and names come from one X-macro list.  count: this rank's
	 * own, now. progress: rank 0, about five times a second: each rank's newest are in
	 * run_counts.
	 */
	size_t n_counts;
	void (*count)(void *arg, uint64_t *v);
	void (*progress)(void *arg);
	/* rank 0, on a reader's thread, before a guarded phase: is what this run has (its lock)
	 * still its own?  0; an error: the run is cancelled, and nothing is published.  NULL: yes
	 */
	int (*guard)(void *arg, struct err *err);
	void *arg;
};

/* run_new: by all ranks, equally often; does not wait.  Borrows all of it.  Nothing of ops is
 * called before the loop turns. */
struct run;
struct run *run_new(struct router *r, struct agree *a, const struct run_ops *ops);
void run_free(struct run *r); /* after run_meet; NULL is fine */
int run_rank(const struct run *r);
int run_size(const struct run *r);

/* ---- ends ---- */

/*
 * run_fail: this run cannot succeed: it is cancelled on all ranks.  run_lose: likewise, and nothing
 * may be published any more.  run_drain: it shall end in good order within left_ns; 0 or less: it
 * is cancelled.  They only send: what they bring about comes through ended().
 */
void run_fail(struct run *r, const struct err *e);
void run_lose(struct run *r, const struct err *e);
void run_drain(struct run *r, const struct err *why, int64_t left_ns);

const struct run_flags *run_flags(const struct run *r);
static inline enum run_end run_flags_end(const struct run_flags *f) /* any thread */
{
	return (enum run_end)atomic_load_explicit(&f->end, memory_order_relaxed);
}
static inline bool run_flags_late(const struct run_flags *f) /* any thread */
{
	return atomic_load_explicit(&f->late, memory_order_relaxed);
}
enum run_end run_end(const struct run *r);            /* this rank was told; any thread */
const struct run_told *run_told(const struct run *r); /* on rank 0: what all are being told */
const struct err *run_error(const struct run *r);     /* this rank's first; code 0: none */

/* ---- rank 0 hears ---- */

/* run_note: to rank 0's ops.note, in order; borrows a and b (NULL: ""). */
void run_note(struct run *r, unsigned kind, const char *a, const char *b, uint64_t n);
/*
 * run_counts: on rank 0: rank's newest numbers; at the end of a phase those of that moment.
 * run_sum_counts: of all ranks, into n_counts numbers.
 */
const uint64_t *run_counts(const struct run *r, int rank);
void run_sum_counts(const struct run *r, uint64_t *sum);

/* ---- phases ---- */

struct run_phase {
	const char *name; /* for reports */
	bool guarded;     /* ops.guard is asked before it */
	/* It ends soon by itself and nothing in it is settled as not included: who wants an early
	 * end (STOPPED_EARLY) has it sooner by letting it finish. */
	bool final;
	/* Rank 0 alone works in it; the others speak against nothing any more. */
	bool leads;
	/* Each rank, first of all, whatever the end: pushes what it begins with.  NULL is fine. */
	void (*start)(void *arg);
	/* May one more item be begun on this rank?  NULL: the phase has no items, and no queue. */
	bool (*room)(void *arg);
	/* Begin an item (taken).  run_done once it has ended, maybe before this returns. */
	void (*begin)(void *arg, struct workq_item *it);
	/* An item (taken) that is not begun: settle it as not included, or just free it when the
	 * run is cancelled.  It counts as ended. */
	void (*drop)(void *arg, struct workq_item *it);
	/* As in struct workq_ops. */
	void (*pack)(void *arg, struct workq_item *it, struct buf *out);
	struct workq_item *(*unpack)(void *arg, struct wire_in *in);
	void *arg;
};

/*
 * run_phase: collective, blocking (loop_until): returns on all ranks once no rank has or works on
 * anything, and nothing is on its way; so also when the run drains or is cancelled, and at once
 * when it was before.  Returns the end that all were told by then, the same on all ranks.
 */
enum run_end run_phase(struct run *r, const struct run_phase *p);

/* run_push: takes an item; it is begun or dropped in a later task, never before this returns. */
void run_push(struct run *r, struct workq_item *it);
/* run_hold: this rank works on something besides items (start it from an item, a hold or start());
 * run_done ends it, or an item that was begun. */
void run_hold(struct run *r);
void run_done(struct run *r);
/*
 * run_sent: before a message of the client's that means work is sent to another rank; run_came:
 * once the receiver has made of it what it makes.  Where it may come to a rank that is not in the
 * phase yet, its tag is opened in start() (router_open).
 */
void run_sent(struct run *r);
void run_came(struct run *r);
/* run_more: room() may say something else now; run_done says so too. */
void run_more(struct run *r);
uint64_t run_stolen(const struct run *r); /* items that came from other ranks, in all phases */

/* ---- the end ---- */

/* run_meet: collective, blocking, once, last: agree_all over each rank's run_error and err (its own
 * since then; code 0: fine).  The worst is in err on all ranks. */
int run_meet(struct run *r, struct err *err);

#endif
