/*
 * restore_layout: where each blob of a file lies, in the file and in which pack: settled before a
 * byte of the file is written.
 */
#ifndef ENGINE_RESTORE_LAYOUT_H
#define ENGINE_RESTORE_LAYOUT_H
#include "engine/restore_window.h"

/* restore_layout_add: adds the uses of f, which n is, to w.  An error: f has none. */
int restore_layout_add(struct restore_window *w, struct restore_file *f, const struct node *n,
	struct err *err);
/*
 * restore_layout: asks the catalog where the blobs of all files lie, and calls done(w) on the loop,
 * maybe before it returns.  The lengths that the index gives must make up the size that the node
 * has; where a blob lies in several packs, and the index says different lengths, those that do are
 * taken.  A file for which that cannot be has failed, and has no uses.
 */
void restore_layout(struct restore_window *w, void (*done)(struct restore_window *w));

#endif
