/*
 * Ranks as threads of one process: a mailbox is a locked queue, and a letter rings the bell (the
 * loop) of the rank it is for.
 *
 * comm_sent means what it means over a network, that the receivers have taken everything, so that a
 * rank which waits for it is held back in the same way here.  Locks are never nested: a letter's
 * receiver unlocks its own mailbox before it tells the sender.
 */
#include "comm/inbox.h"
#include <pthread.h>

struct mailbox {
	struct comm c;
	struct group *group;
	pthread_mutex_t lock;
	/* Under the lock: */
	struct inbox in;
	struct loop *bound;  /* by comm_threads_bind */
	struct loop *asleep; /* the rank is in comm_idle on this one: outside it nobody else touches
				its loop */
	size_t untaken;      /* letters of this rank that lie in mailboxes */
	bool waiting;        /* comm_sent said no: do not sleep when untaken is 0 */
	bool closed;         /* freed by its rank; only the memory is still there */
};

/* The memory lives until the last rank has freed its mailbox, because others may still write to it.
 */
struct group {
	pthread_mutex_t lock;
	int open;
	int size;
	struct mailbox *box;
};

static struct mailbox *mailbox_of(struct comm *c)
{
	return (struct mailbox *)(void *)c;
}

/* Under the mailbox's lock. */
static void ring(struct mailbox *b)
{
	struct loop *l = b->asleep ? b->asleep : b->bound;

	if (l)
		loop_poke(l);
}

static void taken(struct mailbox *sender)
{
	pthread_mutex_lock(&sender->lock);
	sender->untaken--;
	if (!sender->untaken && sender->waiting)
		ring(sender);
	pthread_mutex_unlock(&sender->lock);
}

static void threads_send(struct comm *c, int to, uint32_t tag, struct buf *data)
{
	struct mailbox *me = mailbox_of(c), *you = &me->group->box[to];
	struct inbox_msg *m = inbox_new(c->rank, tag, data);
	bool closed;

	/* Counted before it can be taken, so that untaken never goes below 0. */
	pthread_mutex_lock(&me->lock);
	me->untaken++;
	pthread_mutex_unlock(&me->lock);

	pthread_mutex_lock(&you->lock);
	closed = you->closed;
	if (!closed) {
		/* The owner never sleeps on a mailbox with something in it, so only the first
		 * letter rings. */
		if (!you->in.first)
			ring(you);
		inbox_put(&you->in, m);
	}
	pthread_mutex_unlock(&you->lock);
	if (closed) {
		buf_release(&m->msg.data);
		mem_free(m);
		taken(me);
	}
}

static bool threads_poll(struct comm *c, struct comm_msg *m)
{
	struct mailbox *me = mailbox_of(c);
	struct inbox_msg *x;

	pthread_mutex_lock(&me->lock);
	x = inbox_get(&me->in);
	pthread_mutex_unlock(&me->lock);
	if (!x)
		return false;
	inbox_open(x, m);
	taken(&me->group->box[m->from]);
	return true;
}

static void threads_idle(struct comm *c, struct loop *l, int64_t max_ns)
{
	struct mailbox *me = mailbox_of(c);
	bool sleep;

	pthread_mutex_lock(&me->lock);
	sleep = !me->in.first && !(me->waiting && !me->untaken);
	if (sleep)
		me->asleep = l;
	else
		me->waiting = false;
	pthread_mutex_unlock(&me->lock);
	if (!sleep)
		return;
	/* What comes from now on pokes the loop, and a poked loop does not sleep. */
	loop_wait(l, max_ns);
	pthread_mutex_lock(&me->lock);
	me->asleep = NULL;
	pthread_mutex_unlock(&me->lock);
}

static bool threads_sent(struct comm *c)
{
	struct mailbox *me = mailbox_of(c);
	bool sent;

	pthread_mutex_lock(&me->lock);
	sent = !me->untaken;
	me->waiting = !sent;
	pthread_mutex_unlock(&me->lock);
	return sent;
}

static void group_free(struct group *g)
{
	for (int i = 0; i < g->size; i++)
		pthread_mutex_destroy(&g->box[i].lock);
	pthread_mutex_destroy(&g->lock);
	mem_free(g->box);
	mem_free(g);
}

static void threads_free(struct comm *c)
{
	struct mailbox *me = mailbox_of(c);
	struct group *g = me->group;
	struct comm_msg m;
	bool last;

	pthread_mutex_lock(&me->lock);
	me->closed = true;
	me->bound = NULL;
	pthread_mutex_unlock(&me->lock);
	while (threads_poll(c, &m))
		buf_release(&m.data);
	pthread_mutex_lock(&g->lock);
	last = --g->open == 0;
	pthread_mutex_unlock(&g->lock);
	if (last)
		group_free(g);
}

static const struct comm_vtable threads_vtable = {.send = threads_send,
	.poll = threads_poll,
	.idle = threads_idle,
	.sent = threads_sent,
	.free = threads_free};

void comm_threads_new(int n, struct comm **out)
{
	struct group *g = mem_zalloc(sizeof(*g));

	pthread_mutex_init(&g->lock, NULL);
	g->open = g->size = n;
	g->box = mem_array((size_t)n, sizeof(*g->box));
	for (int i = 0; i < n; i++) {
		struct mailbox *b = &g->box[i];

		b->c = (struct comm){.vt = &threads_vtable, .rank = i, .size = n};
		b->group = g;
		pthread_mutex_init(&b->lock, NULL);
		out[i] = &b->c;
	}
}

void comm_threads_bind(struct comm *c, struct loop *l)
{
	struct mailbox *me = mailbox_of(c);

	pthread_mutex_lock(&me->lock);
	me->bound = l;
	pthread_mutex_unlock(&me->lock);
}
