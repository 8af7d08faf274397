/*
 * restore_layout: where each blob of a file lies, in the file and in which pack: settled before a
 * byte of the file is written.
 */
#ifndef ENGINE_RESTORE_LAYOUT_H
#define ENGINE_RESTORE_LAYOUT_H
#include "engine/restore_window.h"

/*
 * restore_layout: adds the uses of f, which n is, to w.  The lengths that the index gives must make
 * up the size that the node has; where a blob lies in several packs, and the index says different
 * lengths, those that do are taken.  An error: f has no uses.
 */
int restore_layout(struct restore_window *w, struct restore_file *f, const struct node *n,
	struct err *err);

#endif
