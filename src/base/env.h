/*
 * env: what a rank's code may not take from thin air: time, randomness, where messages go, its
 * loop, its workers and its memory bound. One per rank.  Who uses it borrows all of it; the owner
 * (cmd or a test) releases it after the last user.
 */
#ifndef BASE_ENV_H
#define BASE_ENV_H
#include "base/budget.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/rescue.h"

struct env {
	const struct clock *clock;
	const struct rnd *rnd;
	const struct zone *zone;
	const char *node; /* the machine's name, for messages; NULL: has none */
	struct log log;
	struct loop *loop;
	struct jobs *cpu;      /* hash, compress, seal, decode */
	struct jobs *readers;  /* may block on the file system */
	struct budget *budget; /* bytes of plaintext in flight */
	struct rescue *rescue; /* what is to be put in order if the process must end at once; NULL:
				  nothing */
};

/* env_init: the real clock and randomness, a loop of this thread; nothing else yet. */
void env_init(struct env *e);
/* env_start: so many threads for each kind of work (at least 1), and bytes in flight.  Once. */
void env_start(struct env *e, size_t cpu, size_t readers, size_t bytes);
/*
 * env_stop: the threads end once they have done what is queued, and what comes of it runs on the
 * loop; before that is freed which their tasks use.  env_release: the rest too.  Both accept an env
 * that was not started, and env_release a zeroed one.
 */
void env_stop(struct env *e);
void env_release(struct env *e);

#endif
