/*
 * then: a parent's tree of a directory, beside the sorted names that lie in it now.
 */
#ifndef ENGINE_THEN_H
#define ENGINE_THEN_H
#include "format/tree.h"

struct then {
	struct tree_in in;
	const struct node *node; /* the next not yet passed, NULL at the end */
	bool open;
	bool met;       /* node was asked for */
	size_t missed;  /* nodes that nobody asked for … */
	char *missing;  /* … and the name of the first; owned */
	struct err err; /* what ended it early: names from there on are new */
};

/* tree: plaintext, borrowed until released; NULL: there is none */
void then_begin(struct then *t, const struct buf *tree);
/* then_at: the node of this name, valid until the next call; NULL: there is none.  Names come in
 * the order of a tree; the same one may come again. */
const struct node *then_at(struct then *t, const char *name);
/* then_differs: the node that then_at gave is nothing of what is there now: as if it had not been
 * asked for.  then_rest: what comes behind the last name is missed, too; only then are `missed` and
 * `missing` final. */
void then_differs(struct then *t);
void then_rest(struct then *t);
void then_release(struct then *t);

#endif
