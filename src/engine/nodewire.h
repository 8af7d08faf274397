/*
 * nodewire: a node as it is in memory, in a message to another rank: what restoring needs of it.
 * Its text for a tree is format/node.h's.
 */
#ifndef ENGINE_NODEWIRE_H
#define ENGINE_NODEWIRE_H
#include "base/wire.h"
#include "format/node.h"

/* nodewire_put: all but ctime, error, generic and subtree. */
void nodewire_put(struct buf *b, const struct node *n);

struct nodewire {         /* zeroed before its first use */
	struct node node; /* borrows from the message, and from this, until the next get */
	struct node_xattr *xattr;
	size_t cap;
};
/* nodewire_get: false: damaged, or no name that a file can have. */
bool nodewire_get(struct wire_in *in, struct nodewire *w);
void nodewire_release(struct nodewire *w);

/* nodewire_put_time, nodewire_time: a time, for those who send metadata. */
void nodewire_put_time(struct buf *b, const struct ts *t);
void nodewire_time(struct wire_in *in, struct ts *t);

#endif
