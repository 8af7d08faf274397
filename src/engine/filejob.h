/*
 * filejob: reads the files of one item: small ones are hashed where they are read, large ones are
 * cut there and hashed by the cpu workers chunk by chunk.
 *
 * The reader never waits for anything but the file system and env->budget.  All results are
 * collected on the loop thread.
 */
#ifndef ENGINE_FILEJOB_H
#define ENGINE_FILEJOB_H
#include "ranks/run.h"
#include "engine/item.h"
#include "engine/walk.h"
#include "kern/chunker.h"
#include "repo/repo.h"

struct filejob_file {
	struct meta meta;
	struct xattr_list xattr;
	bool failed;      /* not part of the snapshot: unreadable or gone, or … */
	bool back;        /* … the rank that listed it must look */
	bool differs;     /* … because owner or mode are others here: see meta */
	bool apart;       /* its inode number is not that of rank 0 */
	struct buf small; /* the only chunk, hashed; empty for an empty or a large file */
	size_t charge;    /* of small */
	struct buf json;  /* the node, if it could be made at once */
	bool unchanged;   /* it is what the parent has */
	bool linked;      /* it may share its inode number with others: they are one file if
			     catalog_first(link) agrees */
	struct catalog_first link;
	uint64_t size; /* bytes read */
	size_t chunks; /* handed to chunk tasks */
	/* loop thread only */
	struct id *content; /* content[0 … chunks-1]; small: content[0] */
	size_t cap, have;
	bool settled;
};

struct filejob_events {
	/* chunk: one chunk is hashed; takes plain, whose `charge` bytes of the budget are the
	 * receiver's now.  On the loop. */
	void (*chunk)(void *arg, const struct id *id, struct buf *plain, size_t charge);
	/*
	 * file: file i is complete: its node JSON is in json (owned by the receiver), or it is left
	 * out (json NULL), or is to go back to the rank that listed it (json NULL,
	 * job->file[i].back).  On the loop, once for each file.
	 */
	void (*file)(void *arg, size_t i, uint8_t *json, size_t n);
	/* done: all files are settled and no task is under way; the job may be freed.  On the loop.
	 */
	void (*done)(void *arg);
	void *arg;
};

struct filejob {
	struct task task;
	const struct env *env;
	struct repo *repo;
	const struct chunker_tables *tables;
	const struct backup_options *opt;
	const struct nodemake *make;
	struct tally *tally;
	bool foreign; /* another rank has listed these files */
	const struct run_flags *flags;
	struct witness_last owner;
	struct err fatal;        /* ranks do not see the same: the run must end */
	const struct item *item; /* borrowed */
	struct filejob_events ev;
	struct filejob_file *file; /* item->n */
	struct walk_note *note;
	size_t n_note;
	size_t first_held,
		held;    /* the reader's: the first small file that is kept; bytes of all of them */
	size_t spawned;  /* chunk tasks; the reader's until read_all */
	size_t finished; /* of them; loop thread */
	bool read_all;
};

/* filejob_new: everything borrowed until ev.done.  filejob_start puts it on env->readers. */
struct filejob *filejob_new(const struct item *item, const struct env *env, struct repo *repo,
	const struct chunker_tables *tables, const struct backup_options *opt,
	const struct nodemake *make, struct tally *tally, bool foreign,
	const struct run_flags *flags, const struct filejob_events *ev);
void filejob_start(struct filejob *j);
void filejob_free(struct filejob *j);

#endif
