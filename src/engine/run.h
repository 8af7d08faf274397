/*
 * run: one rank's part of a running backup, shared by the engine's own files: run_report.c
 * (failing, saying, counting), run_tree.c (results on their way up), run_files.c, run_dir.c (items
 * being worked on), run_back.c (items that come back), run_view.c (what all ranks must see alike),
 * run_proof.c (where the others' packs lie) and backup.c (the order of things).  Loop thread only,
 * but for what is _Atomic.
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H
#include "ranks/lastpacks.h"
#include "ranks/workq.h"
#include "engine/backup.h"
#include "engine/guard.h"
#include "engine/treebuild.h"
#include "engine/view.h"
#include "engine/walk.h"
#include "repo/indexer.h"
#include "repo/loader.h"
#include "repo/lock.h"
#include "repo/saver.h"

enum backup_tag {
	TAG_NODE = ROUTER_ENGINE, /* pending: a child's JSON */
	TAG_PACK,                 /* each -> rank 0: a pack that is stored */
	TAG_COUNTED,              /* rank 0 -> sender: that pack is counted, and more are allowed */
	TAG_NOTE,                 /* each -> rank 0: something to say about an item */
	TAG_COUNTS,               /* each -> rank 0: progress */
	TAG_FAIL,                 /* each -> rank 0: the run cannot succeed, or shall end */
	TAG_CANCEL,               /* rank 0 -> all: enum run_end */
	TAG_BACK,        /* doer -> who listed it: an item, which was not found as it was listed */
	TAG_ASK_WITNESS, /* each -> rank 0: what it sees for the first time (witness.c) */
	TAG_WITNESS,     /* rank 0 -> asker: what it sees itself */
	TAG_PROVE,       /* rank 0 -> each: is this run's lock there? */
	TAG_PROVEN,      /* … and so are the packs that I reported before I looked */
	TAG_FLUSH,       /* rank 0 -> all: the tree is closed: store what you hold */
	TAG_FLUSHED /* each -> rank 0: all my packs are stored (or the run has failed); my counts */
};

/* How a run ends before its time: what is under way is stored and indexed, or dropped.  The later
 * is the stronger. */
enum run_end {
	RUN_GOES_ON,
	RUN_WINDS_UP,
	RUN_CANCELLED,
	RUN_STOPPED /* likewise, by a signal to some rank */
};

#define TICK_NS      ((int64_t)200 * 1000 * 1000)
#define CACHE_TREES  ((size_t)160 << 20) /* tree packs kept: two and a half of the default size */
#define DIRS_AT_ONCE 64                  /* directories whose parent tree may be on its way */
#define MESSAGE_MAX  COMM_MAX

struct backup {
	struct router *r;
	struct agree *a;
	struct repo *repo;
	const struct env *env;
	const struct backup_options *opt;
	const struct backup_events *ev;
	const volatile int *stop;
	int rank, size;

	struct blobtable *table;
	struct chunker_tables *tables;
	struct view *view;
	struct task at_end; /* all that this rank was to do is done: looks again */
	struct err end_err;
	struct nodemake make;
	struct witness *witness; /* NULL: one rank */
	struct catalog *catalog;
	struct loader *loader;
	struct saver *saver;
	struct lastpacks *lastpacks;
	struct workq *queue;
	struct pending *pending; /* of struct treebuild_slot */
	struct tally tally;
	struct task tick;

	struct ts settled;      /* see walk.h */
	size_t dirs, files;     /* jobs under way on this rank */
	size_t loading;         /* of the dirs, those whose parent tree is on its way */
	size_t closing;         /* trees being made */
	size_t asking;          /* questions of run_claims.c */
	_Atomic bool cancelled; /* or winding up: nothing more is begun */
	enum run_end asked;     /* what this rank asked rank 0 for */
	bool flushing, flush_asked, flushed, finished;
	struct err err; /* why the run cannot succeed */
	struct {
		struct task task;
		struct id lock;
		struct err err;
		uint64_t sent, covers; /* packs: reported; before this look */
	} prove;                       /* other ranks: looking for rank 0's lock */

	/* rank 0 */
	struct target *target;
	struct indexer *indexer;
	struct guard guard;
	uint64_t packs; /* of all ranks, stored by this run */
	struct {
		struct task task;
		struct backend_usage usage;
		struct err err;
		uint64_t added; /* the guard's, when it was asked */
		bool idle;
		struct jobs *jobs;
		unsigned *waiting; /* of each rank: packs that are counted, when the answer is there
				    */
	} ask;                     /* how full the place is, again */
	struct proof *proofs;      /* of each rank: run_proof.c */
	bool ending;               /* all ranks' packs are stored; are they in place? */
	bool guarded;              /* the guard has ended the run */
	bool index_lost;           /* an index file could not be saved */
	int ranks_flushed;
	enum run_end told; /* what all were told */
	bool tree_closed, empty, has_parent;
	struct id tree, parent_tree;
	struct backup_counts *of_rank; /* the newest of each */
};

