#include "ranks/router.h"
#include "base/mem.h"
#include <assert.h>

#define MESSAGES_A_TURN                                                                            \
	256 /* so that under a flood the loop's tasks and the batches have their turn too */
#define TURN_FNS 16

/* A message's tag for the mailbox: the router's in the low bits, the epoch above. */
#define TAG_BITS 8
#define TAG_MASK ((1u << TAG_BITS) - 1)

_Static_assert(ROUTER_TAGS <= 1 << TAG_BITS, "tags need more bits");

/*
 * A tag's epochs.  t->epoch is how often the tag was opened here; a message carries its sender's at
 * the time of sending.  All ranks open a tag equally often, so the n-th opening here is the n-th
 * there, and a message is for exactly one of them:
 *
 *     later than ours       its sender is ahead: held until this rank has opened so often
 *     ours, with a handler  handed over; behind those that are held, so that the order stays
 *     ours, closed again    nobody waits for it: dropped
 *     earlier               likewise
 *
 * Epoch 0 is a tag that was never opened: its messages are held for router_on, which has no epochs.
 *
 * What must be true: the held ones are in the order of arrival, which for one sender is the order
 * of sending; t->due is how many of them are for this epoch while there is a handler (else 0), and
 * r->due the sum, so that a turn with nothing due costs nothing.  router_on, _open and _close count
 * anew; a handler is not called from any of them, but from the turn alone.
 */
struct held {
	struct held *next;
	uint32_t epoch;
	struct comm_msg msg;
};

struct tag {
	bool taken;     /* by router_tags */
	bool known;     /* there is a handler, maybe NULL; until then messages are held */
	uint32_t epoch; /* how often it was opened */
	router_fn *fn;
	void *arg;
	struct held *first, **last;
	size_t due; /* of the held ones: those of this epoch, while there is a handler */
};

struct router {
	struct comm *comm;
	const struct env *env;
	struct tag tags[ROUTER_TAGS];
	size_t due; /* of all tags */
	struct {
		void (*fn)(void *arg);
		void *arg;
	} turn[TURN_FNS];
};

static size_t source_turn(void *r)
{
	return router_turn(r);
}

static void source_idle(void *r)
{
	router_idle(r, -1);
}

struct router *router_new(struct comm *c, const struct env *env)
{
	struct router *r = mem_zalloc(sizeof(*r));

	r->comm = c;
	r->env = env;
	for (size_t i = 0; i < ROUTER_TAGS; i++)
		r->tags[i].last = &r->tags[i].first;
	loop_source(env->loop, &(struct loop_source){source_turn, source_idle, r});
	return r;
}

/* The first held message that is not for a later epoch, out of the list. */
static struct held *unhold(struct tag *t, uint32_t epoch)
{
	struct held **p = &t->first, *h;

	while (*p && (*p)->epoch > epoch)
		p = &(*p)->next;
	h = *p;
	if (!h)
		return NULL;
	*p = h->next;
	if (!*p)
		t->last = p;
	return h;
}

static void held_free(struct held *h)
{
	buf_release(&h->msg.data);
	mem_free(h);
}

void router_free(struct router *r)
{
	if (!r)
		return;
	loop_source(r->env->loop, NULL);
	for (size_t i = 0; i < ROUTER_TAGS; i++) {
		struct held *h;

		while ((h = unhold(&r->tags[i], UINT32_MAX)))
			held_free(h);
	}
	mem_free(r);
}

int router_rank(const struct router *r)
{
	return r->comm->rank;
}

int router_size(const struct router *r)
{
	return r->comm->size;
}

struct loop *router_loop(const struct router *r)
{
	return r->env->loop;
}

const struct env *router_env(const struct router *r)
{
	return r->env;
}

static void set_due(struct router *r, struct tag *t)
{
	r->due -= t->due;
	t->due = 0;
	for (const struct held *h = t->first; h && t->known; h = h->next)
		t->due += h->epoch == t->epoch;
	r->due += t->due;
}

void router_on(struct router *r, unsigned tag, router_fn *fn, void *arg)
{
	struct tag *t = &r->tags[tag];

	assert(tag < ROUTER_TAGS);
	t->known = true;
	t->fn = fn;
	t->arg = arg;
	set_due(r, t);
}

void router_open(struct router *r, unsigned tag, router_fn *fn, void *arg)
{
	struct tag *t = &r->tags[tag];
	struct held *h;

	assert(tag < ROUTER_TAGS && !t->known);
	while ((h = unhold(t, t->epoch)))
		held_free(h);
	t->epoch++;
	router_on(r, tag, fn, arg);
}

void router_close(struct router *r, unsigned tag)
{
	struct tag *t = &r->tags[tag];
	struct held *h;

	assert(tag < ROUTER_TAGS);
	t->known = false;
	t->fn = NULL;
	t->arg = NULL;
	set_due(r, t);
	while ((h = unhold(t, t->epoch)))
		held_free(h);
}

