/* inbox: a queue of messages, oldest first.  For the mailboxes of this room.  No locks. */
#ifndef COMM_INBOX_H
#define COMM_INBOX_H
#include "base/mem.h"
#include "comm/comm.h"

struct inbox_msg {
	struct inbox_msg *next;
	struct comm_msg msg;
};

struct inbox {
	struct inbox_msg *first, *last;
};

/* inbox_new: a message that takes the contents of data, not yet in any queue. */
static inline struct inbox_msg *inbox_new(int from, uint32_t tag, struct buf *data)
{
	struct inbox_msg *m = mem_zalloc(sizeof(*m));

	m->msg.from = from;
	m->msg.tag = tag;
	buf_move(&m->msg.data, data);
	return m;
}

static inline void inbox_put(struct inbox *q, struct inbox_msg *m)
{
	m->next = NULL;
	if (q->last)
		q->last->next = m;
	else
		q->first = m;
	q->last = m;
}

static inline struct inbox_msg *inbox_get(struct inbox *q)
{
	struct inbox_msg *m = q->first;

	if (m) {
		q->first = m->next;
		if (!q->first)
			q->last = NULL;
	}
	return m;
}

/* inbox_open: the message to its reader; frees the rest of it. */
static inline void inbox_open(struct inbox_msg *m, struct comm_msg *to)
{
	*to = m->msg;
	mem_free(m);
}

static inline void inbox_release(struct inbox *q)
{
	struct inbox_msg *m;

	while ((m = inbox_get(q))) {
		buf_release(&m->msg.data);
		mem_free(m);
	}
}

#endif
