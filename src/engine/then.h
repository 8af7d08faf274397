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
	struct err err; /* what ended it early: names from there on are new */
};

/* tree: plaintext, borrowed until released; NULL: there is none */
void then_begin(struct then *t, const struct buf *tree);
/* then_at: the node of this name, valid until the next call; NULL: there is none.  Names come in
 * the order of a tree; the same one may come again. */
const struct node *then_at(struct then *t, const char *name);
void then_release(struct then *t);

#endif
