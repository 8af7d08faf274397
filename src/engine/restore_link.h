/*
 * restore_link: files that are one inode: the first name gets the content, the others become links to it once it is written.  Loop thread
 * only.
 */
#ifndef ENGINE_RESTORE_LINK_H
#define ENGINE_RESTORE_LINK_H
#include "engine/restore_window.h"

/* The first name of an inode that has several. */
struct restore_first {
	char *path; /* below the target */
	bool lost;  /* its content could not be restored */
};

struct restore_links;
struct restore_links *restore_links_new(void);
void restore_links_free(struct restore_links *l); /* after all windows */

/*
 * restore_links_first: n (with more than one link) is about to be restored as `path`: the first name of its inode, which is this one if
 * *is_new.  Lives as long as the table.
 */
struct restore_first *restore_links_first(struct restore_links *l, const struct node *n, const char *path, bool *is_new);
/* restore_links_find: the first name, or NULL. */
struct restore_first *restore_links_find(struct restore_links *l, const struct node *n);

/* restore_links_add: n in dir becomes a link to `first` when w and all windows before it are done.  taken: something lies there. */
void restore_links_add(
	struct restore_window *w, struct restore_dir *dir, const struct node *n, const struct restore_first *first, bool taken);
/* restore_links_make: all of w; frees them. */
void restore_links_make(struct restore_window *w);

#endif