/* run_more: what can be done next?  Called whenever something has ended. */
void run_more(struct backup *b);

/* run_fail: this run cannot succeed: rank 0 will cancel it on all ranks.  The first error of a rank
 * counts. */
void run_fail(struct backup *b, const struct err *e);
/* likewise, because this rank was stopped */
void run_stop(struct backup *b, const struct err *why);
/* likewise, but what lies in packs is stored and indexed: no snapshot is made */
void run_wind_up(struct backup *b, const struct err *why);
void run_failed(void *arg, const struct err *e); /* the same as a callback with arg = b */
void run_on_fail(void *arg, struct comm_msg *m);
void run_on_cancel(void *arg, struct comm_msg *m);

/*
 * run_note: an error of one item (action NULL), or an item event; printed by rank 0.  run_notes:
 * what a job wrote down.  run_item: only when --verbose asks for items.
 */
void run_note(struct backup *b, const char *action, const char *path, const char *message,
	uint64_t size);
void run_notes(struct backup *b, const struct walk_note *n, size_t count);
void run_item(struct backup *b, const char *action, const char *dir, const char *name,
	uint64_t size);
void run_on_note(void *arg, struct comm_msg *m);

/* run_counts: this rank's own.  run_send_counts: to rank 0.  run_sum_counts: on rank 0, all ranks'.
 */
void run_counts(const struct backup *b, struct backup_counts *c);
void run_send_counts(struct backup *b, unsigned tag);
void run_on_counts(void *arg, struct comm_msg *m);
void run_sum_counts(const struct backup *b, struct backup_counts *sum);

/*
 * run_guard: on rank 0, before anything is stored: is there room?  packs: as many as the index
 * names.  The error is in b->err. run_guard_pack: that rank has stored one more pack; it may go on
 * with another one when rank 0 has counted it, and has heard from the store if it is just asking.
 * run_packs_at_once: how many a rank may have open, on their way, or stored but not counted: so the
 * limit is kept however late messages are.
 */
void run_guard(struct backup *b, uint64_t packs);
void run_guard_pack(struct backup *b, int rank);
unsigned run_packs_at_once(const struct backup *b);

/*
 * run_child: a child is settled: json (heap, taken; NULL: not included) goes to the rank that waits
 * for it.
 */
void run_child(struct backup *b, const struct dirref *up, uint8_t *json, size_t n);
/* run_link: as run_child with a node that may share its inode number with others, once that is
 * known (node_apart). */
void run_link(struct backup *b, const struct catalog_first *ask, const struct dirref *up,
	uint8_t *json, size_t n);
/* run_forget_tree: what the index says of this tree does not count any more: who has it to save
 * from now on stores it. */
void run_forget_tree(struct backup *b, const struct id *id);
/* run_pending_new: what waits for them. */
struct pending *run_pending_new(struct backup *b);
void run_pending_free(struct pending *p);

/*
 * run_view_begin: collective, before the first item: all see the same (b->view), or an error.
 * run_view_end: after the last one: it still is so, by a reader; then this rank's blobs are put
 * into packs.
 */
int run_view_begin(struct backup *b);
void run_view_end(struct backup *b);

/*
 * run_proof_pack: on rank 0: another rank has stored this (blob is taken).  It is indexed once that
 * rank's way to the store is proven: it finds the file of rank 0's lock (options->lock; NULL: at
 * once).  That is asked twice a minute, as long as there are such packs (run_proof_tick), and in
 * the end: run_proof_end saves the last index file when all is answered.
 */
void run_proof_init(struct backup *b);
void run_proof_release(struct backup *b);
void run_proof_pack(struct backup *b, int rank, const struct id *pack, struct blob *blob, size_t n);
void run_proof_tick(struct backup *b);
void run_proof_end(struct backup *b);
void run_on_proven(void *arg, struct comm_msg *m);
void run_on_prove(void *arg, struct comm_msg *m); /* on the others */

/*
 * run_back: an item (taken) that this rank does not find as it was listed goes back to the rank
 * that listed it, which does it itself.  run_back_differs: likewise, because owner or mode of the
 * directory, or of the only file, are others here, as `here` says: if they are not to the other
 * rank, it ends the run.
 */
void run_back(struct backup *b, struct item *it);
void run_back_differs(struct backup *b, struct item *it, const struct meta *here);
void run_on_back(void *arg, struct comm_msg *m);

/* run_files, run_dir: begin an item (taken).  run_root: begin at the top, on rank 0. */
void run_files(struct backup *b, struct item *it);
void run_dir(struct backup *b, struct item *it);
void run_root(struct backup *b);

#endif
