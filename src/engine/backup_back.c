#include "engine/backup_priv.h"
#include "base/mem.h"

void backup_back(struct backup *b, struct item *it)
{
	struct buf m;

	if (backup_cancelled(b)) {
		item_free(it);
		return;
	}
	tally_add(&b->tally, items_returned, 1);
	buf_init(&m, COMM_MAX);
	item_pack(it, &m);
	run_sent(b->run);
	router_send(b->r, (int)it->up.rank, TAG_BACK, &m);
	item_free(it);
}

void backup_back_differs(struct backup *b, struct item *it, const struct meta *here)
{
	mem_free(it->by);
	it->by = mem_printf("rank %d%s%s", b->rank, b->env->node ? " on " : "",
		b->env->node ? b->env->node : "");
	sight_of(&it->other, here);
	backup_back(b, it);
}

void backup_on_back(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct wire_in w;
	struct item *it;
	struct err e;

	wire_in_init(&w, m->data.p, m->data.len);
	it = item_unpack(&w);
	if (it && wire_done(&w) && it->up.rank == (uint32_t)b->rank &&
		!(it->by && it->kind == ITEM_FILES && it->n != 1)) {
		it->q.pinned = true; /* nobody else can do it */
		run_push(b->run, &it->q);
	} else {
		item_free(it);
		err_set(&e, ERR_INVALID, "a damaged item came back from rank %d", m->from);
		run_fail(b->run, &e);
	}
	run_came(b->run);
}
