/*
 * restore_window: a bounded number of files whose contents are fetched pack by pack and written by workers, several transfers at once.
 *
 * Life: files are added on the loop thread while the walk goes on; start; ended() is called on the loop when all is written and has its
 * metadata.
 */
#ifndef ENGINE_RESTORE_WINDOW_H
#define ENGINE_RESTORE_WINDOW_H
#include "engine/restore_dir.h"
#include <pthread.h>
#include <stdatomic.h>

#define RESTORE_WINDOW_FILES 4096
#define RESTORE_WINDOW_BYTES ((uint64_t)128 << 20)
#define RESTORE_WINDOW_DIRS  256

struct restore_file {
	struct restore_window *w;
	struct restore_dir *dir; /* held */
	char *name;
	struct restore_keep keep;
	uint64_t size;
	uint32_t first_use, uses;
	bool there; /* a regular file lies there already: its blobs are compared first */
	bool reused;
	int fd;
	_Atomic uint32_t pending; /* uses not yet written */
	_Atomic bool failed;
	struct err err; /* under the window's lock; the first */
};

/* One place of one blob in one file. */
struct restore_use {
	struct restore_file *file;
	uint64_t offset;
	struct catalog_place at;
	unsigned nth; /* which copy `at` is */
	bool done;
};

struct restore_shared { /* of all windows */
	struct repo *repo;
	struct catalog *cat;
	const struct env *env;
	struct restore_dirs *dirs;
	const volatile int *stop;
};

struct restore_window {
	struct restore_shared *sh;
	struct restore_file **file;
	size_t n, cap;
	struct restore_use *use;
	size_t n_use, cap_use;
	uint64_t bytes;
	size_t n_dirs;
	struct restore_dir *last_dir;
	pthread_mutex_t lock;
	/* running */
	size_t next;  /* first use not yet asked for */
	size_t tasks; /* fetches and tasks under way */
	bool started, verifying, over;
	void (*ended)(struct restore_window *w);
	void *arg;
	struct restore_window *later; /* the owner's */
	struct restore_link *link;    /* the owner's: hard links to be made after it */
	size_t n_link;
};

struct restore_window *restore_window_new(struct restore_shared *sh);
/* restore_window_add: a file node; `there`: a regular file lies at its place.  Takes nothing; holds dir (which exists). */
void restore_window_add(struct restore_window *w, struct restore_dir *dir, const struct node *n, bool there);
bool restore_window_full(const struct restore_window *w);
void restore_window_start(struct restore_window *w, void (*ended)(struct restore_window *w), void *arg);
void restore_window_free(struct restore_window *w); /* reports what failed, counts, lets the directories go.  Loop thread */

#endif
