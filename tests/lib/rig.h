/* rig: what one rank needs to run in a test: its own loop, workers, budget; and a whole backup over
 * N thread ranks. */
#ifndef LIB_RIG_H
#define LIB_RIG_H
#include "base/env.h"
#include "engine/backup.h"
#include "base/stopped.h"
#include "format/pack.h"

struct rig {
	struct env env;
};
void rig_init(struct rig *r, size_t threads);
void rig_release(struct rig *r);

#define RIG_RANKS 128

/* A backup of one directory by thread ranks into a repository both ends of which the test holds. */
struct rig_backup {
	int ranks;
	size_t threads;     /* workers a rank, cpu and readers each */
	struct backend *be; /* shared by all ranks; borrowed */
	const char *target; /* as the user gives it; opt.cwd is what it starts from */
	struct backup_options
		opt; /* targets, cwd, head, parent, pack_size are filled in where zero */
	const struct id *parent; /* snapshot's tree to compare with; NULL = none */
	bool young; /* files are too young for their times to be believed; else the parent was made
		       an hour from now */
	/* How rank 0 opens its repository; NULL: by its password, "x". */
	struct repo *(*open)(struct rig_backup *b, const struct env *env, struct err *err);
	const struct clock *clock; /* NULL: the real one */
	bool quiet;                /* warnings are no news */
	bool adopt; /* the repository of rig_adopt, instead of one that is opened by its password */
	bool retry; /* a retry decorator with short pauses over be, one a rank */
	int64_t lag_ns;  /* rank 0 sleeps so long again and again: the others are far ahead of what
			    it knows */
	int stop_rank;   /* this rank is stopped, -1: all of them … */
	int64_t stop_ns; /* … so long after the start, if not 0; < 0: all, before the start */
	enum stopped_how stop_how; /* 0: STOPPED_SIGNAL */
	uint64_t stop_event; /* the rank is stopped whose loop makes this turn, counted over all
				ranks from 1; 0: none */
	/* what opt.verbose_items tells; on the caller's thread; may be NULL */
	void (*item)(void *arg, const char *action, const char *path);
	void *arg;
	/* out */
	int rank_code[RIG_RANKS];
	int code;
	struct err err;
	struct backup_result result;
	size_t notes;            /* errors reported for items */
	size_t warnings;         /* logged by rank 0 */
	_Atomic uint64_t events; /* turns of all loops */
	_Atomic int told;        /* ranks that heard that some rank was stopped */
};
void rig_backup_run(struct rig_backup *b);

/* rig_check: check --read-data over a repository of rig_adopt finds nothing, and so many snapshots.
 */
void rig_check(struct backend *be, size_t snapshots);

/* rig_files: how many files of a type there are. */
size_t rig_files(struct backend *be, enum backend_type t);

/* rig_adopt: a repository with a fixed key and no config over be, for tests that make many; owned
 * by the caller. */
struct repo *rig_adopt(struct backend *be, const struct env *env);

/* rig_init_repo: a new repository; the password is "x". */
void rig_init_repo(struct backend *be, uint64_t polynomial);

#endif
