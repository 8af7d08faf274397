#include "comm/comm.h"
#include <assert.h>

void comm_send(struct comm *c, int to, uint32_t tag, struct buf *data)
{
	struct buf none = {0};

	if (!data)
		data = &none;
	/* A writer that ran over its maximum must have noticed: half a message may not go out. */
	assert(to >= 0 && to < c->size);
	assert(!data->overflow && data->len <= COMM_MAX);
	c->vt->send(c, to, tag, data);
}

bool comm_poll(struct comm *c, struct comm_msg *m)
{
	return c->vt->poll(c, m);
}

void comm_idle(struct comm *c, struct loop *l, int64_t max_ns)
{
	c->vt->idle(c, l, max_ns);
}

bool comm_sent(struct comm *c)
{
	return c->vt->sent(c);
}

void comm_free(struct comm *c)
{
	if (c)
		c->vt->free(c);
}
