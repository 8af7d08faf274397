/*
 * restoring: a crafted repository, and restores of its trees into a folder whose results and
 * messages a test then looks at.  One a program.
 */
#ifndef LIB_RESTORING_H
#define LIB_RESTORING_H
#include "engine/restore.h"
#include "lib/craft.h"

struct lab {
	struct craft c;
	struct restore_counts counts; /* of the last restore */
	struct buf said;              /* its errors: "item: message\n" */
	struct buf warned;            /* its warnings, like its errors */
	struct buf items;             /* "action item\n" */
	int ranks;                    /* 0: one */
	uint64_t seed;                /* of several (lib/ranks.h) */
	bool slow; /* one rank's catalog answers later, the last question first */
	volatile int stop;
	uint64_t stop_after;   /* sets stop at so many progress events */
	void (*deleted)(void); /* NULL, or called when something was deleted */
	char *target;
};
extern struct lab lab;

void lab_init(void);
void lab_release(void);
/* lab_restore: saves and loads the repository, restores root; afterwards nothing is open that was
 * not before.  The code. */
int lab_restore(const struct id *root, struct restore_options o);
/* lab_run: only the restore. */
int lab_run(const struct id *root, const struct restore_options *o);
struct restore_events lab_events(void);
const char *lab_errors(void);
bool lab_told(const char *line);
bool lab_warned(const char *text);
const char *lab_fresh(
	void); /* the empty target folder of the next restore; lives until lab_release */

struct id lab_text_file(struct craft_tree *t, const char *name, const char *text);
/* lab_small_tree: f "new f"; d/g "new g"; d/link -> g; d/e empty; fifo.  lab_check_small_tree: dir
 * is that. */
struct id lab_small_tree(void);
void lab_check_small_tree(const char *dir);

#endif
