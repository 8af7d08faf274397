#include "format/index.h"
#include "base/mem.h"
#include "format/pack.h"
#include "lib/golden.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

/* A copy of an index made of what index_read says. */
static int copy(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	index_pack(arg, pack, b, n);
	return 0;
}

static int reread(struct json_in *j, unsigned version, struct buf *out, struct err *err)
{
	struct index_out x;
	int rc;

	index_begin(&x, out);
	rc = index_read(j, version, copy, &x, err);
	index_end(&x);
	json_in_release(j);
	return rc;
}

static const char *const files[] = {"v2-0.18/index", "v2-0.18/index-small", "v1-0.18/index",
	"v1-0.18/index-small", "v2-0.14/index", "v2-0.14/index-small"};

TEST(golden_there_and_back)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct buf in, out;
		struct json_in j;
		struct err err;

		golden_read(files[i], &in);
		buf_init(&out, 100000);
		json_in_mem(&j, in.p, in.len);
		CHECK_EQ(reread(&j, i == 2 || i == 3 ? 1 : 2, &out, &err), 0);
		CHECK_EQ(out.len, in.len);
		CHECK_MEM(out.p, in.p, in.len);
		buf_release(&in);
		buf_release(&out);
	}
}

struct pieces {
	const uint8_t *p, *end;
	size_t size;
	int fail_at;
	uint8_t piece[16];
};

static int more(void *arg, const uint8_t **p, size_t *n, struct err *err)
{
	struct pieces *s = arg;
	size_t k = (size_t)(s->end - s->p) < s->size ? (size_t)(s->end - s->p) : s->size;

	if (s->fail_at && !--s->fail_at)
		return err_set(err, ERR_IO, "the line went dead");
	/* Each piece replaces the one before, as a real source does. */
	memcpy(s->piece, s->p, k);
	s->p += k;
	*p = s->piece;
	*n = k;
	return 0;
}

TEST(in_pieces_of_any_size)
{
	struct buf in;

	golden_read(files[0], &in);
	for (size_t size = 1; size <= 16; size++) {
		struct pieces s = {in.p, in.p + in.len, size, 0, {0}};
		struct json_in j;
		struct buf out;
		struct err err;

		buf_init(&out, 100000);
		json_in_stream(&j, more, &s);
		CHECK_EQ(reread(&j, 2, &out, &err), 0);
		CHECK_EQ(out.len, in.len);
		CHECK_MEM(out.p, in.p, in.len);
		buf_release(&out);
	}
	buf_release(&in);
}

/* What stopped the source is what the caller hears. */
TEST(source_fails)
{
	struct buf in, out;
	struct json_in j;
	struct err err;

	golden_read(files[0], &in);
	for (int at = 1; at < 100; at += 7) {
		struct pieces s = {in.p, in.p + in.len, 16, at, {0}};

		buf_init(&out, 100000);
		json_in_stream(&j, more, &s);
		CHECK_EQ(reread(&j, 2, &out, &err), ERR_IO);
		CHECK(strstr(err.msg, "the line went dead"));
		buf_release(&out);
	}
	buf_release(&in);
}

static int stop(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	(void)pack;
	(void)b;
	(void)n;
	return ++*(int *)arg == 2 ? 42 : 0;
}

TEST(callback_stops)
{
	struct buf in;
	struct json_in j;
	struct err err;
	int calls = 0;

	golden_read(files[0], &in);
	json_in_mem(&j, in.p, in.len);
	CHECK_EQ(index_read(&j, 2, stop, &calls, &err), 42);
	CHECK_EQ(calls, 2);
	json_in_release(&j);
	buf_release(&in);
}

#define P "\"1111111111111111111111111111111111111111111111111111111111111111\""
#define B "\"2222222222222222222222222222222222222222222222222222222222222222\""
#define BLOB(type, offset, length, more)                                                           \
	"{\"id\":" B ",\"type\":\"" type "\",\"offset\":" offset ",\"length\":" length more "}"
#define INDEX(blobs) "{\"packs\":[{\"id\":" P ",\"blobs\":[" blobs "]}]}"
#define PLAIN(n)     ",\"uncompressed_length\":" n

struct got {
	int packs;
	size_t blobs;
	struct blob last;
};

static int take(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	struct got *g = arg;

	CHECK_EQ(pack->b[0], 0x11);
	g->packs++;
	g->blobs += n;
	g->last = b[n - 1];
	return 0;
}

static int parse(const char *s, unsigned version, struct got *g)
{
	struct json_in j;
	struct err err;
	int rc;

	memset(g, 0, sizeof(*g));
	err_clear(&err);
	json_in_mem(&j, s, strlen(s));
	rc = index_read(&j, version, take, g, &err);
	if (rc < 0)
		CHECK(strncmp(err.msg, "index: ", 7) == 0);
	json_in_release(&j);
	return rc;
}

