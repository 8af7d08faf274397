/*
 * restore_keep: a node's metadata, kept until what it belongs to is written.  Made on the loop thread, used by any one thread.
 */
#ifndef ENGINE_RESTORE_KEEP_H
#define ENGINE_RESTORE_KEEP_H
#include "engine/restore.h"
#include "format/node.h"
#include "fs/restore_file.h"

/* What all nodes of a restore share: the options, and owners looked up by name, each once. */
struct restore_owners;
struct restore_owners *restore_owners_new(const struct restore_options *opt);
void restore_owners_free(struct restore_owners *o);

struct restore_keep {
	struct restore_meta meta;
	struct xattr_list xattr;
};
void restore_keep_node(struct restore_keep *k, const struct node *n, struct restore_owners *o);
/* restore_keep_set: onto (dirfd, name). */
int restore_keep_set(struct restore_keep *k, int dirfd, const char *name, struct err *err);
void restore_keep_release(struct restore_keep *k);

#endif
