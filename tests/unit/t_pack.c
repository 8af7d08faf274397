#include "format/pack.h"
#include "base/le.h"
#include "base/mem.h"
#include "format/index.h"
#include "lib/golden.h"
#include "unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const repos[] = {"v2-0.18", "v1-0.18", "v2-0.14"};

static void open_header(const char *repo, struct buf *header, uint64_t *end)
{
	char name[64];
	struct buf at;

	snprintf(name, sizeof(name), "%s/pack-header", repo);
	golden_read(name, header);
	snprintf(name, sizeof(name), "%s/pack-header.offset", repo);
	golden_read(name, &at);
	*end = strtoull(buf_str(&at), NULL, 10);
	buf_release(&at);
}

TEST(golden_there_and_back)
{
	for (size_t i = 0; i < 3; i++) {
		struct buf header, again;
		struct blob *b = NULL;
		struct err err;
		uint64_t end;
		size_t n = 0, bytes = 0;

		open_header(repos[i], &header, &end);
		REQUIRE(pack_header_parse(header.p, header.len, end, &b, &n, &err) == 0);
		CHECK(n > 1);
		for (size_t k = 0; k < n; k++) {
			CHECK_EQ(b[k].plain != 0, i != 1);
			bytes += pack_entry_size(&b[k]);
		}
		CHECK_EQ(bytes, header.len);
		buf_init(&again, header.len);
		pack_header_write(b, n, &again);
		CHECK_EQ(again.len, header.len);
		CHECK_MEM(again.p, header.p, header.len);
		mem_free(b);
		b = NULL;
		CHECK_EQ(pack_header_parse(header.p, header.len, end + 1, &b, &n, &err),
			ERR_INVALID);
		CHECK_EQ(pack_header_parse(header.p, header.len, end - 1, &b, &n, &err),
			ERR_INVALID);
		buf_release(&header);
		buf_release(&again);
	}
}

struct match {
	const struct blob *b;
	size_t n, equal;
};

static int compare(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	struct match *m = arg;

	(void)pack;
	CHECK_EQ(n, m->n);
	if (n != m->n)
		return 1;
	/* An index has the blobs of a pack in any order. */
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			m->equal += id_equal(&b[i].id, &m->b[k].id) && b[i].type == m->b[k].type &&
				    b[i].offset == m->b[k].offset &&
				    b[i].length == m->b[k].length && b[i].plain == m->b[k].plain;
	return 1;
}

/* The header is that of the first pack of the index, and says the same. */
TEST(header_equals_index)
{
	for (size_t i = 0; i < 3; i++) {
		struct buf header, index;
		struct match m = {0};
		struct json_in j;
		struct blob *b = NULL;
		struct err err;
		char name[64];
		uint64_t end;

		open_header(repos[i], &header, &end);
		REQUIRE(pack_header_parse(header.p, header.len, end, &b, &m.n, &err) == 0);
		m.b = b;
		snprintf(name, sizeof(name), "%s/index", repos[i]);
		golden_read(name, &index);
		json_in_mem(&j, index.p, index.len);
		CHECK_EQ(index_read(&j, i == 1 ? 1 : 2, compare, &m, &err), 1);
		CHECK_EQ(m.equal, m.n);
		json_in_release(&j);
		mem_free(b);
		buf_release(&header);
		buf_release(&index);
	}
}

TEST(mixed_pack)
{
	struct blob in[4] = {{.type = BLOB_DATA, .length = 32},
		{.type = BLOB_TREE, .offset = 32, .length = 100},
		{.type = BLOB_DATA, .offset = 132, .length = 33, .plain = 4000000000u},
		{.type = BLOB_TREE, .offset = 165, .length = 4000, .plain = 1}};
	struct blob *b = NULL;
	struct buf h;
	struct err err;
	size_t n;

	for (size_t i = 0; i < 4; i++)
		memset(in[i].id.b, (int)i + 1, ID_SIZE);
	buf_init(&h, 1000);
	pack_header_write(in, 4, &h);
	CHECK_EQ(h.len, 37 + 37 + 41 + 41);
	CHECK_EQ(h.p[0], 0);
	CHECK_EQ(h.p[37], 1);
	CHECK_EQ(h.p[74], 2);
	CHECK_EQ(h.p[115], 3);
	REQUIRE(pack_header_parse(h.p, h.len, 4165, &b, &n, &err) == 0);
	CHECK_EQ(n, 4);
	for (size_t i = 0; i < n; i++) {
		CHECK(id_equal(&b[i].id, &in[i].id));
		CHECK_EQ(b[i].type, in[i].type);
		CHECK_EQ(b[i].offset, in[i].offset);
		CHECK_EQ(b[i].length, in[i].length);
		CHECK_EQ(b[i].plain, in[i].plain);
	}
	mem_free(b);
	buf_release(&h);
}

