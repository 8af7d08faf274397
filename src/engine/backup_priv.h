/*
 * backup_priv: one rank's part of a running backup, for the files backup*.c.  Each of them uses
 * only those above it here:
 *
 *     backup_say.c    what rank 0 is told of items
 *     backup_tree.c   results on their way up: nodes, trees
 *     backup_link.c   what may share an inode number with others
 *     backup_back.c   items that come back to the rank that listed them
 *     backup_files.c, backup_dir.c   items being worked on
 *     backup_view.c   what all ranks must see alike
 *     backup_save.c   the snapshot
 *     backup.c        the order of things
 *
 * Loop thread only.  While the run drains everything goes on, only that items which are not begun
 * are settled as not included; once it is cancelled results are dropped (backup_cancelled).
 */
#ifndef ENGINE_BACKUP_PRIV_H
#define ENGINE_BACKUP_PRIV_H
#include "ranks/pending.h"
#include "ranks/run.h"
#include "engine/backup.h"
#include "engine/storing.h"
#include "engine/treebuild.h"
#include "engine/view.h"
#include "engine/walk.h"
#include "repo/loader.h"

enum backup_tag {
	TAG_NODE = ROUTER_ENGINE, /* pending: a child's JSON */
	TAG_BACK,        /* doer -> who listed it: an item, which was not found as it was listed */
	TAG_ASK_WITNESS, /* each -> rank 0: what it sees for the first time (witness.c) */
	TAG_WITNESS      /* rank 0 -> asker: what it sees itself */
};

struct backup {
	struct run *run;
	struct router *r;
	struct agree *a;
	struct repo *repo;
	const struct env *env;
	const struct backup_options *opt;
	const struct backup_events *ev;
	int rank, size;

	struct view *view;
	struct task look; /* at the end: does this rank still see what it saw? */
	struct err look_err;
	struct nodemake make;
	struct witness *witness; /* NULL: one rank */
	struct catalog *catalog;
	struct chunker_tables *tables;
	struct loader *loader;
	struct storing *storing;
	struct pending *pending; /* of struct treebuild_slot */
	struct tally tally;

	struct ts settled[PARENTS_MAX]; /* see walk.h */
	unsigned partials;
	size_t dirs, files; /* jobs under way on this rank */
	size_t loading;     /* of the dirs, those whose parent tree is on its way */
	bool told_stopped;  /* ev->stopped was called */
	uint8_t unseen; /* of the parents: rank 0 knows that something of them was not come to */
	struct err err; /* of what is not the run's: before it and behind it */

	/* rank 0 */
	struct target *target;
	bool tree_closed, empty;
	struct id tree;
	struct parents parents;            /* the root's */
	uint64_t missing[PARENTS_MAX - 1]; /* names that a partial snapshot has, and this run not */
	unsigned missing_told[PARENTS_MAX - 1];
};

static inline bool backup_cancelled(const struct backup *b)
{
	return run_end(b->run) == RUN_CANCELLED;
}

/*
 * backup_note: an error of one item (action NULL), or an item event; printed by rank 0.
 * backup_notes: what a job wrote down.  backup_item: only when --verbose asks for items.
 * backup_unseen: something that these parents (bits) have is not included, or perhaps not.
 * backup_heard: on rank 0: struct run_ops.
 */
void backup_note(struct backup *b, const char *action, const char *path, const char *message,
	uint64_t size);
void backup_notes(struct backup *b, const struct walk_note *n, size_t count);
void backup_item(struct backup *b, const char *action, const char *dir, const char *name,
	uint64_t size);
void backup_unseen(struct backup *b, uint8_t parents);
void backup_heard(void *arg, unsigned kind, const char *a, const char *b, uint64_t n);

/*
 * backup_child: a child is settled: json (heap, taken; NULL: not included) goes to the rank that
 * waits for it.  backup_pending_new: what waits for them.
 */
void backup_child(struct backup *b, const struct dirref *up, uint8_t *json, size_t n);
struct pending *backup_pending_new(struct backup *b);
void backup_pending_free(struct pending *p);
/* backup_forget_tree: what the index says of this tree does not count any more: who has it to save
 * from now on stores it. */
void backup_forget_tree(struct backup *b, const struct id *id);
/* backup_not_included: an item (taken) that is not begun: its places stay empty; nothing when the
 * run is cancelled. */
void backup_not_included(struct backup *b, struct item *it);

/* backup_link: as backup_child with a node that may share its inode number with others, once that
 * is known (node_apart). */
void backup_link(struct backup *b, const struct catalog_first *ask, const struct dirref *up,
	uint8_t *json, size_t n);

/*
 * backup_back: an item (taken) that this rank does not find as it was listed goes back to the rank
 * that listed it, which does it itself.  backup_back_differs: likewise, because owner or mode of
 * the directory, or of the only file, are others here, as `here` says: if they are not to the other
 * rank, it ends the run.  backup_on_back: for TAG_BACK.
 */
void backup_back(struct backup *b, struct item *it);
void backup_back_differs(struct backup *b, struct item *it, const struct meta *here);
void backup_on_back(void *arg, struct comm_msg *m);

/* backup_files, backup_dir: begin an item (taken); run_done when it has ended.  backup_root: begin
 * at the top, on rank 0. */
void backup_files(struct backup *b, struct item *it);
void backup_dir(struct backup *b, struct item *it);
void backup_root(struct backup *b);

/*
 * backup_view_begin: collective, before the first item: all see the same (b->view), or an error.
 * backup_view_end: a phase, after the last one: it still is so; else the run has failed.
 */
int backup_view_begin(struct backup *b);
void backup_view_end(struct backup *b);

/* backup_sum_counts: rank 0: of all ranks, as they were told last. */
void backup_sum_counts(const struct backup *b, struct backup_counts *sum);
/*
 * Rank 0, after every pack and index is stored, last of all.  backup_save: the snapshot.
 * backup_save_partial: what a run that drained has finished.  What became of it is in res; an error
 * in b->err.
 */
int backup_save(struct backup *b, struct backup_result *res);
int backup_save_partial(struct backup *b, struct backup_result *res);

#endif
