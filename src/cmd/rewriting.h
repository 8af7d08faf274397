/*
 * rewriting: snapshots in the place of others, or beside them, whose trees were made anew: what
 * rewrite and repair snapshots have in common (docs/format.md 13.12).
 */
#ifndef CMD_REWRITING_H
#define CMD_REWRITING_H
#include "cmd/choose.h"
#include "engine/rewrite.h"
#include "engine/writing.h"

struct rewriting {
	struct session *s;
	const char *tag;  /* that a new snapshot gets, if the old one stays */
	bool sums;        /* the summary tells how many files and bytes are in it */
	bool keep_empty;  /* one of which nothing is left stays as it is; else it is removed */
	const char *host; /* instead of the old one's; NULL: none */
	const struct ts *time;
	struct rewrite *trees;      /* NULL: the trees stay */
	const struct snapshot *now; /* out: the one that is worked on */
	/* its own */
	struct writing *writing; /* of this snapshot; NULL: nothing was stored yet */
	size_t changed;
};

/* rewriting_save: for struct rewrite_ops: arg is the rewriting. */
int rewriting_save(void *arg, const struct id *id, struct buf *json, struct err *err);
/* rewriting_run: all of these, and the sentence at the end. */
int rewriting_run(struct rewriting *r, const struct choice *which, struct err *err);

#endif
