/*
 * restore_window: a bounded number of files whose contents are fetched pack by pack and written by
 * workers, several transfers at once.
 *
 * Life: files are added on the loop thread while the walk goes on; start; ended() is called on the
 * loop when all is written and has its metadata; free. A window's steps: ask where all blobs lie
 * (restore_layout.h); look at files that exist already (restore_content.h); fetch what is missing,
 * in the order of packs.  A window of the second walk only reads again what the first has written
 * (restore_verify.h).
 */
#ifndef ENGINE_RESTORE_WINDOW_H
#define ENGINE_RESTORE_WINDOW_H
#include "base/stopped.h"
#include "engine/restore_dir.h"
#include "repo/reader.h"
#include <pthread.h>
#include <stdatomic.h>

#define RESTORE_WINDOW_FILES 4096
/* A window holds no content, only what is to be done: so it may be large, and a blob that several
 * of its files share is fetched once. */
#define RESTORE_WINDOW_BYTES ((uint64_t)4 << 30)

/* A range of a large file (restore_large.c). */
struct restore_part {
	struct dirref back;   /* where it says how it went */
	uint64_t base, whole; /* its offset; the file's size */
	uint32_t number;      /* among the ranges */
	bool there;           /* something of it may be there since an earlier restore */
};

struct restore_file {
	struct restore_window *w;
	struct restore_dir *dir; /* pinned */
	char *name;
	struct restore_keep keep;
	uint32_t number;          /* among the nodes of its directory */
	uint64_t node_size, size; /* as the node says, and of its blobs */
	char *twin;               /* NULL, or the path of another name of it that was kept */
	bool *lost; /* NULL, or the owner's: set when the content could not be restored */
	uint32_t first_use, uses;
	struct meta was; /* what is there */
	bool there;    /* a regular file of ours lies there already: its blobs are compared first */
	bool replace;  /* something lies there that must go */
	bool laid_out; /* restore_layout is done with it */
	bool unchanged;           /* and it has this content already */
	bool reused;              /* and it is written over */
	bool part;                /* a range of a file, which has … */
	struct restore_part of;   /* … these; else base is 0, and whole its size */
	bool linked;              /* it is the twin's other name now */
	_Atomic uint32_t pending; /* uses not yet written */
	_Atomic bool failed;      /* its content */
	pthread_mutex_t lock;     /* of what follows */
	bool made;                /* by us, or opened for writing; maybe closed again */
	struct meta is;           /* then: which file it is */
	int fd;
	unsigned busy;   /* workers that write */
	struct err *err; /* the first, of content or metadata; NULL: none */
};

/* One place of one blob in one file. */
struct restore_use {
	struct restore_file *file;
	uint64_t offset;
	struct reader_want want;
	bool done;   /* it was there already */
	bool absent; /* in no index; while it is laid out */
};

struct restore_shared { /* of all windows */
	struct repo *repo;
	struct reader *reader;
	struct catalog *cat;
	const struct env *env;
	struct restore_dirs *dirs;
	const volatile int *stop;  /* set once the run has ended */
	const volatile int *asked; /* this rank is to stop; may be NULL */
	size_t dirs_max;           /* of one window */
	size_t files_max;          /* open at once while more of them is still to come */
	_Atomic size_t files_open;
	struct restore_written
		*written; /* --verify: which files the first walk has written; else NULL */
	bool verifying;   /* this is the second walk */
	/* A range is done: NULL, or why not (ERR_CANCELLED: it was stopped). */
	void (*part_done)(void *arg, const struct dirref *back, const struct err *e);
	void *arg;
};

struct restore_window {
	struct restore_shared *sh;
	struct restore_file **file;
	size_t n, cap;
	struct restore_use *use; /* in the order of files and offsets */
	size_t n_use, cap_use;
	uint64_t bytes;
	size_t n_dirs;
	struct restore_dir *last_dir;
	/* running */
	size_t tasks;          /* under way; all fetching is one */
	struct reader_blobs q; /* of those that are to be fetched: */
	struct reader_want **want;
	_Atomic uint64_t written; /* bytes; not yet counted */
	bool started, over;
	/* For the steps (restore_fetch.h, restore_verify.h), on the loop.  advance: a task or
	 * request of w, already taken off w->tasks, is done. */
	void (*advance)(struct restore_window *w);
	void (*progress)(struct restore_window *w);
	void (*ended)(struct restore_window *w);
	void *arg;
	struct restore_window *later; /* the owner's */
	struct restore_link *link;    /* the owner's: hard links to be made after it */
	size_t n_link, cap_link;
};

/* What lies where a file is to be. */
enum restore_place {
	RESTORE_FREE,  /* nothing */
	RESTORE_OURS,  /* a file that may be written over (restore_keep.h) */
	RESTORE_TAKEN, /* something else, which is removed */
	RESTORE_PART,  /* the file itself, unfinished: a range of it is to be written */
};

struct restore_window *restore_window_new(struct restore_shared *sh);
/*
 * restore_window_add: a file node; dir is open.  was: what lies at its place, unless that is free.
 * For the caller to set before the next call: number, lost and twin (owned by the file), see above.
 * It lives as long as the window.
 */
struct restore_file *restore_window_add(struct restore_window *w, struct restore_dir *dir,
	const struct node *n, enum restore_place place, const struct meta *was);
bool restore_window_full(const struct restore_window *w);
void restore_window_start(struct restore_window *w, void (*ended)(struct restore_window *w),
	void *arg);
/* restore_window_settle: once it has ended: reports what failed and counts.  restore_window_free:
 * lets the directories go.  Loop thread. */
void restore_window_settle(struct restore_window *w);
void restore_window_free(struct restore_window *w);

static inline bool restore_stopped(const struct restore_shared *sh)
{
	return stopped_set(sh->stop) || stopped_set(sh->asked);
}

#endif
