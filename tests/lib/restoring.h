/*
 * restoring: a crafted repository, and restores of its trees into a folder whose results and
 * messages a test then looks at.  One a program.
 */
#ifndef LIB_RESTORING_H
#define LIB_RESTORING_H
#include "engine/restore.h"
#include "lib/craft.h"
#include "unit/check.h"

struct lab {
	struct craft c;
	struct restore_counts counts; /* of the last restore */
	struct buf said;              /* its errors: "item: message\n" */
	struct buf warned;            /* its warnings, like its errors */
	struct buf items;             /* "action item\n" */
	int ranks;                    /* 0: one */
	uint64_t seed;                /* of several (lib/ranks.h) */
	struct backend *index;        /* what several load the index through; NULL: lab.c.be */
	bool slow; /* one rank's catalog answers later, the last question first */
	volatile int stop;
	uint64_t stop_after;   /* sets stop at so many progress events */
	void (*deleted)(void); /* NULL, or called when something was deleted */
	char *target;
};
extern struct lab lab;

/*
 * LAB_TEST: a test that one, two and four ranks must pass, each with a new repository; LAB_TEST_BY:
 * one, and so many.
 */
#define LAB_RUN(name, by, n)                                                                       \
	TEST(name##by)                                                                             \
	{                                                                                          \
		lab_anew(n);                                                                       \
		lab_##name();                                                                      \
	}
#define LAB_TEST_BY(name, n)                                                                       \
	static void lab_##name(void);                                                              \
	LAB_RUN(name, , 1)                                                                         \
	LAB_RUN(name, _by_##n, n)                                                                  \
	static void lab_##name(void)
#define LAB_TEST(name)                                                                             \
	static void lab_##name(void);                                                              \
	LAB_RUN(name, , 1)                                                                         \
	LAB_RUN(name, _by_2, 2)                                                                    \
	LAB_RUN(name, _by_4, 4)                                                                    \
	static void lab_##name(void)

void lab_init(void);
void lab_anew(int ranks);
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
