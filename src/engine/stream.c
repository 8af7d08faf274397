#include "engine/stream.h"
#include "base/mem.h"

/* A ring of parts; what stands at its head is written next. */
enum part_kind { PART_BYTES, PART_BLOB, PART_FILE_END };

struct part {
	enum part_kind kind;
	bool done;
	struct buf bytes;
	struct loader_tree blob;
	struct stream_file *file;
};

struct stream_file {
	char *path;
	uint64_t size, seen;
};

struct stream {
	struct loader *l;
	struct loop *loop;
	stream_write_fn *write;
	void *arg;
	struct part *part;
	size_t parts, head, n;
	struct err failed;
};

struct stream *stream_new(struct loader *l, struct loop *loop, size_t ahead, stream_write_fn *write,
	void *arg)
{
	struct stream *s = mem_zalloc(sizeof(*s));

	s->l = l;
	s->loop = loop;
	s->write = write;
	s->arg = arg;
	s->parts = ahead;
	s->part = mem_array(ahead, sizeof(*s->part));
	return s;
}

static void write_out(struct stream *s, const struct buf *b)
{
	if (!s->failed.code && b->len && !s->write(s->arg, b->p, b->len))
		err_set(&s->failed, ERR_CANCELLED, "stopped");
}

static void blob_out(struct stream *s, struct part *p)
{
	if (p->blob.err.code && !s->failed.code) {
		err_copy(&s->failed, &p->blob.err);
		err_prefix(&s->failed, "%s", p->file->path);
	}
	p->file->seen += p->blob.plain.len;
	write_out(s, &p->blob.plain);
	buf_release(&p->blob.plain);
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
		buf_release(&p->bytes);
		break;
	case PART_BLOB:
		loop_until(s->loop, &p->done);
		blob_out(s, p);
		break;
	case PART_FILE_END:
		file_out(s, p->file);
		break;
	}
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

static void blob_came(struct loader_tree *t)
{
	((struct part *)t->arg)->done = true;
}

int stream_file(struct stream *s, const struct node *n, const char *path, struct err *err)
{
	struct stream_file *f = mem_zalloc(sizeof(*f));

	f->path = mem_strdup(path);
	f->size = n->size;
	for (size_t i = 0; i < n->n_content && !s->failed.code; i++) {
		struct part *p = part_in(s, PART_BLOB);

		p->file = f;
		p->blob = (struct loader_tree){.id = n->content[i], .done = blob_came, .arg = p};
		loader_blob_get(s->l, BLOB_DATA, &p->blob);
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

void stream_free(struct stream *s)
{
	struct err e;

	if (!s)
		return;
	if (!s->failed.code)
		err_set(&s->failed, ERR_CANCELLED, "given up");
	stream_end(s, &e);
	mem_free(s->part);
	mem_free(s);
}
