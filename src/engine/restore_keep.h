/*
 * restore_keep: a node's metadata, kept until what it belongs to is written.  Made on the loop
 * thread, used by any one thread.
 */
#ifndef ENGINE_RESTORE_KEEP_H
#define ENGINE_RESTORE_KEEP_H
#include "base/wire.h"
#include "engine/restore.h"
#include "format/node.h"
#include "fs/dest.h"

/*
 * What all nodes of a restore share: the options, owners looked up by name, each once, and how many
 * files could not be given all that they had.
 */
struct restore_owners;
struct restore_owners *restore_owners_new(const struct restore_options *opt);
void restore_owners_free(struct restore_owners *o);
/* restore_owners_left: files that lack something, by enum dest_left. */
void restore_owners_left(const struct restore_owners *o, uint64_t left[DEST_LEFT_KINDS]);

struct restore_keep {
	struct dest_meta meta;
	struct xattr_list xattr;
	struct restore_owners *owners;
};
void restore_keep_node(struct restore_keep *k, const struct node *n, struct restore_owners *o);
/* restore_keep_put, restore_keep_get: the same on another rank; get sets in->bad if it is damaged,
 * and k is to be released all the same. */
void restore_keep_put(const struct restore_keep *k, struct buf *b);
void restore_keep_get(struct restore_keep *k, struct wire_in *in, struct restore_owners *o);
/* restore_keep_set: onto the open file fd (in any way, from dest_pin too). */
int restore_keep_set(struct restore_keep *k, int fd, struct err *err);
void restore_keep_release(struct restore_keep *k);

/*
 * restore_ours: what lies there, *was, may be written over and given n's metadata: a regular file
 * that is ours, and whose names all belong to the files that n is one of.  Into another one nothing
 * is written: somebody may have it open, or mean it by another name.
 */
bool restore_ours(struct restore_owners *o, const struct node *n, const struct meta *was);
/* restore_is_unfinished: what lies there was left so by an earlier restore of n: it is nobody's
 * file, neither kept nor newer. */
bool restore_is_unfinished(const struct node *n, const struct meta *was);

#endif
