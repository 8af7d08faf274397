/*
 * router: gives each message of a rank's mailbox to the module that handles its tag.  Loop thread
 * only.
 *
 * Ranks do not enter and leave a phase at the same time.  So messages of a tag that has no handler
 * yet are held and given to its first handler, in order, in a later turn.  And a module that all
 * ranks start and end several times opens and closes its tags: messages say for the how-many-th
 * opening they are, early ones are held for that one, late ones are dropped.
 *
 * The router is its loop's source: loop_until turns both.
 */
#ifndef RANKS_ROUTER_H
#define RANKS_ROUTER_H
#include "base/env.h"
#include "base/wire.h"
#include "comm/comm.h"

enum router_tag {                              /* who sends what to whom */
	ROUTER_AGREE,                          /* agree: each -> rank 0: a value and an error */
	ROUTER_AGREED,                         /* agree: rank 0 -> each: the worst, or go on */
	ROUTER_BCAST,                          /* agree: rank 0 -> each: bytes */
	ROUTER_ENGINE,                         /* from here on: the engine's own */
	ROUTER_INSTANCES = ROUTER_ENGINE + 16, /* router_tags: all others */
	ROUTER_TAGS = ROUTER_INSTANCES + 128
};

/* A handler borrows msg->data until it returns; it may move it out. */
typedef void router_fn(void *arg, struct comm_msg *msg);

struct router;
struct router *router_new(struct comm *c, const struct env *env); /* borrows both */
void router_free(struct router *r);
int router_rank(const struct router *r);
int router_size(const struct router *r);
struct loop *router_loop(const struct router *r);
const struct env *router_env(const struct router *r);
/* fn NULL: messages of this tag are dropped */
void router_on(struct router *r, unsigned tag, router_fn *fn, void *arg);
/*
 * router_open: as router_on, on all ranks equally often; each opening is a new epoch. router_close:
 * until the next one there is no handler.
 */
void router_open(struct router *r, unsigned tag, router_fn *fn, void *arg);
void router_close(struct router *r, unsigned tag);
/*
 * router_tags: n tags in a row for one instance of a module that a process may have several of:
 * the first free ones, so where all ranks take and give back in the same order, all have the same.
 * To be opened and closed, not router_on: who has a tag next must not hear what was for the last.
 * router_tags_free: gives them back, closed.
 */
unsigned router_tags(struct router *r, unsigned n);
void router_tags_free(struct router *r, unsigned first, unsigned n);
/* takes the contents; to oneself too */
void router_send(struct router *r, int to, unsigned tag, struct buf *data);
bool router_sent(struct router *r); /* comm_sent */

/*
 * router_turn: run posted tasks and arrived messages (at most a bounded number of each); returns
 * how many.  router_idle: sleep as comm_idle.
 */
size_t router_turn(struct router *r);
void router_idle(struct router *r, int64_t max_ns);
/* router_on_turn: fn(arg) is called at the end of each turn: for batches that wait for more.
 * router_off_turn: no longer. */
void router_on_turn(struct router *r, void (*fn)(void *arg), void *arg); /* up to 16 */
void router_off_turn(struct router *r, void (*fn)(void *arg), void *arg);
/*
 * router_aside: fn(arg) on a reader's thread, and turns until it has returned.  For what may hang:
 * the main thread must be there to take signals, and others' messages.
 */
void router_aside(struct router *r, void (*fn)(void *arg), void *arg);

#endif
