#include "base/mem.h"
#include "repo/reader_priv.h"

/* The wants of one blob, which is looked for in one place after the other. */
struct reader_copy {
	struct reader_blobs *q;
	struct reader_want **want;
	size_t n;
	struct err why; /* the first copy's fault, which is told */
	void (*done)(void *arg);
	void *arg;
	struct seek place;
	struct backend_op op;
	struct task task;
	struct buf plain;
	bool right, over_bound;
	struct reader_copy *later;
};

static void end(struct reader_copy *c)
{
	c->done(c->arg);
	mem_free(c);
}

static void hand_over(struct reader_copy *c, const struct reader_got *g)
{
	for (size_t i = 0; i < c->n; i++)
		c->q->got(c->q, c->want[i], g);
}

static void lose_run(struct task *t)
{
	struct reader_copy *c = task_of(t, struct reader_copy, task);

	hand_over(c, &(struct reader_got){.at = &c->want[0]->at, .err = &c->why});
}

static void lose_done(struct task *t)
{
	end(task_of(t, struct reader_copy, task));
}

static void look_further(struct reader_copy *c)
{
	c->place.find.nth++;
	if (stopped_set(c->q->stop))
		end(c);
	else
		seek_next(c->q->reader->catalog, &c->place);
}

static void open_run(struct task *t)
{
	struct reader_copy *c = task_of(t, struct reader_copy, task);
	const struct catalog_place *at = &c->place.find.place;
	struct repo *repo = c->q->reader->repo;
	struct repo_ctx *ctx = repo_ctx_get(repo);
	struct err e;

	c->right = c->op.out.len == at->blob.length &&
		   repo_open_blob(ctx, &at->blob, c->op.out.p, &c->plain, &e) == 0;
	repo_ctx_put(repo, ctx);
	if (c->right)
		hand_over(c,
			&(struct reader_got){.plain = &c->plain, .sealed = c->op.out.p, .at = at});
	buf_release(&c->plain);
}

static void open_done(struct task *t)
{
	struct reader_copy *c = task_of(t, struct reader_copy, task);
	struct reader *rd = c->q->reader;

	rd->held -= c->op.length;
	rd->alone &= !c->over_bound;
	buf_release(&c->op.out);
	if (c->right)
		end(c);
	else
		look_further(c);
	reader_pump(rd);
}

static void arrived(struct task *t)
{
	struct reader_copy *c = task_of(t, struct reader_copy, task);
	struct reader *rd = c->q->reader;

	rd->active--;
	c->task = (struct task){.run = open_run, .done = open_done};
	if (c->op.err.code)
		open_done(&c->task);
	else
		jobs_put(rd->repo->env->cpu, &c->task);
}

static void op_done(struct backend_op *op)
{
	struct reader_copy *c = op->arg;

	loop_post(c->q->reader->repo->env->loop, &c->task);
}

static bool copies_next(struct reader *rd)
{
	struct reader_copy *c = rd->copies;
	const struct catalog_place *at;

	if (!c || rd->active >= rd->limit)
		return false;
	at = &c->place.find.place;
	c->over_bound = !reader_room(rd, at->blob.length);
	if (c->over_bound && rd->alone)
		return false;
	rd->copies = c->later;
	if (!rd->copies)
		rd->copies_end = &rd->copies;
	if (stopped_set(c->q->stop)) {
		end(c);
		return true;
	}
	rd->alone |= c->over_bound;
	c->right = false;
	c->task = (struct task){.done = arrived};
	c->op = (struct backend_op){.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = at->pack,
		.offset = at->blob.offset,
		.length = at->blob.length,
		.done = op_done,
		.arg = c};
	buf_init(&c->op.out, at->blob.length);
	reader_hold(rd, at->blob.length);
	backend_start(rd->repo->be, &c->op);
	return true;
}

static void enqueue(struct reader_copy *c)
{
	struct reader *rd = c->q->reader;

	rd->copies_next = copies_next;
	c->later = NULL;
	*rd->copies_end = c;
	rd->copies_end = &c->later;
	reader_pump(rd);
}

static void place_known(struct seek *p)
{
	struct reader_copy *c = p->arg;

	if (p->find.found) {
		enqueue(c);
	} else {
		c->task = (struct task){.run = lose_run, .done = lose_done};
		jobs_put(c->q->reader->repo->env->cpu, &c->task);
	}
}

void reader_copies(struct reader_blobs *q, struct reader_want **w, size_t n, const struct err *why,
	void (*done)(void *arg), void *arg)
{
	struct reader_copy *c = mem_zalloc(sizeof(*c));
	const struct blob *b = &w[0]->at.blob;

	c->q = q;
	c->want = w;
	c->n = n;
	err_copy(&c->why, why);
	c->done = done;
	c->arg = arg;
	buf_init(&c->plain, REPO_BLOB_MAX);
	c->place.find.type = b->type;
	c->place.find.id = b->id;
	c->place.exact = q->placed;
	c->place.plain = blob_plain_size(b);
	c->place.done = place_known;
	c->place.arg = c;
	seek_next(q->reader->catalog, &c->place);
}
