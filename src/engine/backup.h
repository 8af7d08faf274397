/*
 * backup: walks the targets with all ranks and leaves one snapshot.
 *
 * Collective: every rank calls backup_run with equal options.  Rank 0 has opened and locked the
 * repository and loaded its snapshots; the others join it (engine/join.h).  Events are called on
 * rank 0's main thread only.  Nothing here prints.
 */
#ifndef ENGINE_BACKUP_H
#define ENGINE_BACKUP_H
#include "ranks/agree.h"
#include "format/snapshot.h"
#include "engine/parents.h"
#include "fs/match.h"
#include "repo/lock.h"

struct backup_marker {       /* --exclude-if-present NAME[:HEADER] */
	char *name, *header; /* header may be NULL */
};

struct backup_options {
	struct strlist targets; /* as given, --files-from expanded; those that do not exist are left
				   out by rank 0 before (backup_targets) */
	const char *cwd;        /* absolute; what relative targets start from */
	const struct match *const *exclude; /* lists; an item is rejected if any rejects */
	size_t n_exclude;
	const struct backup_marker *marker;
	size_t n_marker;
	uint64_t larger_than;   /* bytes */
	bool larger_than_given; /* else there is no limit */
	bool one_file_system, with_atime, dry_run, skip_if_unchanged, force, verbose_items;
	unsigned unchanged_flags; /* NODE_IGNORE_* */
	size_t pack_size;
	unsigned packs_in_flight; /* 0: by the backend's connections */
	/* How long the run may still store what it has begun (struct run_ops) after a signal, and
	 * when it is to end early; 0, NULL: not at all. */
	int64_t signal_ns;
	const int64_t *early_ns;
	/* used on rank 0 only: */
	struct lock *lock;    /* of this run; NULL: none.  Other ranks' packs are indexed only while
				 they find its file */
	uint64_t objects_max; /* in the bucket or other place of the repository, with what others
				 keep there; 0: any number */
	bool objects_max_given; /* else what is usual for the store */
	struct ts start; /* when the command began, before a password was asked for: the snapshot's
			    backup_start */
	struct snapshot head;          /* time, hostname, username, uid, gid, tags, excludes, paths
					  (absolute), program_version; borrowed */
	const struct snapshot *parent; /* NULL: none */
	/* Partial ones that this run goes on from, newest first; none is older than parent. */
	const struct snapshot *partial[PARENTS_MAX - 1];
	unsigned partials;
};

/*
 * What is counted on each rank.  BACKUP_TALLY: raised by any thread (tally.h); files_done and
 * bytes_done grow while files are read; errors: items left out of the snapshot, or kept
 * incompletely; *_vanished: listed, but gone before they were read; items_returned: by a rank that
 * could not find what another one had listed; parts_lost: trees, and files' contents, of the parent
 * that are missing in the repository or damaged, and are stored again.  The others come from the
 * saver, the loader, the queue and the store: retries are requests that failed and were tried
 * again.
 */
#define BACKUP_TALLY(X)                                                                            \
	X(files_new)                                                                               \
	X(files_changed)                                                                           \
	X(files_unmodified)                                                                        \
	X(dirs_new)                                                                                \
	X(dirs_changed)                                                                            \
	X(dirs_unmodified)                                                                         \
	X(files_done)                                                                              \
	X(bytes_done)                                                                              \
	X(errors)                                                                                  \
	X(files_opened)                                                                            \
	X(files_vanished)                                                                          \
	X(dirs_vanished)                                                                           \
	X(parts_lost)                                                                              \
	X(items_returned)
#define BACKUP_COUNTS(X)                                                                           \
	BACKUP_TALLY(X)                                                                            \
	X(data_blobs)                                                                              \
	X(tree_blobs)                                                                              \
	X(data_added)                                                                              \
	X(data_added_packed)                                                                       \
	X(trees_read)                                                                              \
	X(store_gets)                                                                              \
	X(items_stolen)                                                                            \
	X(retries)

struct backup_counts {
#define BACKUP_MEMBER(name) uint64_t name;
	BACKUP_COUNTS(BACKUP_MEMBER)
#undef BACKUP_MEMBER
};

struct backup_events {
	/* about five times a second */
	void (*progress)(void *arg, const struct backup_counts *sum);
	/* one item that could not be saved; never from two threads */
	void (*error)(void *arg, const char *path, const char *message);
	void (*item)(void *arg, const char *action, const char *path,
		uint64_t size); /* verbose_items: "new", "modified", "unchanged"; excluded ones:
				   "excluded" */
	/* a partial snapshot of the options has this, and n - 1 names more in the same directory,
	 * which are not there any more; told of some only */
	void (*missing)(void *arg, unsigned partial, const char *path, uint64_t n);
	void (*stopped)(void *arg); /* on each rank, once: some rank was stopped, and now the run
				       ends everywhere */
	void *arg;
};

struct backup_result {
	struct backup_counts counts;
	struct snapshot_summary summary;
	struct id snapshot; /* zero when none was saved */
	struct id tree;     /* of what was settled, if its root has closed, something is in it and
			       the run was not cancelled; else zero */
	bool unchanged;     /* --skip-if-unchanged applied */
	/* Names that a partial snapshot of the options has and the new one, partial or not, has
	 * not: so many at least; UINT64_MAX: perhaps some. */
	uint64_t missing[PARENTS_MAX - 1];
	bool partial; /* the run drained, and the snapshot holds what was finished by then */
	bool stuck;   /* likewise, but that would be no file more than those it went on from
			 have: no snapshot */
	uint64_t objects, objects_max; /* in the bucket now, about, and allowed there; objects_max
					  0: not watched */
};

/*
 * backup_run: 0 when a snapshot was saved (or skipped, or dry): look at result->counts.errors and
 * parts_lost for exit code 3.  All ranks return the same code, that of the first rank that failed;
 * no snapshot is saved then, but a partial one where the run could end in good order.  ERR_NOSPACE
 * when the store is full, or would hold more than objects_max objects: what was stored by then is
 * in the index if the store took that.  ERR_USAGE when nothing at all is left of the targets
 * ("snapshot is empty").  What is published, index files and the snapshot, is published as the
 * repository's guards allow (repo_guard).  *stop (may be NULL) becomes an enum stopped_how
 * (base/stopped.h) in a signal handler or another thread: within a fraction of a second the run
 * begins to end with ERR_CANCELLED.
 */
int backup_run(struct router *r, struct agree *a, struct repo *repo, const struct env *env,
	const struct backup_options *opt, const struct backup_events *ev, const volatile int *stop,
	struct backup_result *result, struct err *err);

/* backup_targets: drops targets that cannot be lstat'ed, calling missing(arg, target, err) for
 * each; returns how many are left. */
size_t backup_targets(struct strlist *targets,
	void (*missing)(void *arg, const char *target, const struct err *e), void *arg);
/* backup_paths: the snapshot's `paths` for these targets (docs/format.md 7). */
void backup_paths(const struct strlist *targets, const char *cwd, struct strlist *out);

#endif
