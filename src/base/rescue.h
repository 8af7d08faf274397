/*
 * rescue: what a process must still do when it gives up waiting for its own threads: one of them
 * hangs in a read that never returns, say.
 *
 * Who owns something that must not be left as it is (the index of what is stored, the lock)
 * registers how to put it in order from any thread.  The order of stages is the order of work.
 * Whoever runs a rescue ends the process afterwards: nothing is freed.
 */
#ifndef BASE_RESCUE_H
#define BASE_RESCUE_H
#include <stdbool.h>
#include <stddef.h>

enum rescue_stage { RESCUE_INDEX, RESCUE_LOCK, RESCUE_STAGES };

struct rescue;
struct rescue_item { /* embedded in its owner's struct */
	enum rescue_stage stage;
	void (*fn)(void *arg); /* on a thread that does nothing else; may block */
	void *arg;
	int state; /* rescue's */
	struct rescue_item *next;
};

struct rescue *rescue_new(void);
void rescue_free(struct rescue *r); /* NULL is fine */

/* rescue_add, rescue_drop: any thread; r NULL: nobody will rescue.  rescue_drop waits while the
 * item's fn runs; afterwards it is never called. */
void rescue_add(struct rescue *r, struct rescue_item *i);
void rescue_drop(struct rescue *r, struct rescue_item *i);

/* rescue_run: all items of a stage that have not been begun, one after the other.  Several threads
 * may run stages at once.  Returns how many were run. */
size_t rescue_run(struct rescue *r, enum rescue_stage stage);
bool rescue_empty(struct rescue *r); /* there is nothing to rescue */

#endif
