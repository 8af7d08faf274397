/*
 * nodemake: a node from what the file system says (restic-format.md 10.1).
 */
#ifndef ENGINE_NODEMAKE_H
#define ENGINE_NODEMAKE_H
#include "format/node.h"
#include "fs/meta.h"
#include "fs/xattr.h"

struct nodemake {
	struct owners *owners;
	const struct zone *zone;
	bool with_atime;
};

/* nodemake_fill: everything but xattrs, link target, content and subtree.  Strings are borrowed from `name` and the owners table.  False for what is never stored (sockets, unknown types). */
bool nodemake_fill(const struct nodemake *k, struct node *n, const char *name, const struct meta *m);

/* nodemake_write: appends the node's JSON with these xattrs (may be NULL). */
void nodemake_write(const struct nodemake *k, struct node *n, const struct xattr_list *x, struct buf *out);

/* nodemake_same: the metadata of a node read from a parent tree is what `now` has (xattrs, content and subtree are not looked at). */
bool nodemake_same(const struct node *then, const struct node *now);

#endif