static int parse_one(uint8_t type, uint32_t length, uint32_t plain, size_t size, uint64_t end)
{
	uint8_t e[41] = {type};
	struct blob *b = NULL;
	struct err err;
	size_t n;
	int rc;

	le32_put(e + 1, length);
	le32_put(e + 5, plain);
	rc = pack_header_parse(e, size, end, &b, &n, &err);
	mem_free(b);
	return rc;
}

TEST(hostile_entries)
{
	CHECK_EQ(parse_one(0, 40, 0, 37, 40), 0);
	CHECK_EQ(parse_one(2, 40, 1, 41, 40), 0);
	CHECK_EQ(parse_one(2, 40, 0, 41, 40), ERR_INVALID);
	CHECK_EQ(parse_one(4, 40, 0, 37, 40), ERR_INVALID);
	CHECK_EQ(parse_one(255, 40, 0, 41, 40), ERR_INVALID);
	CHECK_EQ(parse_one(0, 31, 0, 37, 31), ERR_INVALID);
	CHECK_EQ(parse_one(0, 0, 0, 37, 0), ERR_INVALID);
	CHECK_EQ(parse_one(0, UINT32_MAX, 0, 37, UINT32_MAX), 0);
	CHECK_EQ(parse_one(0, 40, 0, 36, 40), ERR_INVALID);
	CHECK_EQ(parse_one(2, 40, 1, 40, 40), ERR_INVALID);
	CHECK_EQ(parse_one(0, 40, 0, 38, 40), ERR_INVALID);
}

/* Lengths that together pass 4 GiB must not wrap around to a sum that fits. */
TEST(sum_beyond_4gib)
{
	struct blob in[3] = {{.length = 0x80000000u}, {.length = 0x80000000u}, {.length = 100}},
		    *b = NULL;
	struct buf h;
	struct err err;
	size_t n;

	buf_init(&h, 1000);
	pack_header_write(in, 3, &h);
	CHECK_EQ(pack_header_parse(h.p, h.len, 100, &b, &n, &err), ERR_INVALID);
	CHECK_EQ(pack_header_parse(h.p, h.len, 0x100000064u, &b, &n, &err), ERR_INVALID);
	CHECK_EQ(pack_header_parse(h.p, 74, 0x100000000u, &b, &n, &err), ERR_INVALID);
	buf_release(&h);
}

static void survive(void *arg, const uint8_t *p, size_t n)
{
	struct blob *b = NULL;
	struct err err;
	size_t count;

	if (pack_header_parse(p, n, *(uint64_t *)arg, &b, &count, &err) == 0)
		mem_free(b);
	else
		CHECK(err.msg[0]);
}

TEST(hostile_bytes)
{
	struct buf header;
	uint64_t end;

	open_header(repos[0], &header, &end);
	hostile_each(header.p, header.len, 1000, survive, &end);
	buf_release(&header);
}

static int span(uint32_t n, uint64_t size, uint64_t *offset, uint32_t *length)
{
	uint8_t last4[4];
	struct err err;

	le32_put(last4, n);
	return pack_header_span(last4, size, offset, length, &err);
}

TEST(header_span)
{
	uint64_t offset = 0;
	uint32_t length = 0;

	CHECK_EQ(span(69, 1000, &offset, &length), 0);
	CHECK_EQ(offset, 927);
	CHECK_EQ(length, 69);
	CHECK_EQ(span(69, 73, &offset, &length), 0);
	CHECK_EQ(offset, 0);
	CHECK_EQ(span(16u << 20, (uint64_t)5 << 30, &offset, &length), 0);
	CHECK_EQ(offset, ((uint64_t)5 << 30) - (16u << 20) - 4);
	CHECK_EQ(span((16u << 20) + 1, (uint64_t)5 << 30, &offset, &length), ERR_INVALID);
	CHECK_EQ(span(70, 73, &offset, &length), ERR_INVALID);
	CHECK_EQ(span(32, 72, &offset, &length), ERR_INVALID);
	CHECK_EQ(span(32, 0, &offset, &length), ERR_INVALID);
	CHECK_EQ(span(31, 1000, &offset, &length), ERR_INVALID);
	CHECK_EQ(span(0, 1000, &offset, &length), ERR_INVALID);
	CHECK_EQ(span(UINT32_MAX, UINT64_MAX, &offset, &length), ERR_INVALID);
}
