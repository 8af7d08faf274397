/*
 * witness: what another rank sees for the first time, rank 0 looks at too: an owner, a file system.
 *
 * A node may translate owners (id mapping, user namespaces), call them otherwise, or have a file
 * system mounted without extended attributes; then what it lists by itself would be saved so.  Rank
 * 0's names are those that are stored; where it has none, the first that another rank knows.
 */
#ifndef ENGINE_WITNESS_H
#define ENGINE_WITNESS_H
#include "ranks/router.h"
#include "fs/meta.h"

/*
 * witness_new: on every rank, of at least two; the tags are asked and answered on.  owners: the
 * table that nodes are made with, borrowed; on a rank > 0 it is filled from here.  failed(arg, e)
 * on rank 0's loop: a rank sees something else; e names node and path.
 */
struct witness;
struct witness *witness_new(struct router *r, unsigned ask_tag, unsigned answer_tag,
	struct owners *owners, const char *node, void (*failed)(void *arg, const struct err *e),
	void *arg);
void witness_free(struct witness *w); /* nobody waits any more; NULL is fine.  Runs the loop once */
void witness_cancel(struct witness *w); /* who waits goes on, and nobody waits from now on; NULL is
					   fine.  Loop thread */

/*
 * witness_news: m's owner or group is new to this rank, or is what the kernel shows for one that it
 * cannot name and was not asked about in this directory: call witness_owner.  False on rank 0 and
 * for w NULL.  *last, zero at first, is what one directory or item had before.  Any thread.
 */
struct witness_last {
	bool any, nobody;
	uint32_t uid, gid;
};
bool witness_news(struct witness *w, struct witness_last *last, const struct meta *m);

/*
 * witness_owner: path (absolute) is m here: returns once rank 0 was asked whether it is so there.
 * witness_directory: likewise for the directory open at fd, if its owner is news or its file system
 * is new to this rank: then with the kinds of attributes that can be read.  Any thread but the
 * loop's: they wait.
 */
void witness_owner(struct witness *w, const struct meta *m, const char *path);
void witness_directory(struct witness *w, struct witness_last *last, int fd, const struct meta *m,
	const char *path);

#endif
