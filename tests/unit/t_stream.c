#include "engine/stream.h"
#include "base/mem.h"
#include "lib/craft.h"
#include "lib/gate.h"
#include "unit/check.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define BLOBS 50

struct sink {
	struct buf b;
	size_t most; /* bytes that are wanted; 0: all */
};

static bool sink_write(void *arg, const void *p, size_t n)
{
	struct sink *k = arg;

	buf_add(&k->b, p, n);
	return !k->most || k->b.len < k->most;
}

/* A file of 50 blobs, each "blob 07\n" 1 to 50 times; `want` is what it holds. */
static struct node made(struct craft *c, struct id *id, struct buf *want)
{
	struct node n = craft_node(NODE_FILE, "f");

	for (size_t i = 0; i < BLOBS; i++) {
		char text[16];
		size_t at = want->len;

		snprintf(text, sizeof(text), "blob %02zu\n", i);
		for (size_t k = 0; k <= i; k++)
			buf_add(want, text, 8);
		id[i] = craft_blob(c, BLOB_DATA, want->p + at, want->len - at);
	}
	n.content = id;
	n.n_content = BLOBS;
	n.size = want->len;
	craft_save(c);
	craft_load(c);
	return n;
}

static void put_bytes(struct stream *s, struct buf *want, const char *text)
{
	struct err e = {0};
	struct buf b;

	buf_init(&b, 100);
	buf_add(&b, text, strlen(text));
	if (want)
		buf_add(want, text, strlen(text));
	CHECK_EQ(stream_bytes(s, &b, &e), 0);
	buf_release(&b);
}

TEST(all_in_order)
{
	for (size_t ahead = 1; ahead < 80; ahead = 3 * ahead + 1) {
		struct sink k = {0};
		struct buf want, file;
		struct id id[BLOBS];
		struct err e = {0};
		struct craft c;
		struct stream *s;
		struct node n;

		buf_init(&k.b, 1 << 20);
		buf_init(&want, 1 << 20);
		buf_init(&file, 1 << 20);
		craft_init(&c, 2);
		n = made(&c, id, &file);
		s = stream_new(c.reader, c.env.loop, ahead, sink_write, &k);
		for (int i = 0; i < 3; i++) {
			put_bytes(s, &want, "before ");
			CHECK_EQ(stream_file(s, &n, "f", &e), 0);
			buf_add(&want, file.p, file.len);
			put_bytes(s, &want, "behind ");
		}
		CHECK_EQ(stream_end(s, &e), 0);
		CHECK(k.b.len == want.len && !memcmp(k.b.p, want.p, want.len));
		stream_free(s);
		buf_release(&file);
		buf_release(&want);
		buf_release(&k.b);
		craft_release(&c);
	}
}

/* What came before is written, nothing behind it, and the error names the file. */
static void failing(uint64_t size, struct id *missing, size_t most, int code, const char *says)
{
	struct sink k = {.most = most};
	struct id id[BLOBS];
	struct err e = {0};
	struct craft c;
	struct stream *s;
	struct buf file;
	struct node n;
	int rc;

	buf_init(&k.b, 1 << 20);
	buf_init(&file, 1 << 20);
	craft_init(&c, 2);
	n = made(&c, id, &file);
	n.size += size;
	if (missing)
		id[20] = *missing;
	s = stream_new(c.reader, c.env.loop, 8, sink_write, &k);
	rc = stream_file(s, &n, "/some/file", &e);
	if (!rc)
		rc = stream_end(s, &e);
	CHECK_EQ(rc, code);
	CHECK(strstr(e.msg, says) != NULL);
	CHECK(k.b.len <= file.len && !memcmp(k.b.p, file.p, k.b.len));
	CHECK(missing ? k.b.len == 8 * 20 * 21 / 2 : k.b.len > 0);
	if (most)
		CHECK(k.b.len < most + 8 * BLOBS);
	CHECK_EQ(stream_file(s, &n, "/other", &e), code);
	CHECK_EQ(stream_end(s, &e), code);
	stream_free(s);
	buf_release(&file);
	buf_release(&k.b);
	craft_release(&c);
}

TEST(a_missing_blob)
{
	failing(0, &(struct id){{1}}, 0, ERR_NOTFOUND, "/some/file: ");
}

TEST(another_size)
{
	failing(1, NULL, 0, ERR_INVALID,
		"/some/file: its contents have 10200 bytes instead of 10201");
}

TEST(a_reader_that_goes)
{
	failing(0, NULL, 1000, ERR_CANCELLED, "stopped");
}

/* Given up in the middle: what is on its way comes back. */
TEST(freed_early)
{
	struct sink k = {0};
	struct id id[BLOBS];
	struct err e = {0};
	struct craft c;
	struct stream *s;
	struct buf file;
	struct node n;

	buf_init(&k.b, 1 << 20);
	buf_init(&file, 1 << 20);
	craft_init(&c, 2);
	n = made(&c, id, &file);
	s = stream_new(c.reader, c.env.loop, 30, sink_write, &k);
	CHECK_EQ(stream_file(s, &n, "f", &e), 0);
	stream_free(s);
	CHECK(k.b.len < file.len);
	buf_release(&file);
	buf_release(&k.b);
	craft_release(&c);
}

static int count_pack(void *arg, const struct backend_op *op, enum backend_type t)
{
	if (op && op->verb == BACKEND_GET && t == BACKEND_PACK)
		atomic_fetch_add((atomic_uint *)arg, 1);
	return 0;
}

/* The blobs of many small files do not cost a request each. */
TEST(small_ones_come_together)
{
	struct sink k = {0};
	struct id id[BLOBS];
	struct err e = {0};
	atomic_uint gets = 0;
	struct craft c;
	struct stream *s;
	struct buf file, want;
	struct node n;

	buf_init(&k.b, 1 << 20);
	buf_init(&file, 1 << 20);
	buf_init(&want, 1 << 20);
	craft_init(&c, 2);
	n = made(&c, id, &file);
	c.be = gate_new(c.be, count_pack, &gets);
	craft_load(&c);
	s = stream_new(c.reader, c.env.loop, 2, sink_write, &k);
	for (size_t i = 0; i < BLOBS; i++) {
		struct node one = n;

		one.content = &id[i];
		one.n_content = 1;
		one.size = 8 * (i + 1);
		put_bytes(s, &want, "head ");
		CHECK_EQ(stream_file(s, &one, "f", &e), 0);
		buf_add(&want, file.p + 4 * i * (i + 1), one.size);
	}
	CHECK_EQ(stream_end(s, &e), 0);
	CHECK(k.b.len == want.len && !memcmp(k.b.p, want.p, want.len));
	CHECK(gets > 0 && gets <= 4);
	stream_free(s);
	buf_release(&file);
	buf_release(&want);
	buf_release(&k.b);
	craft_release(&c);
}
