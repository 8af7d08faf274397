/*
 * TAIL    child -> parent  u64 bytes of data blobs, u64 of trees that it could give; when both are
 * 0 that is all there is between the two PULL    parent -> child  u8: 1 = send the next parcel, 0 =
 * keep the rest PARCEL  child -> parent  u8 type, u8 whether it is the last one, then a parcel as
 * packer.h has it, maybe empty
 *
 * A rank gives only after its own children have given: then its tail grows no more.  It takes from
 * one child at a time and asks for one parcel at a time, so what is in memory besides packs is one
 * parcel; by now nothing is read any more, and the budget of plaintext is free.
 */
#include "ranks/lastpacks.h"
#include "base/mem.h"
#include <assert.h>

#define PARCEL_BYTES ((size_t)4 << 20) /* more only for a single blob that is larger */
#define CHILDREN_MAX 31

enum message { TAIL, PULL, PARCEL, TAGS };

struct lastpacks {
	struct router *r;
	unsigned tag; /* of the first message */
	struct saver *s;
	void (*done)(void *arg);
	void *arg;
	int parent;                /* -1: rank 0 */
	unsigned missing;          /* children that have not given all yet */
	int waiting[CHILDREN_MAX]; /* of them, those that have something, in the order they said so
				    */
	unsigned n_waiting;
	bool started, cancelled, told, finished;
	bool pulling; /* a parcel is on its way from waiting[0], or being taken in */
	bool last;    /* it is that child's last */
	struct saver_parcel parcel;
};

static void finish(struct lastpacks *t)
{
	t->finished = true;
	t->done(t->arg);
}

static void pull(struct lastpacks *t)
{
	struct buf b;

	t->pulling = true;
	buf_init(&b, COMM_MAX);
	wire_put_u8(&b, !t->cancelled);
	router_send(t->r, t->waiting[0], t->tag + PULL, &b);
}

static void tell_parent(struct lastpacks *t)
{
	size_t data = t->cancelled ? 0 : saver_tail(t->s, BLOB_DATA),
	       tree = t->cancelled ? 0 : saver_tail(t->s, BLOB_TREE);
	struct buf b;

	t->told = true;
	buf_init(&b, COMM_MAX);
	wire_put_u64(&b, data);
	wire_put_u64(&b, tree);
	router_send(t->r, t->parent, t->tag + TAIL, &b);
	if (!data && !tree)
		finish(t);
}

static void progress(struct lastpacks *t)
{
	if (!t->started || t->pulling || t->told || t->finished)
		return;
	if (t->n_waiting)
		pull(t);
	else if (!t->missing && t->parent < 0)
		finish(t);
	else if (!t->missing)
		tell_parent(t);
}

static void on_tail(void *arg, struct comm_msg *m)
{
	struct lastpacks *t = arg;
	struct wire_in w;
	uint64_t bytes;

	wire_in_init(&w, m->data.p, m->data.len);
	bytes = wire_u64(&w);
	bytes |= wire_u64(&w);
	assert(wire_done(&w) && t->missing);
	if (bytes)
		t->waiting[t->n_waiting++] = m->from;
	else
		t->missing--;
	progress(t);
}

static void on_pull(void *arg, struct comm_msg *m)
{
	struct lastpacks *t = arg;
	struct wire_in w;
	bool give, last = true;
	struct buf b;

	wire_in_init(&w, m->data.p, m->data.len);
	give = wire_u8(&w) == 1 && !t->cancelled;
	buf_init(&b, COMM_MAX);
	if (give) {
		enum blob_type type = saver_tail(t->s, BLOB_DATA) ? BLOB_DATA : BLOB_TREE;

		wire_put_u8(&b, (uint8_t)type);
		wire_put_u8(&b, 0);
		saver_give(t->s, type, PARCEL_BYTES, &b);
		last = !saver_tail(t->s, BLOB_DATA) && !saver_tail(t->s, BLOB_TREE);
		b.p[1] = last;
	} else {
		wire_put_u8(&b, BLOB_DATA);
		wire_put_u8(&b, 1);
	}
	router_send(t->r, t->parent, t->tag + PARCEL, &b);
	if (last)
		finish(t);
}

static void taken(struct saver_parcel *p)
{
	struct lastpacks *t = p->arg;

	t->pulling = false;
	if (t->last) {
		t->missing--;
		t->n_waiting--;
		memmove(t->waiting, t->waiting + 1, t->n_waiting * sizeof(*t->waiting));
	}
	progress(t);
}

static void on_parcel(void *arg, struct comm_msg *m)
{
	struct lastpacks *t = arg;
	struct wire_in w;

	wire_in_init(&w, m->data.p, m->data.len);
	t->parcel.type = wire_u8(&w) == BLOB_DATA ? BLOB_DATA : BLOB_TREE;
	t->last = wire_u8(&w) == 1;
	assert(!w.bad && t->pulling && m->from == t->waiting[0]);
	t->parcel.offset = m->data.len - (size_t)(w.end - w.p);
	t->parcel.done = taken;
	t->parcel.arg = t;
	if (t->cancelled || w.p == w.end) {
		taken(&t->parcel);
		return;
	}
	buf_move(&t->parcel.data, &m->data);
	saver_adopt(t->s, &t->parcel);
}

struct lastpacks *lastpacks_new(struct router *r, struct saver *s, void (*done)(void *arg),
	void *arg)
{
	struct lastpacks *t = mem_zalloc(sizeof(*t));
	int me = router_rank(r), size = router_size(r);

	t->r = r;
	t->s = s;
	t->done = done;
	t->arg = arg;
	t->parent = me ? me & (me - 1) : -1; /* without its lowest bit */
	for (int bit = 1; me + bit < size && !(me & bit); bit <<= 1)
		t->missing++;
	t->tag = router_tags(r, TAGS);
	router_open(r, t->tag + TAIL, on_tail, t);
	router_open(r, t->tag + PULL, on_pull, t);
	router_open(r, t->tag + PARCEL, on_parcel, t);
	return t;
}

void lastpacks_start(struct lastpacks *t)
{
	t->started = true;
	progress(t);
}

void lastpacks_cancel(struct lastpacks *t)
{
	t->cancelled = true;
}

void lastpacks_free(struct lastpacks *t)
{
	if (!t)
		return;
	for (unsigned m = 0; m < TAGS; m++)
		router_close(t->r, t->tag + m);
	router_tags_free(t->r, t->tag, TAGS);
	buf_release(&t->parcel.data);
	mem_free(t);
}
