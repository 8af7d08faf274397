/*
 * env: what a rank's code may not take from thin air: time, randomness, where messages go, its
 * loop, its workers and its memory bound. One per rank.  Everything is borrowed; the owner (cmd or
 * a test) frees it after the last user.
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

#endif
