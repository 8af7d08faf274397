/*
 * Each collective is one message from each rank to rank 0 and one back.  A rank starts the next
 * only after the answer to the last, so rank 0 collects for one round at a time, maybe before it
 * has come to that call itself.
 */
#include "ranks/agree.h"
#include "base/mem.h"
#include "ranks/wire_err.h"
#include <string.h>

enum kind { KIND_ALL = 1, KIND_SUM, KIND_BYTES };

struct bytes {
	struct bytes *next;
	struct buf data;
};

struct round {
	int came;       /* rank 0: messages that have come */
	int worst;      /* the lowest rank that failed, or size */
	struct err err; /* its error */
	uint64_t *sum;
	size_t sums;
	struct buf *bytes; /* of each rank, once one has come */
};

struct agree {
	struct router *r;
	struct round now;
	bool met;                    /* rank 0: all have come; others: the answer is there */
	struct bytes *first, **last; /* broadcasts not asked for yet */
	bool has_bytes;
};

static void fail(struct round *n, int rank, const struct err *e)
{
	if (rank >= n->worst)
		return;
	n->worst = rank;
	err_copy(&n->err, e);
}

static void get_sums(struct wire_in *w, struct round *now)
{
	size_t n = (size_t)(w->end - w->p) / 8;

	if (n > now->sums) {
		now->sum = mem_regrow(now->sum, n, sizeof(*now->sum));
		memset(now->sum + now->sums, 0, (n - now->sums) * sizeof(*now->sum));
		now->sums = n;
	}
	for (size_t i = 0; i < n; i++)
		now->sum[i] += wire_u64(w);
}

static void get_bytes(struct agree *a, int from, struct wire_in *w)
{
	if (!a->now.bytes)
		a->now.bytes = mem_array((size_t)router_size(a->r), sizeof(*a->now.bytes));
	buf_init(&a->now.bytes[from], COMM_MAX);
	buf_add(&a->now.bytes[from], w->p, (size_t)(w->end - w->p));
	w->p = w->end;
}

static void on_agree(void *arg, struct comm_msg *m)
{
	struct agree *a = arg;
	struct wire_in w;
	struct err e = {0};
	uint8_t kind;

	wire_in_init(&w, m->data.p, m->data.len);
	kind = wire_u8(&w);
	if (kind == KIND_ALL)
		wire_err(&w, &e);
	else if (kind == KIND_SUM)
		get_sums(&w, &a->now);
	else if (kind == KIND_BYTES)
		get_bytes(a, m->from, &w);
	if (!wire_done(&w) || kind < KIND_ALL || kind > KIND_BYTES)
		err_set(&e, ERR_INVALID, "damaged message");
	if (e.code)
		fail(&a->now, m->from, &e);
	a->met = ++a->now.came == router_size(a->r) - 1;
}

static void on_agreed(void *arg, struct comm_msg *m)
{
	struct agree *a = arg;
	struct wire_in w;

	wire_in_init(&w, m->data.p, m->data.len);
	a->now.worst = (int)wire_u32(&w);
	wire_err(&w, &a->now.err);
	if (!wire_done(&w)) {
		a->now.worst = 0;
		err_set(&a->now.err, ERR_INVALID, "damaged message");
	}
	a->met = true;
}

static void on_bcast(void *arg, struct comm_msg *m)
{
	struct agree *a = arg;
	struct bytes *b = mem_zalloc(sizeof(*b));

	buf_move(&b->data, &m->data);
	*a->last = b;
	a->last = &b->next;
	a->has_bytes = true;
}

static void round_reset(struct agree *a)
{
	a->now = (struct round){.worst = router_size(a->r)};
	a->met = router_size(a->r) == 1;
}

struct agree *agree_new(struct router *r)
{
	struct agree *a = mem_zalloc(sizeof(*a));

	a->r = r;
	a->last = &a->first;
	round_reset(a);
	router_open(r, ROUTER_AGREE, on_agree, a);
	router_open(r, ROUTER_AGREED, on_agreed, a);
	router_open(r, ROUTER_BCAST, on_bcast, a);
	return a;
}

static void take_bytes(struct agree *a, struct buf *out)
{
	struct bytes *b = a->first;

	a->first = b->next;
	if (!a->first)
		a->last = &a->first;
	a->has_bytes = a->first;
	buf_reset(out);
	buf_move(out, &b->data);
	mem_free(b);
}

