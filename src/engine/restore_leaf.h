/*
 * restore_leaf: a node that is no directory: what is to become of it where it lies, and the kinds
 * that have no content.  Loop thread.
 */
#ifndef ENGINE_RESTORE_LEAF_H
#define ENGINE_RESTORE_LEAF_H
#include "engine/restore_window.h"

enum restore_leaf_verdict { RESTORE_LEAF_MAKE, RESTORE_LEAF_METADATA, RESTORE_LEAF_SKIP };

/* What lies where something is to be restored. */
struct restore_leaf_place {
	enum restore_place kind;
	struct meta was;
};

/* restore_leaf_judge: --overwrite: what to do about what lies there, *p. */
enum restore_leaf_verdict restore_leaf_judge(struct restore_dirs *s, const struct restore_dir *d,
	const char *name, const struct node *n, struct restore_leaf_place *p);

/* restore_leaf_other: makes a link, a FIFO, a device. */
void restore_leaf_other(struct restore_dirs *s, const struct restore_dir *d, const char *name,
	const struct node *n, const struct restore_leaf_place *p);

/*
 * restore_leaf_same_link: a symbolic link has no mode that would tell that an earlier restore did
 * not finish it: one that leads to the same place gets its owner and time, whatever is kept.
 */
bool restore_leaf_same_link(const struct restore_dir *d, const char *name, const struct node *n,
	const struct meta *was);
/* restore_leaf_keep: what is there stays, with new metadata.  restore_leaf_skipped: it stays as it
 * is. */
void restore_leaf_keep(struct restore_dirs *s, const struct restore_dir *d, const char *name,
	const struct node *n, const struct meta *was);
void restore_leaf_skipped(struct restore_dirs *s, const struct restore_dir *d, const char *name,
	uint64_t size);

#endif