unsigned router_tags(struct router *r, unsigned n)
{
	unsigned first = ROUTER_INSTANCES;

	for (unsigned t = first; t < first + n; t++) {
		assert(t < ROUTER_TAGS);
		if (r->tags[t].taken)
			first = t + 1;
	}
	for (unsigned t = first; t < first + n; t++)
		r->tags[t].taken = true;
	return first;
}

void router_tags_free(struct router *r, unsigned first, unsigned n)
{
	for (unsigned t = first; t < first + n; t++) {
		assert(r->tags[t].taken && !r->tags[t].known);
		r->tags[t].taken = false;
	}
}

/* With this rank's epoch: it has opened the tag as often as the receiver will have when it looks.
 */
void router_send(struct router *r, int to, unsigned tag, struct buf *data)
{
	assert(tag < ROUTER_TAGS);
	comm_send(r->comm, to, tag | r->tags[tag].epoch << TAG_BITS, data);
}

bool router_sent(struct router *r)
{
	return comm_sent(r->comm);
}

static void hold(struct router *r, struct tag *t, const struct comm_msg *m, uint32_t epoch)
{
	struct held *h = mem_zalloc(sizeof(*h));

	h->msg = *m;
	h->epoch = epoch;
	*t->last = h;
	t->last = &h->next;
	if (t->known && epoch == t->epoch) {
		t->due++;
		r->due++;
	}
}

static void deliver(struct router *r, struct comm_msg *m)
{
	uint32_t epoch = m->tag >> TAG_BITS;
	struct tag *t;

	m->tag &= TAG_MASK;
	t = m->tag < ROUTER_TAGS ? &r->tags[m->tag] : NULL;
	if (!t) {
		log_msg(&r->env->log, LOG_WARN, "message with unknown tag %u from rank %d dropped",
			(unsigned)m->tag, m->from);
	} else if (epoch > t->epoch || (!t->known && !t->epoch) || (epoch == t->epoch && t->due)) {
		/* Also behind those that are held already, so that their order stays. */
		hold(r, t, m, epoch);
		return;
	} else if (epoch == t->epoch && t->fn) {
		t->fn(t->arg, m);
	}
	buf_release(&m->data);
}

/* A handler may open and close tags, so everything is looked at afresh for each message. */
static size_t deliver_held(struct router *r, size_t max)
{
	size_t n = 0;

	for (unsigned i = 0; i < ROUTER_TAGS && r->due && n < max; i++) {
		struct tag *t = &r->tags[i];

		while (t->due && n < max) {
			struct held *h = unhold(t, t->epoch);

			t->due--;
			r->due--;
			if (t->fn)
				t->fn(t->arg, &h->msg);
			held_free(h);
			n++;
		}
	}
	return n;
}

/* Tasks first: what they send leaves with this turn's batches (the turn functions, last). */
size_t router_turn(struct router *r)
{
	size_t tasks = loop_run(r->env->loop), n = 0;
	struct comm_msg m;

	if (r->due)
		n = deliver_held(r, MESSAGES_A_TURN);
	while (n < MESSAGES_A_TURN && comm_poll(r->comm, &m)) {
		deliver(r, &m);
		n++;
	}
	for (size_t i = 0; i < TURN_FNS; i++)
		if (r->turn[i].fn)
			r->turn[i].fn(r->turn[i].arg);
	return tasks + n;
}

void router_idle(struct router *r, int64_t max_ns)
{
	if (!r->due)
		comm_idle(r->comm, r->env->loop, max_ns);
}

void router_on_turn(struct router *r, void (*fn)(void *arg), void *arg)
{
	size_t i = 0;

	while (i < TURN_FNS && r->turn[i].fn)
		i++;
	assert(i < TURN_FNS);
	r->turn[i].fn = fn;
	r->turn[i].arg = arg;
}

void router_off_turn(struct router *r, void (*fn)(void *arg), void *arg)
{
	for (size_t i = 0; i < TURN_FNS; i++) {
		if (r->turn[i].fn == fn && r->turn[i].arg == arg) {
			r->turn[i].fn = NULL;
			r->turn[i].arg = NULL;
			return;
		}
	}
}

struct aside {
	struct task task;
	void (*fn)(void *arg);
	void *arg;
	bool done;
};

static void aside_run(struct task *t)
{
	struct aside *a = task_of(t, struct aside, task);

	a->fn(a->arg);
}

static void aside_done(struct task *t)
{
	task_of(t, struct aside, task)->done = true;
}

void router_aside(struct router *r, void (*fn)(void *arg), void *arg)
{
	struct aside a = {.task = {.run = aside_run, .done = aside_done}, .fn = fn, .arg = arg};

	jobs_put(router_env(r)->readers, &a.task);
	loop_until(router_loop(r), &a.done);
}
