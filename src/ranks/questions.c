/*
 * A kind has two tags.  Question: u32 number of the batch, then the questions.  Answer: the number,
 * then the answers.
 */
#include "ranks/questions.h"
#include "base/mem.h"

#define BATCH_MAX 512

struct slot {
	void *q;
	size_t i;
};

struct batch {
	struct batch *next;
	struct slot *slot;
	size_t n, cap;
	struct buf msg;
	uint32_t no;
};

/* One kind of question to one rank. */
struct lane {
	struct batch *open;          /* still being filled */
	struct batch *first, **last; /* sent, oldest first */
	uint32_t next_no;
	bool listed; /* in questions.listed */
};

struct kind { /* for its handlers */
	struct questions *qs;
	unsigned k;
};

struct questions {
	struct router *r;
	const struct questions_kind *kinds;
	unsigned n;
	void *arg;
	unsigned tag; /* of the first kind's questions */
	struct kind kind[QUESTIONS_KINDS];
	struct lane *lanes; /* n for each rank */
	size_t *listed;     /* numbers of the lanes that may have an open batch */
	size_t n_listed;
};

static void batch_free(struct batch *b)
{
	buf_release(&b->msg);
	mem_free(b->slot);
	mem_free(b);
}

static void lane_send(struct questions *qs, size_t i)
{
	struct lane *l = &qs->lanes[i];
	struct batch *b = l->open;

	if (!b)
		return;
	l->open = NULL;
	*l->last = b;
	l->last = &b->next;
	router_send(qs->r, (int)(i / qs->n), qs->tag + 2 * (unsigned)(i % qs->n), &b->msg);
}

void questions_flush(struct questions *qs)
{
	for (size_t i = 0; i < qs->n_listed; i++) {
		qs->lanes[qs->listed[i]].listed = false;
		lane_send(qs, qs->listed[i]);
	}
	qs->n_listed = 0;
}

static void turn_end(void *arg)
{
	questions_flush(arg);
}

struct buf *questions_begin(struct questions *qs, unsigned kind, int to)
{
	size_t i = (size_t)to * qs->n + kind;
	struct lane *l = &qs->lanes[i];
	struct batch *b = l->open;

	if (!b) {
		b = l->open = mem_zalloc(sizeof(*b));
		buf_init(&b->msg, COMM_MAX);
		b->no = l->next_no++;
		wire_put_u32(&b->msg, b->no);
	}
	if (!l->listed) {
		l->listed = true;
		qs->listed[qs->n_listed++] = i;
	}
	return &b->msg;
}

void questions_end(struct questions *qs, unsigned kind, int to, void *q, size_t i)
{
	size_t lane = (size_t)to * qs->n + kind;
	struct batch *b = qs->lanes[lane].open;

	if (b->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 16;
		b->slot = mem_regrow(b->slot, b->cap, sizeof(*b->slot));
	}
	b->slot[b->n++] = (struct slot){q, i};
	if (b->n == BATCH_MAX)
		lane_send(qs, lane);
}

static void on_question(void *arg, struct comm_msg *m)
{
	const struct kind *k = arg;
	struct questions *qs = k->qs;
	struct wire_in w;
	struct buf out;

	wire_in_init(&w, m->data.p, m->data.len);
	buf_init(&out, COMM_MAX);
	wire_put_u32(&out, wire_u32(&w));
	/* Where it cannot be read the answer is too short, which tells the asker. */
	while (!w.bad && w.p < w.end && qs->kinds[k->k].reply(qs->arg, &w, &out))
		;
	router_send(qs->r, m->from, qs->tag + 2 * k->k + 1, &out);
}

static void on_answer(void *arg, struct comm_msg *m)
{
	const struct kind *k = arg;
	struct questions *qs = k->qs;
	const struct questions_kind *kind = &qs->kinds[k->k];
	struct lane *l = &qs->lanes[(size_t)m->from * qs->n + k->k];
	struct batch *b = l->first;
	struct wire_in w;
	bool ok;

	wire_in_init(&w, m->data.p, m->data.len);
	ok = b && wire_u32(&w) == b->no && !w.bad &&
	     (!kind->size || (size_t)(w.end - w.p) == b->n * kind->size);
	if (b) {
		l->first = b->next;
		if (!l->first)
			l->last = &l->first;
		for (size_t i = 0; i < b->n; i++)
			kind->answered(qs->arg, b->slot[i].q, b->slot[i].i, ok ? &w : NULL);
		batch_free(b);
	}
	if (!ok || !wire_done(&w))
		log_msg(&router_env(qs->r)->log, LOG_ERROR,
			"damaged answer about blobs from rank %d", m->from);
}

struct questions *questions_new(struct router *r, const struct questions_kind *kinds, unsigned n,
	void *arg)
{
	struct questions *qs = mem_zalloc(sizeof(*qs));
	size_t lanes = n * (size_t)router_size(r);

	*qs = (struct questions){.r = r, .kinds = kinds, .n = n, .arg = arg};
	qs->tag = router_tags(r, 2 * n);
	qs->lanes = mem_array(lanes, sizeof(*qs->lanes));
	qs->listed = mem_array(lanes, sizeof(*qs->listed));
	for (size_t i = 0; i < lanes; i++)
		qs->lanes[i].last = &qs->lanes[i].first;
	for (unsigned k = 0; k < n; k++) {
		qs->kind[k] = (struct kind){qs, k};
		router_open(r, qs->tag + 2 * k, on_question, &qs->kind[k]);
		router_open(r, qs->tag + 2 * k + 1, on_answer, &qs->kind[k]);
	}
	router_on_turn(r, turn_end, qs);
	return qs;
}

void questions_free(struct questions *qs)
{
	if (!qs)
		return;
	router_off_turn(qs->r, turn_end, qs);
	for (unsigned t = qs->tag; t < qs->tag + 2 * qs->n; t++)
		router_close(qs->r, t);
	router_tags_free(qs->r, qs->tag, 2 * qs->n);
	for (size_t i = 0; i < qs->n * (size_t)router_size(qs->r); i++) {
		struct lane *l = &qs->lanes[i];

		/* Normally none are left; their askers have gone. */
		if (l->open)
			batch_free(l->open);
		while (l->first) {
			struct batch *b = l->first;

			l->first = b->next;
			batch_free(b);
		}
	}
	mem_free(qs->lanes);
	mem_free(qs->listed);
	mem_free(qs);
}