TEST(accepted)
{
	struct got g;

	CHECK_EQ(parse(INDEX(BLOB("tree", "7", "40", PLAIN("9") ",\"x\":[]")), 2, &g), 0);
	CHECK(g.packs == 1 && g.last.type == BLOB_TREE && g.last.offset == 7 &&
		g.last.length == 40 && g.last.plain == 9 && g.last.id.b[31] == 0x22);
	CHECK_EQ(parse(INDEX(BLOB("data", "0", "32", PLAIN("0"))), 1, &g), 0);
	CHECK(g.last.type == BLOB_DATA && g.last.plain == 0);
	CHECK_EQ(parse(INDEX(BLOB("data", "4294967200", "95", "")), 2, &g), 0);
	/* Members in another order, old ones, unknown ones. */
	CHECK_EQ(parse("{\"supersedes\":[" B "],\"packs\":[{\"blobs\":[{\"length\":50,\"offset\":1,"
		       "\"type\":\"data\",\"id\":" B "}],\"id\":" P "}],\"z\":{}}",
			 2, &g),
		0);
	CHECK_EQ(g.blobs, 1);
	CHECK_EQ(parse("{\"packs\":[]}", 2, &g), 0);
	CHECK_EQ(parse("{\"packs\":null}", 2, &g), 0);
	CHECK_EQ(parse("{}", 2, &g), 0);
	CHECK_EQ(parse("null", 2, &g), 0);
	CHECK_EQ(parse("{\"x\":1}", 2, &g), 0);
	CHECK_EQ(g.packs, 0);
	/* A pack without blobs is not reported. */
	CHECK_EQ(parse("{\"packs\":[{\"id\":" P ",\"blobs\":null},{\"id\":" P
		       ",\"blobs\":[]},{\"id\":" P "}]}",
			 2, &g),
		0);
	CHECK_EQ(g.packs, 0);
	CHECK_EQ(parse("{\"packs\":[{\"id\":" P
		       ",\"blobs\":[" BLOB("data", "0", "40", "") "]},{\"id\":" P "}]}",
			 2, &g),
		0);
	CHECK(g.packs == 1 && g.blobs == 1);
}

TEST(refused)
{
	static const char *const bad[] = {
		"",
		"[]",
		"nul",
		"null null",
		"{\"packs\":{}}",
		"{\"packs\":[[]]}",
		"{\"packs\":[],\"packs\":[]}",
		"{\"packs\":[{\"blobs\":[]}]}",
		"{\"packs\":[{\"id\":" P ",\"blobs\":{}}]}",
		INDEX("[]"),
		INDEX("null"),
		INDEX(BLOB("snap", "0", "40", "")),
		INDEX(BLOB("", "0", "40", "")),
		INDEX(BLOB("data", "-1", "40", "")),
		INDEX(BLOB("data", "4294967296", "40", "")),
		INDEX(BLOB("data", "0", "4294967296", "")),
		INDEX(BLOB("data", "0", "31", "")),
		INDEX(BLOB("data", "0", "0", "")),
		INDEX(BLOB("data", "4294967264", "32", "")),
		INDEX(BLOB("data", "0", "40", PLAIN("4294967296"))),
		INDEX(BLOB("data", "0.5", "40", "")),
		INDEX("{\"type\":\"data\",\"offset\":0,\"length\":40}"),
		INDEX("{\"id\":" B ",\"offset\":0,\"length\":40}"),
		INDEX("{\"id\":" B ",\"type\":\"data\",\"length\":40}"),
		INDEX("{\"id\":" B ",\"type\":\"data\",\"offset\":0}"),
		/* Together 4 GiB or more. */
		INDEX(BLOB("data", "0", "2147483648", "") "," BLOB("data", "0", "2147483648", "")),
		INDEX(BLOB("data", "0", "40", "")) "x",
		"{\"packs\":[{\"id\":\"11\",\"blobs\":[]}]}",
	};
	struct got g;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK_EQ(parse(bad[i], 2, &g), ERR_INVALID))
			CHECK_STR(bad[i], "refused");
	CHECK_EQ(parse(INDEX(BLOB("data", "0", "40", PLAIN("9"))), 1, &g), ERR_INVALID);
}

/* One pack of n blobs as text. */
static int many(size_t n, struct got *g)
{
	static const char one[] = BLOB("data", "0", "32", "");
	struct buf b;
	int rc;

	buf_init(&b, (size_t)1 << 27);
	buf_adds(&b, "{\"packs\":[{\"id\":" P ",\"blobs\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(&b, ',');
		buf_add(&b, one, sizeof(one) - 1);
	}
	buf_adds(&b, "]}]}");
	rc = parse(buf_str(&b), 2, g);
	buf_release(&b);
	return rc;
}

TEST(blobs_of_a_pack_are_bounded)
{
	struct got g;

	CHECK_EQ(many(PACK_ENTRIES_MAX, &g), 0);
	CHECK_EQ(g.blobs, PACK_ENTRIES_MAX);
	CHECK_EQ(many(PACK_ENTRIES_MAX + 1, &g), ERR_INVALID);
}

TEST(deep_nesting)
{
	struct buf b;
	struct got g;

	buf_init(&b, 1 << 20);
	buf_adds(&b, "{\"x\":");
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, '[');
	CHECK_EQ(parse(buf_str(&b), 2, &g), ERR_INVALID);
	buf_release(&b);
}

TEST(overflow_stays)
{
	struct index_out x;
	struct buf out;
	struct id id = {{1}};
	struct blob b = {.length = 40};

	buf_init(&out, 300);
	index_begin(&x, &out);
	index_pack(&x, &id, &b, 1);
	CHECK(!out.overflow);
	index_pack(&x, &id, &b, 1);
	index_end(&x);
	CHECK(out.overflow);
	buf_release(&out);
}

static int check_one(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	(void)arg;
	(void)pack;
	CHECK(n > 0);
	for (size_t i = 0; i < n; i++)
		CHECK(b[i].length >= 32 && (uint64_t)b[i].offset + b[i].length <= UINT32_MAX);
	return 0;
}

static void survive(void *arg, const uint8_t *p, size_t n)
{
	struct json_in j;
	struct err err;

	(void)arg;
	err_clear(&err);
	json_in_mem(&j, p, n);
	if (index_read(&j, 2, check_one, NULL, &err) < 0)
		CHECK(err.msg[0]);
	json_in_release(&j);
}

TEST(hostile_bytes)
{
	struct buf in;

	golden_read(files[1], &in);
	hostile_each(in.p, in.len, 1100, survive, NULL);
	buf_release(&in);
}
