#include "lib/jitter.h"
#include "comm/inbox.h"
#include <sched.h>

struct jitter {
	struct comm c;
	struct comm *inner;
	struct inbox *held; /* by sender */
	size_t n;
	uint64_t random;
};

uint64_t random_next(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static struct jitter *jitter_of(struct comm *c)
{
	return (struct jitter *)(void *)c;
}

static void jitter_send(struct comm *c, int to, uint32_t tag, struct buf *data)
{
	struct jitter *j = jitter_of(c);

	if (random_next(&j->random) % 8 == 0)
		sched_yield();
	comm_send(j->inner, to, tag, data);
}

static bool jitter_poll(struct comm *c, struct comm_msg *m)
{
	struct jitter *j = jitter_of(c);
	size_t k;

	while (comm_poll(j->inner, m)) {
		inbox_put(&j->held[m->from], inbox_new(m->from, m->tag, &m->data));
		j->n++;
	}
	if (!j->n || random_next(&j->random) % 3 == 0)
		return false;
	k = random_next(&j->random) % (uint64_t)c->size;
	while (!j->held[k].first)
		k = (k + 1) % (size_t)c->size;
	inbox_open(inbox_get(&j->held[k]), m);
	j->n--;
	return true;
}

static void jitter_idle(struct comm *c, struct loop *l, int64_t max_ns)
{
	struct jitter *j = jitter_of(c);

	if (j->n)
		loop_wait(l, (int64_t)(random_next(&j->random) % 100000));
	else
		comm_idle(j->inner, l, max_ns);
}

static bool jitter_sent(struct comm *c)
{
	return comm_sent(jitter_of(c)->inner);
}

static void jitter_free(struct comm *c)
{
	struct jitter *j = jitter_of(c);

	for (int i = 0; i < c->size; i++)
		inbox_release(&j->held[i]);
	mem_free(j->held);
	mem_free(j);
}

static const struct comm_vtable jitter_vtable = {.send = jitter_send,
	.poll = jitter_poll,
	.idle = jitter_idle,
	.sent = jitter_sent,
	.free = jitter_free};

struct comm *jitter_new(struct comm *inner, uint64_t seed)
{
	struct jitter *j = mem_zalloc(sizeof(*j));

	j->c = (struct comm){.vt = &jitter_vtable, .rank = inner->rank, .size = inner->size};
	j->inner = inner;
	j->held = mem_array((size_t)inner->size, sizeof(*j->held));
	j->random = seed + (uint64_t)inner->rank * 1000003;
	return &j->c;
}
