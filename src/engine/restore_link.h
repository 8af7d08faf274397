/*
 * restore_link: files that are one inode (linkset.h): the first name gets the content, the others
 * become links to it once it is written.
 */
#ifndef ENGINE_RESTORE_LINK_H
#define ENGINE_RESTORE_LINK_H
#include "engine/linkset.h"
#include "engine/restore_window.h"

/*
 * restore_links_add: n in dir becomes a link to `first` when w and all windows before it are done;
 * a copy where links cannot be made, which is counted and said once.  taken: something lies there.
 * restore_links_kept: what lies there is kept, and is replaced by a link only if nobody could tell
 * the two apart: it was restored before its first name was, by a restore that was killed.
 * Loop thread.
 */
void restore_links_add(struct restore_window *w, struct restore_dir *dir, const struct node *n,
	const struct linkset_first *first, bool taken);
void restore_links_kept(struct restore_window *w, struct restore_dir *dir, const struct node *n,
	const struct linkset_first *first);
/* restore_links_make: all of w; frees them.  Loop thread. */
void restore_links_make(struct restore_window *w);

/*
 * restore_link_twin: f is wanted, and `f->twin` is the path of another name of it that was kept. If
 * that one has f's content and metadata, f becomes a link to it: true.  A worker's.
 */
bool restore_link_twin(struct restore_file *f, struct repo_ctx *ctx);

#endif
