/* run_priv: struct run, for run_ends.c (ends), run_phase.c (phases, and the numbers that prove
 * their ends) and run.c (life, what rank 0 hears). */
#ifndef RANKS_RUN_PRIV_H
#define RANKS_RUN_PRIV_H
#include "base/env.h"
#include "ranks/run.h"

struct run_numbers {
	uint64_t pushed, finished;
};

/* Who sends what to whom; behind them those of the queue. */
enum run_message {
	RUN_FAIL,   /* each -> rank 0: an end that it wants */
	RUN_TOLD,   /* rank 0 -> all: the end */
	RUN_NOTE,   /* each -> rank 0: something to say */
	RUN_COUNTS, /* each -> rank 0: its numbers */
	RUN_WAVE,   /* rank 0 -> all: say your numbers, or: the phase is over */
	RUN_QUEUE,
	RUN_TAGS = RUN_QUEUE + WORKQ_TAGS
};

struct run {
	struct router *router;
	unsigned tag; /* of the first message */
	struct agree *agree;
	const struct env *env;
	struct run_ops ops;
	int rank, size;

	/* ends */
	struct run_flags flags;
	struct run_told asked, now; /* this rank asked for; this rank was told */
	int64_t until;              /* clock_mono: the drain's deadline, 0: none yet */
	struct err err;
	struct task tick, late, deadline;
	struct run_told told; /* rank 0: what all are being told … */
	int64_t told_until;   /* … and its deadline */

	/* what is outstanding on this rank, and what rank 0 was told of that */
	struct run_numbers mine, said;
	size_t busy; /* begun or held here, not done */

	/* rank 0 */
	struct run_numbers *of_rank, sum;
	uint64_t *counts; /* of rank i: from i * n_counts on */
	int missing;      /* answers to the wave; 0: none is under way */
	uint64_t wave_finished;

	/* the phase; NULL: between two */
	const struct run_phase *phase;
	struct workq *queue;
	uint64_t stolen, lost; /* lost: workq_lost, as far as it is counted */
	struct task pump;
	bool pumping; /* the task is posted */
	bool ending;  /* rank 0 has sent OVER */
	bool over;
	enum run_end over_end;
	struct err guard_err;
};

/*
 * run_ends.c, which uses none of the others.  run_pump: the queue may be emptied now, or more
 * begun. run_look: is this rank to end?  Asks for it.  run_tell: on rank 0, at once instead of by a
 * message to itself: t is what all are to be told.  run_damaged: what came from a rank is not what
 * it is to be: the run fails.
 */
void run_ends_init(struct run *r);
void run_pump(struct run *r);
void run_look(struct run *r);
void run_tell(struct run *r, const struct run_told *t);
void run_damaged(struct run *r, const char *what, int from);
void run_on_fail(void *arg, struct comm_msg *m);
void run_on_told(void *arg, struct comm_msg *m);

/* run_phase.c.  run_say: this rank's numbers and counters to rank 0.  run_pumped: what run_pump
 * posts. */
void run_say(struct run *r);
void run_pumped(struct task *t);
void run_on_counts(void *arg, struct comm_msg *m);

#endif
