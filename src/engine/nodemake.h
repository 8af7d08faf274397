/*
 * nodemake: a node from what the file system says (docs/format.md 10.1).
 */
#ifndef ENGINE_NODEMAKE_H
#define ENGINE_NODEMAKE_H
#include "engine/view.h"
#include "engine/witness.h"
#include "format/node.h"
#include "fs/meta.h"
#include "fs/xattr.h"

struct nodemake {
	struct owners *owners;
	const struct zone *zone;
	bool with_atime;
	const struct mounts_map *mounts; /* to rank 0's device numbers; NULL: they are ours */
	const struct view *view;         /* whom to ask when a file is missing; NULL: nobody */
	struct witness *witness;         /* and about owners that are new to this rank */
	struct ts young; /* about now: what has changed since then may have got an inode number that
			    this run has seen before */
};

/*
 * nodemake_stat: meta_stat with rank 0's device number.  All metadata that becomes a node comes
 * from here or goes through nodemake_device once.
 */
int nodemake_stat(const struct nodemake *k, int dirfd, const char *name, bool follow,
	struct meta *m, struct err *err);
void nodemake_device(const struct nodemake *k, struct meta *m);

/*
 * nodemake_fill: everything but xattrs, link target, content and subtree.  Strings are borrowed
 * from `name` and the owners table.  False for what is never stored (sockets, unknown types).
 */
bool nodemake_fill(const struct nodemake *k, struct node *n, const char *name,
	const struct meta *m);

/*
 * nodemake_link: what tells whether two names of one inode number are one file
 * (docs/adr/0009-hard-links.md): the key of device and inode, and what linkset_alike says.  x: its
 * attributes, may be NULL.  False when n, whose content is known, need not be asked about: a
 * directory, or it has one link and is older than this run, so that no file that this run has seen
 * before had its number.
 */
struct catalog_first;
bool nodemake_link(const struct nodemake *k, struct node *n, const struct xattr_list *x,
	struct catalog_first *out);
/* nodemake_content: a name for a file's content: SHA-256 over the ids of its blobs. */
void nodemake_content(const struct id *content, size_t n, struct id *out);
/* nodemake_apart: as node_apart, before n is written. */
void nodemake_apart(struct node *n);

/* nodemake_write: appends the node's JSON with these xattrs (may be NULL). */
void nodemake_write(const struct nodemake *k, struct node *n, const struct xattr_list *x,
	struct buf *out);

/* nodemake_same: the metadata of a node read from a parent tree is what `now` has (xattrs, content
 * and subtree are not looked at). */
bool nodemake_same(const struct node *then, const struct node *now);

#endif
