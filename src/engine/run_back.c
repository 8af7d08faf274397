#include "engine/run.h"
#include "base/mem.h"

void run_back(struct backup *b, struct item *it)
{
	struct buf m;

	if (b->cancelled) {
		item_free(it);
		return;
	}
	tally_add(&b->tally, items_returned, 1);
	buf_init(&m, MESSAGE_MAX);
	item_pack(it, &m);
	router_send(b->r, (int)it->up.rank, TAG_BACK, &m);
	item_free(it);
}

void run_back_differs(struct backup *b, struct item *it, const struct meta *here)
{
	mem_free(it->by);
	it->by = mem_printf("rank %d%s%s", b->rank, b->env->node ? " on " : "",
		b->env->node ? b->env->node : "");
	sight_of(&it->other, here);
	run_back(b, it);
}

void run_on_back(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct wire_in w;
	struct item *it;
	struct err e;

	if (b->cancelled)
		return;
	wire_in_init(&w, m->data.p, m->data.len);
	it = item_unpack(&w);
	if (!it || !wire_done(&w) || it->up.rank != (uint32_t)b->rank ||
		(it->by && it->kind == ITEM_FILES && it->n != 1)) {
		item_free(it);
		err_set(&e, ERR_INVALID, "a damaged item came back from rank %d", m->from);
		run_fail(b, &e);
		return;
	}
	it->q.pinned = true; /* nobody else can do it */
	workq_push(b->queue, &it->q);
	run_more(b);
}
