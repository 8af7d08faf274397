#include "ranks/workq.h"
#include "base/le.h"
#include "base/mem.h"
#include <assert.h>

/*
 * STEAL: idle rank -> victim; it has no contents.  LOOT: victim -> thief: u32 number of items,
 * maybe 0, then the items as the engine packs them.
 *
 * One question at a time, to the rank that gave last or else to a random one.  After an empty
 * answer the thief pauses, twice as long each time, so that at the end of a run, when hundreds wait
 * for the last big file, their questions stay a trickle.
 *
 * A victim that has nothing left asks in its turn, and its question comes with the loot: the thief
 * keeps at least one item until its engine has looked at them (`fresh`), or the last one would go
 * to and fro for ever.
 */
#define PAUSE_FIRST ((int64_t)1000000)
#define PAUSE_MAX   ((int64_t)50000000)
#define LOOT_SIZE   ((size_t)4 << 20) /* bytes after which no further item goes into an answer */

enum message { STEAL, LOOT };
_Static_assert(LOOT + 1 == WORKQ_TAGS, "one tag for each message");

struct workq {
	struct router *r;
	unsigned tag; /* of the first message */
	struct loop *loop;
	struct workq_ops ops;
	struct workq_item *newest, *oldest;
	size_t count, pinned;
	bool want, stopped;
	bool fresh;   /* items came, and the engine has not looked yet */
	bool asked;   /* a STEAL is not yet answered */
	bool resting; /* the timer is set */
	struct task rest;
	int64_t pause;
	int giver; /* who gave last, or -1 */
	uint64_t random;
	uint64_t stolen, lost;
};

static void link_newest(struct workq *q, struct workq_item *it)
{
	it->newer = NULL;
	it->older = q->newest;
	if (q->newest)
		q->newest->newer = it;
	else
		q->oldest = it;
	q->newest = it;
	q->count++;
	q->pinned += it->pinned;
}

static void unlink_item(struct workq *q, struct workq_item *it)
{
	if (it->newer)
		it->newer->older = it->older;
	else
		q->newest = it->older;
	if (it->older)
		it->older->newer = it->newer;
	else
		q->oldest = it->newer;
	it->newer = it->older = NULL;
	q->count--;
	q->pinned -= it->pinned;
}

/* Marsaglia's xorshift with 64 bits of state: enough to spread the questions. */
static int random_victim(struct workq *q)
{
	uint32_t others = (uint32_t)router_size(q->r) - 1;
	int v;

	q->random ^= q->random << 13;
	q->random ^= q->random >> 7;
	q->random ^= q->random << 17;
	v = (int)((q->random >> 32) * others >> 32);
	return v < router_rank(q->r) ? v : v + 1;
}

static void maybe_ask(struct workq *q)
{
	int victim;

	if (!q->want || q->count || q->stopped || q->asked || q->resting || router_size(q->r) == 1)
		return;
	victim = q->giver >= 0 ? q->giver : random_victim(q);
	q->asked = true;
	router_send(q->r, victim, q->tag + STEAL, NULL);
}

static void rested(struct task *t)
{
	struct workq *q = task_of(t, struct workq, rest);

	q->resting = false;
	maybe_ask(q);
}

static void rest(struct workq *q)
{
	if (q->resting || q->stopped)
		return;
	q->resting = true;
	loop_after(q->loop, q->pause, &q->rest);
	q->pause = 2 * q->pause < PAUSE_MAX ? 2 * q->pause : PAUSE_MAX;
}

static void on_steal(void *arg, struct comm_msg *m)
{
	struct workq *q = arg;
	size_t most = q->stopped ? 0 : (q->count - q->pinned + !q->fresh) / 2;
	struct workq_item *it = q->oldest;
	uint32_t n = 0;
	struct buf b;

	buf_init(&b, COMM_MAX);
	wire_put_u32(&b, 0);
	while (it && n < most && b.len < LOOT_SIZE) {
		struct workq_item *newer = it->newer;

		if (!it->pinned) {
			unlink_item(q, it);
			q->ops.pack(q->ops.arg, it, &b);
			n++;
		}
		it = newer;
	}
	le32_put(b.p, n);
	router_send(q->r, m->from, q->tag + LOOT, &b);
	maybe_ask(q);
}

static void on_loot(void *arg, struct comm_msg *m)
{
	struct workq *q = arg;
	struct wire_in w;
	uint32_t n, got = 0;
	bool damaged;

	wire_in_init(&w, m->data.p, m->data.len);
	n = wire_u32(&w);
	while (got < n) {
		struct workq_item *it = q->ops.unpack(q->ops.arg, &w);

		if (!it)
			break;
		link_newest(q, it);
		got++;
	}
	damaged = got < n || !wire_done(&w);
	q->asked = false;
	q->stolen += got;
	q->fresh |= got > 0;
	if (damaged) {
		struct err e;

		q->lost += n - got;
		err_set(&e, ERR_INVALID, "damaged message with work from rank %d", m->from);
		q->ops.failed(q->ops.arg, &e);
	}
	if (got) {
		q->pause = PAUSE_FIRST;
		q->giver = m->from;
		q->ops.arrived(q->ops.arg);
	} else {
		q->giver = -1;
		rest(q);
	}
	maybe_ask(q);
}

struct workq *workq_new(struct router *r, unsigned tag, const struct env *env,
	const struct workq_ops *ops)
{
	struct workq *q = mem_zalloc(sizeof(*q));

	q->r = r;
	q->tag = tag;
	q->loop = env->loop;
	q->ops = *ops;
	q->rest.done = rested;
	q->pause = PAUSE_FIRST;
	q->giver = -1;
	/* Never 0, and far apart for neighbours. */
	q->random = ((uint64_t)router_rank(r) + 1) * 0x9e3779b97f4a7c15u;
	router_open(r, tag + STEAL, on_steal, q);
	router_open(r, tag + LOOT, on_loot, q);
	return q;
}

void workq_push(struct workq *q, struct workq_item *it)
{
	link_newest(q, it);
	q->pause = PAUSE_FIRST;
}

struct workq_item *workq_pop(struct workq *q)
{
	struct workq_item *it = q->newest;

	q->fresh = false;
	if (it)
		unlink_item(q, it);
	maybe_ask(q);
	return it;
}

size_t workq_count(const struct workq *q)
{
	return q->count;
}

void workq_want(struct workq *q, bool yes)
{
	q->want = yes;
	q->fresh = false;
	maybe_ask(q);
}

void workq_stop(struct workq *q)
{
	q->stopped = true;
	if (q->resting)
		loop_cancel(q->loop, &q->rest);
	q->resting = false;
}

uint64_t workq_stolen(const struct workq *q)
{
	return q->stolen;
}

uint64_t workq_lost(const struct workq *q)
{
	return q->lost;
}

void workq_free(struct workq *q)
{
	if (!q)
		return;
	assert(!q->count);
	workq_stop(q);
	router_close(q->r, q->tag + STEAL);
	router_close(q->r, q->tag + LOOT);
	mem_free(q);
}
