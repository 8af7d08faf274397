#include "engine/run.h"
#include "base/mem.h"

static void cancel_here(struct backup *b, enum run_end how)
{
	struct workq_item *it;

	if (how == RUN_WINDS_UP) {
		saver_wind_up(b->saver);
	} else {
		saver_cancel(b->saver);
		lastpacks_cancel(b->lastpacks);
		/* An upload that waits for another try would hold all ranks up.  Rank 0 still has
		 * an index to save and a lock to remove. */
		if (b->rank != 0)
			backend_retry_cancel(b->repo->be);
	}
	if (how == RUN_STOPPED && b->ev->stopped)
		b->ev->stopped(b->ev->arg);
	if (b->cancelled)
		return;
	b->cancelled = true;
	witness_cancel(b->witness);
	workq_stop(b->queue);
	while ((it = workq_pop(b->queue)) != NULL)
		item_free(task_of(it, struct item, q));
	b->flush_asked = true;
}

static void ask_for(struct backup *b, enum run_end how, const struct err *e)
{
	struct buf m;

	if (b->asked >= how)
		return;
	b->asked = how;
	if (!b->err.code)
		b->err = *e;
	buf_init(&m, MESSAGE_MAX);
	wire_put_u8(&m, (uint8_t)how);
	wire_put_u32(&m, (uint32_t)-e->code);
	wire_put_bytes(&m, e->msg, strlen(e->msg));
	router_send(b->r, 0, TAG_FAIL, &m);
}

void run_fail(struct backup *b, const struct err *e)
{
	ask_for(b, RUN_CANCELLED, e);
}

void run_stop(struct backup *b, const struct err *why)
{
	ask_for(b, RUN_STOPPED, why);
}

void run_wind_up(struct backup *b, const struct err *why)
{
	ask_for(b, RUN_WINDS_UP, why);
}

void run_failed(void *arg, const struct err *e)
{
	run_fail(arg, e);
}

static enum run_end run_end_of(uint8_t how)
{
	return how == RUN_WINDS_UP || how == RUN_STOPPED ? (enum run_end)how : RUN_CANCELLED;
}

void run_on_fail(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct wire_in w;
	const uint8_t *msg;
	enum run_end how;
	size_t n;
	int code;

	wire_in_init(&w, m->data.p, m->data.len);
	how = run_end_of(wire_u8(&w));
	code = -(int)wire_u32(&w);
	msg = wire_bytes(&w, &n);
	if (!b->err.code && m->from == 0)
		err_set(&b->err, code ? code : ERR_IO, "%.*s", (int)n, (const char *)msg);
	if (b->told >= how)
		return;
	b->told = how;
	for (int i = 0; i < b->size; i++) {
		struct buf c;

		buf_init(&c, 1);
		wire_put_u8(&c, (uint8_t)how);
		router_send(b->r, i, TAG_CANCEL, &c);
	}
}

void run_on_cancel(void *arg, struct comm_msg *m)
{
	cancel_here(arg, run_end_of(m->data.len == 1 ? m->data.p[0] : RUN_CANCELLED));
	run_more(arg);
}

/* ---- saying ---- */

static void note_here(struct backup *b, const char *action, const char *path, const char *message,
	uint64_t size)
{
	if (action && !strcmp(action, WALK_WARNING)) {
		log_msg(&b->env->log, LOG_WARN, "%s: %s", path, message);
	} else if (action) {
		if (b->ev->item)
			b->ev->item(b->ev->arg, action, path, size);
	} else if (b->ev->error) {
		b->ev->error(b->ev->arg, path, message);
	}
}

void run_note(struct backup *b, const char *action, const char *path, const char *message,
	uint64_t size)
{
	struct buf m;

	if (!action)
		tally_add(&b->tally, errors, 1);
	if (b->rank == 0) {
		note_here(b, action, path, message, size);
		return;
	}
	buf_init(&m, MESSAGE_MAX);
	wire_put_bytes(&m, action ? action : "", action ? strlen(action) : 0);
	wire_put_bytes(&m, path, strlen(path));
	wire_put_bytes(&m, message ? message : "", message ? strlen(message) : 0);
	wire_put_u64(&m, size);
	router_send(b->r, 0, TAG_NOTE, &m);
}

void run_on_note(void *arg, struct comm_msg *m)
{
	struct wire_in w;
	char *s[3];

	wire_in_init(&w, m->data.p, m->data.len);
	for (int i = 0; i < 3; i++) {
		size_t n;
		const uint8_t *p = wire_bytes(&w, &n);

		s[i] = mem_strndup((const char *)p, n);
	}
	note_here(arg, *s[0] ? s[0] : NULL, s[1], s[2], wire_u64(&w));
	for (int i = 0; i < 3; i++)
		mem_free(s[i]);
}

void run_notes(struct backup *b, const struct walk_note *n, size_t count)
{
	for (size_t i = 0; i < count; i++)
		run_note(b, n[i].action, n[i].path, n[i].message, n[i].size);
}

void run_item(struct backup *b, const char *action, const char *dir, const char *name,
	uint64_t size)
{
	struct walk_note *n = NULL;
	size_t count = 0;

	if (!b->opt->verbose_items)
		return;
	walk_say(&n, &count, dir, name, action, size, NULL);
	run_notes(b, n, count);
	walk_notes_release(n, count);
}

/* ---- counting ---- */

void run_counts(const struct backup *b, struct backup_counts *c)
{
	struct saver_stats s;
	struct loader_stats l;

	memset(c, 0, sizeof(*c));
	tally_read(&b->tally, c);
	saver_stats(b->saver, &s);
	loader_stats(b->loader, &l);
	c->data_blobs = s.data_blobs;
	c->tree_blobs = s.tree_blobs;
	c->data_added = s.data_added;
	c->data_added_packed = s.data_added_packed;
	c->trees_read = l.trees;
	c->store_gets = l.gets;
	c->items_stolen = workq_stolen(b->queue);
	c->retries = backend_retry_count(b->repo->be);
}

void run_send_counts(struct backup *b, unsigned tag)
{
	struct backup_counts c;
	struct buf m;

	run_counts(b, &c);
	buf_init(&m, MESSAGE_MAX);
	tally_put(&m, &c);
	router_send(b->r, 0, tag, &m);
}

void run_on_counts(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct wire_in w;

	wire_in_init(&w, m->data.p, m->data.len);
	tally_get(&w, &b->of_rank[m->from]);
}

void run_sum_counts(const struct backup *b, struct backup_counts *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (int i = 0; i < b->size; i++)
		tally_sum(sum, &b->of_rank[i]);
}