void agree_free(struct agree *a)
{
	if (!a)
		return;
	while (a->first) {
		struct buf b = {0};

		take_bytes(a, &b);
		buf_wipe(&b);
	}
	router_close(a->r, ROUTER_AGREE);
	router_close(a->r, ROUTER_AGREED);
	router_close(a->r, ROUTER_BCAST);
	mem_free(a->now.sum);
	mem_free(a);
}

/* What is sent must have left before this rank may do something that does not run the router. */
static bool sent(void *a)
{
	return router_sent(((struct agree *)a)->r);
}

static void wait_sent(struct agree *a)
{
	loop_until_fn(router_loop(a->r), sent, a);
}

static void answer_all(struct agree *a, const struct round *done)
{
	for (int to = 1; to < router_size(a->r); to++) {
		struct buf b;

		buf_init(&b, COMM_MAX);
		wire_put_u32(&b, (uint32_t)done->worst);
		wire_put_err(&b, &done->err);
		router_send(a->r, to, ROUTER_AGREED, &b);
	}
	wait_sent(a);
}

/*
 * Bring what this rank has and wait until all have met.  The round is taken out before anybody is
 * told, because then the next one may begin.
 */
static void meet(struct agree *a, struct buf *b, const struct err *mine, struct round *done)
{
	bool leads = router_rank(a->r) == 0;

	if (!leads)
		router_send(a->r, 0, ROUTER_AGREE, b);
	loop_until(router_loop(a->r), &a->met);
	if (leads && mine && mine->code)
		fail(&a->now, 0, mine);
	*done = a->now;
	round_reset(a);
	if (leads)
		answer_all(a, done);
}

int agree_all(struct agree *a, struct err *err)
{
	struct round done;
	struct buf b;

	/* The others do not know the name of this node. */
	if (err->code && router_size(a->r) > 1 && router_env(a->r)->node)
		err_prefix(err, "node %s", router_env(a->r)->node);
	buf_init(&b, COMM_MAX);
	wire_put_u8(&b, KIND_ALL);
	wire_put_err(&b, err);
	meet(a, &b, err, &done);
	buf_release(&b);
	err_clear(err);
	if (done.worst < router_size(a->r)) {
		err_copy(err, &done.err);
		if (router_size(a->r) > 1)
			err_prefix(err, "rank %d", done.worst);
	}
	mem_free(done.sum);
	return err->code;
}

void agree_bcast(struct agree *a, struct buf *inout)
{
	if (router_rank(a->r)) {
		loop_until(router_loop(a->r), &a->has_bytes);
		take_bytes(a, inout);
		return;
	}
	for (int to = 1; to < router_size(a->r); to++) {
		struct buf b;

		buf_init(&b, COMM_MAX);
		buf_add(&b, inout->p, inout->len);
		router_send(a->r, to, ROUTER_BCAST, &b);
	}
	wait_sent(a);
}

void agree_sum(struct agree *a, uint64_t *v, size_t n)
{
	struct round done;
	struct buf b;

	buf_init(&b, COMM_MAX);
	wire_put_u8(&b, KIND_SUM);
	for (size_t i = 0; i < n; i++)
		wire_put_u64(&b, v[i]);
	meet(a, &b, NULL, &done);
	buf_release(&b);
	if (done.worst < router_size(a->r))
		log_msg(&router_env(a->r)->log, LOG_ERROR, "sum over ranks: rank %d: %s",
			done.worst, done.err.msg);
	for (size_t i = 0; i < n && i < done.sums; i++)
		v[i] += done.sum[i];
	mem_free(done.sum);
}

void agree_gather(struct agree *a, struct buf *mine, struct buf *of_rank)
{
	struct round done;
	struct buf b;

	buf_init(&b, COMM_MAX);
	if (!of_rank) {
		wire_put_u8(&b, KIND_BYTES);
		buf_add(&b, mine->p, mine->len);
	}
	meet(a, &b, NULL, &done);
	buf_release(&b);
	for (int i = 1; of_rank && done.bytes && i < router_size(a->r); i++)
		buf_move(&of_rank[i], &done.bytes[i]);
	if (of_rank)
		buf_move(&of_rank[0], mine);
	buf_release(mine);
	mem_free(done.bytes);
}
