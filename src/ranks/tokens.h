/*
 * tokens: rank 0 logs in to a Swift store, the other ranks ask it for its token.  So N ranks make
 * one login and one renewal, and a password is needed on one node only.
 *
 * Rank 0 gives what its store's keeper has.  On another rank tokens_source() is the source of its
 * store's keeper: a question is posted to the loop, goes to rank 0 as "a token other than the
 * n-th", and the answer comes back as a message.  So a store that waits for a token needs the loop
 * to turn: nothing on the loop's thread of a rank > 0 may block for the store.
 */
#ifndef RANKS_TOKENS_H
#define RANKS_TOKENS_H
#include "backend/swift_token.h"
#include "ranks/router.h"

struct tokens;
struct tokens *tokens_new(struct router *r); /* on each rank; borrows r */

/* tokens_serve(t, k): rank 0: give what k has; borrowed until tokens_stop. */
void tokens_serve(struct tokens *t, struct swift_keeper *k);

/* tokens_source(t): ranks > 0: for backend_options; arg is the struct tokens, which must outlive
 * it. */
struct swift_token_source *tokens_source(void *arg);

/*
 * tokens_stop(t): no question is asked or answered any more; open ones end with ERR_CANCELLED.
 * Before backend_free, which waits for them.  tokens_free: after backend_free and one more turn of
 * the loop; NULL is fine.
 */
void tokens_stop(struct tokens *t);
void tokens_free(struct tokens *t);

#endif
