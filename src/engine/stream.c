#include "engine/stream.h"
#include "base/mem.h"
#include <stdatomic.h>

/*
 * A ring of parts; what stands at its head is written next.  Blobs are asked for in batches, so
 * that small ones that lie side by side come at once, and large ones by several connections.
 */
#define BATCH       16                  /* blobs */
#define BATCH_BYTES ((uint64_t)1 << 20) /* about so many, by the sizes of their files */
#define PARTS       64                  /* of the ring, for each batch */

enum part_kind { PART_BYTES, PART_BLOB, PART_FILE_END };

struct part {
	enum part_kind kind;
	struct buf bytes;
	struct stream_file *file;
	/* a blob */
	struct batch *batch;
	struct reader_want want;
	struct err *err; /* why it did not come; or NULL */
	_Atomic bool came;
};

struct batch {
	struct stream *s;
	struct reader_blobs q;
	struct reader_want *want[BATCH];
	uint64_t bytes;
	size_t unwritten;
	bool ended;
};

struct stream_file {
	char *path;
	uint64_t size, seen;
};

struct stream {
	struct reader *reader;
	struct loop *loop;
	stream_write_fn *write;
	void *arg;
	struct part *part;
	size_t parts, head, n;
	struct batch *filling; /* not yet asked for; or NULL */
	size_t batches, ahead; /* that live; that may */
	struct err failed;
	volatile int over; /* it has failed: nothing more is wanted */
};

struct stream *stream_new(struct reader *rd, struct loop *loop, size_t ahead,
	stream_write_fn *write, void *arg)
{
	struct stream *s = mem_zalloc(sizeof(*s));

	s->reader = rd;
	s->loop = loop;
	s->write = write;
	s->arg = arg;
	s->ahead = ahead;
	s->parts = PARTS * ahead;
	s->part = mem_array(s->parts, sizeof(*s->part));
	return s;
}

/* ---- batches ---- */

static void batch_end(struct batch *b)
{
	if (!b->ended || b->unwritten)
		return;
	b->s->batches--;
	mem_free(b);
}

static void batch_ended(struct reader_blobs *q)
{
	struct batch *b = q->arg;

	b->ended = true;
	batch_end(b);
}

/* On a worker. */
static void blob_came(struct reader_blobs *q, struct reader_want *w, const struct reader_got *g)
{
	struct part *p = reader_want_of(w, struct part, want);

	(void)q;
	if (g->err) {
		p->err = mem_dup(g->err, sizeof(*g->err));
		reader_explain(w, p->err);
	} else {
		buf_move(&p->bytes, g->plain);
	}
	atomic_store(&p->came, true);
}

static void batch_start(struct stream *s)
{
	struct batch *b = s->filling;

	s->filling = NULL;
	if (b)
		reader_blobs_start(s->reader, &b->q);
}

static void batch_add(struct stream *s, struct part *p, uint64_t bytes)
{
	struct batch *b = s->filling;

	if (!b) {
		b = s->filling = mem_zalloc(sizeof(*b));
		b->s = s;
		b->q = (struct reader_blobs){.want = b->want,
			.takes = true,
			.stop = &s->over,
			.got = blob_came,
			.ended = batch_ended,
			.arg = b};
		s->batches++;
	}
	b->want[b->q.n++] = &p->want;
	b->unwritten++;
	b->bytes += bytes;
	p->batch = b;
	if (b->q.n == BATCH || b->bytes >= BATCH_BYTES)
		batch_start(s);
}

/* ---- parts ---- */

static void write_out(struct stream *s, const struct buf *b)
{
	if (!s->failed.code && b->len && !s->write(s->arg, b->p, b->len))
		err_set(&s->failed, ERR_CANCELLED, "stopped");
}

static bool blob_settled(void *arg)
{
	struct part *p = arg;

	return atomic_load(&p->came) || p->batch->ended;
}

static void blob_out(struct stream *s, struct part *p)
{
	if (p->batch == s->filling)
		batch_start(s);
	loop_until_fn(s->loop, blob_settled, p);
	if (p->err && !s->failed.code) {
		err_copy(&s->failed, p->err);
		err_prefix(&s->failed, "%s", p->file->path);
	}
	mem_free(p->err);
	p->file->seen += p->bytes.len;
	write_out(s, &p->bytes);
	p->batch->unwritten--;
	batch_end(p->batch);
}

static void file_out(struct stream *s, struct stream_file *f)
{
	if (!s->failed.code && f->seen != f->size)
		err_set(&s->failed, ERR_INVALID, "%s: its contents have %llu bytes instead of %llu",
			f->path, (unsigned long long)f->seen, (unsigned long long)f->size);
	mem_free(f->path);
	mem_free(f);
}

/* The part at the head leaves the ring. */
static void part_out(struct stream *s)
{
	struct part *p = &s->part[s->head];

	switch (p->kind) {
	case PART_BYTES:
		write_out(s, &p->bytes);
		break;
	case PART_BLOB:
		blob_out(s, p);
		break;
	case PART_FILE_END:
		file_out(s, p->file);
		break;
	}
	buf_release(&p->bytes);
	/* Workers look at it (stopped.h). */
	__atomic_store_n(&s->over, s->failed.code != 0, __ATOMIC_RELAXED);
	s->head = (s->head + 1) % s->parts;
	s->n--;
}

static struct part *part_in(struct stream *s, enum part_kind kind)
{
	struct part *p;

	if (s->n == s->parts)
		part_out(s);
	p = &s->part[(s->head + s->n++) % s->parts];
	*p = (struct part){.kind = kind};
	return p;
}

static int result(const struct stream *s, struct err *err)
{
	return s->failed.code ? err_copy(err, &s->failed) : 0;
}

int stream_bytes(struct stream *s, struct buf *b, struct err *err)
{
	buf_move(&part_in(s, PART_BYTES)->bytes, b);
	return result(s, err);
}

int stream_file(struct stream *s, const struct node *n, const char *path, struct err *err)
{
	struct stream_file *f = mem_zalloc(sizeof(*f));

	f->path = mem_strdup(path);
	f->size = n->size;
	for (size_t i = 0; i < n->n_content && !s->failed.code; i++) {
		struct part *p;

		while (!s->filling && s->batches >= s->ahead && s->n)
			part_out(s);
		p = part_in(s, PART_BLOB);
		p->file = f;
		p->want.at.blob = (struct blob){.type = BLOB_DATA, .id = n->content[i]};
		batch_add(s, p, n->size / n->n_content);
	}
	part_in(s, PART_FILE_END)->file = f;
	return result(s, err);
}

int stream_end(struct stream *s, struct err *err)
{
	while (s->n)
		part_out(s);
	return result(s, err);
}

static bool no_batches(void *s)
{
	return !((const struct stream *)s)->batches;
}

void stream_free(struct stream *s)
{
	struct err e;

	if (!s)
		return;
	if (!s->failed.code)
		err_set(&s->failed, ERR_CANCELLED, "given up");
	s->over = 1;
	stream_end(s, &e);
	loop_until_fn(s->loop, no_batches, s);
	mem_free(s->part);
	mem_free(s);
}
