#include "format/tree.h"
#include "base/mem.h"
#include "lib/golden.h"
#include "unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void rewrite(const struct buf *in, const struct zone *z, struct buf *out, int64_t lmt)
{
	struct tree_in t;
	const struct node *n;
	struct err err;
	struct buf one;
	bool first = true;
	int rc;

	buf_init(out, (size_t)1 << 24);
	buf_init(&one, (size_t)1 << 20);
	tree_in_init(&t, in->p, in->len);
	tree_begin(out);
	while ((rc = tree_in_next(&t, &n, &err)) == 1) {
		struct node copy = *n;

		/* The seconds of this offset are not in its text, so the instant read is off by
		 * them; restic would read it so too. */
		if (lmt && n->name.n == 3 && memcmp(n->name.p, "lmt", 3) == 0) {
			copy.mtime.sec += lmt;
			copy.atime.sec += lmt;
		}
		buf_reset(&one);
		node_write(&copy, z, &one);
		tree_node(out, first, one.p, one.len);
		first = false;
	}
	tree_end(out);
	if (!CHECK_EQ(rc, 0))
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(tree_in_next(&t, &n, &err), 0);
	tree_in_release(&t);
	buf_release(&one);
}

static void there_and_back(const char *file, const struct zone *z, int64_t lmt)
{
	struct buf in, out;

	golden_read(file, &in);
	rewrite(&in, z, &out, lmt);
	CHECK_EQ(out.len, in.len);
	if (!CHECK(out.len == in.len && memcmp(out.p, in.p, in.len) == 0))
		fprintf(stderr, "%s\n", file);
	buf_release(&in);
	buf_release(&out);
}

TEST(golden_there_and_back)
{
	there_and_back("v2-0.18/tree-names", NULL, 0);
	there_and_back("v1-0.18/tree-names", NULL, 0);
	there_and_back("v2-0.18/tree-types", NULL, 0);
	there_and_back("v1-0.18/tree-types", NULL, 0);
}

TEST(golden_zone_there_and_back)
{
	struct zone *z = zone_new("America/St_Johns");

	if (zone_offset(z, 1700000000) != -12600) {
		zone_free(z);
		SKIP("no time zones are installed");
	}
	there_and_back("v2-0.18/tree-zone", z, 52);
	there_and_back("v1-0.18/tree-zone", z, 52);
	there_and_back("v2-0.14/tree-zone", z, 52);
	zone_free(z);
}

static bool str_equal(const struct str *a, const struct str *b)
{
	return a->n == b->n && (!a->n || memcmp(a->p, b->p, a->n) == 0);
}

static bool is_ascii(const struct str *s)
{
	for (size_t i = 0; i < s->n; i++)
		if ((unsigned char)s->p[i] >= 0x80)
			return false;
	return true;
}

static void same_node(const struct node *a, const struct node *b)
{
	CHECK(str_equal(&a->name, &b->name));
	CHECK(a->type == b->type && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
		a->inode == b->inode && a->device_id == b->device_id && a->size == b->size &&
		a->links == b->links && a->device == b->device && str_equal(&a->user, &b->user) &&
		str_equal(&a->group, &b->group));
	/* The folder "full" got a file between the two. */
	CHECK(a->type == NODE_DIR ||
		(a->mtime.sec == b->mtime.sec && a->mtime.nsec == b->mtime.nsec &&
			a->ctime.sec == b->ctime.sec));
	/* 0.14 has no linktarget_raw, and no attributes of links. */
	if (is_ascii(&a->linktarget))
		CHECK(str_equal(&a->linktarget, &b->linktarget));
	if (a->type == NODE_SYMLINK)
		return;
	CHECK_EQ(a->n_xattr, b->n_xattr);
	for (size_t i = 0; i < a->n_xattr && i < b->n_xattr; i++)
		CHECK(str_equal(&a->xattr[i].name, &b->xattr[i].name) &&
			str_equal(&a->xattr[i].value, &b->xattr[i].value));
	/* Each repository cuts large files its own way. */
	if (a->size < 500000) {
		CHECK_EQ(a->n_content, b->n_content);
		CHECK(a->n_content != b->n_content || !a->n_content ||
			memcmp(a->content, b->content, a->n_content * ID_SIZE) == 0);
	}
}

/* restic 0.14 quotes other runes and escapes other characters; what it means is the same. */
TEST(old_restic_means_the_same)
{
	static const char *const pairs[][2] = {{"v2-0.18/tree-names", "v2-0.14/tree-names"},
		{"v2-0.18/tree-types", "v2-0.14/tree-types"}};

	for (size_t i = 0; i < 2; i++) {
		struct buf a, b;
		struct tree_in ta, tb;
		const struct node *na, *nb;
		struct err err;
		int nodes = 0;

		golden_read(pairs[i][0], &a);
		golden_read(pairs[i][1], &b);
		tree_in_init(&ta, a.p, a.len);
		tree_in_init(&tb, b.p, b.len);
		for (;;) {
			int rc = tree_in_next(&ta, &na, &err);

			CHECK_EQ(tree_in_next(&tb, &nb, &err), rc);
			if (rc != 1)
				break;
			same_node(na, nb);
			nodes++;
		}
		CHECK(nodes >= 40);
		tree_in_release(&ta);
		tree_in_release(&tb);
		buf_release(&a);
		buf_release(&b);
	}
}

TEST(empty)
{
	struct tree_in t;
	struct buf out;
	const struct node *n;
	struct err err;

	buf_init(&out, 100);
	tree_begin(&out);
	tree_end(&out);
	CHECK_STR(buf_str(&out), "{\"nodes\":[]}\n");
	tree_in_init(&t, out.p, out.len);
	CHECK_EQ(tree_in_next(&t, &n, &err), 0);
	CHECK(!n);
	CHECK_EQ(tree_in_next(&t, &n, &err), 0);
	tree_in_release(&t);
	buf_release(&out);
}

#define A          "{\"name\":\"a\",\"type\":\"file\"}"
#define B          "{\"name\":\"b\",\"type\":\"file\"}"
#define NODE(more) "{\"nodes\":[{\"name\":\"a\",\"type\":\"file\"" more "}]}"
#define HEX        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* Reads all; the number of nodes, or the error.  The copy is as long as the text, for the
 * sanitizer. */
static int count(const char *json, size_t len)
{
	char *copy = malloc(len ? len : 1);
	struct tree_in t;
	const struct node *n;
	struct err err;
	int nodes = 0, rc;

	if (!copy)
		abort();
	memcpy(copy, json, len);
	err_clear(&err);
	tree_in_init(&t, copy, len);
	while ((rc = tree_in_next(&t, &n, &err)) == 1)
		nodes++;
	if (rc < 0) {
		CHECK(strncmp(err.msg, "tree: ", 6) == 0);
		CHECK(!n);
		CHECK_EQ(tree_in_next(&t, &n, &err), ERR_INVALID);
	}
	tree_in_release(&t);
	free(copy);
	return rc < 0 ? rc : nodes;
}

TEST(accepted)
{
	static const char *const good[] = {"{\"nodes\":[" A "," B "]}\n",
		" { \"nodes\" : [ " A " , " B " ] } ",
		"{\"x\":[1,{}],\"nodes\":[" A "," B "],\"y\":null}",
		"{\"nodes\":[" A ",{\"future\":{\"x\":[]},\"type\":\"dir\",\"content\":null,"
		"\"name\":\"b\",\"subtree\":null,\"extended_attributes\":null,"
		"\"generic_attributes\":null,\"linktarget_raw\":null}]}",
		"{\"nodes\":[" A ",{\"name\":\"ab\",\"type\":\"dir\"}]}",
		"{\"nodes\":[{\"name\":\"\\\\xc0\",\"type\":\"dir\"},{\"name\":\"\\\\xc0\\\\x01\","
		"\"type\":\"fifo\"}]}",
		"{\"nodes\":[{\"name\":\"...\",\"type\":\"dir\"},{\"name\":\".a\",\"type\":\"dir\"}"
		"]}"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!CHECK_EQ(count(good[i], strlen(good[i])), 2))
			CHECK_STR(good[i], "accepted");
}

TEST(refused)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"nodes\":null}",
		"{\"nodes\":{}}",
		"{\"nodes\":[" A "]",
		"{\"nodes\":[" A "],\"nodes\":[]}",
		"{\"nodes\":[" A "]}{",
		"{\"nodes\":[" A ",]}",
		"{\"nodes\":[null]}",
		"{\"nodes\":[[]]}",
		/* order */
		"{\"nodes\":[" B "," A "]}",
		"{\"nodes\":[" A "," A "]}",
		"{\"nodes\":[{\"name\":\"ab\",\"type\":\"file\"}," A "]}",
		"{\"nodes\":[{\"name\":\"\\\\xff\",\"type\":\"file\"}," A "]}",
		/* names */
		"{\"nodes\":[{\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\"\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\".\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\"..\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\"a/b\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\"/\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\"\\\\x2f\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\"\\\\x2e\\\\056\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\"a\\\\x00\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\"a\\u0000\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\"a\\\\\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":\"\\\"\",\"type\":\"file\"}]}",
		"{\"nodes\":[{\"name\":1,\"type\":\"file\"}]}",
		/* types */
		"{\"nodes\":[{\"name\":\"a\"}]}",
		"{\"nodes\":[{\"name\":\"a\",\"type\":\"\"}]}",
		"{\"nodes\":[{\"name\":\"a\",\"type\":\"door\"}]}",
		/* values */
		NODE(",\"mode\":4294967296"),
		NODE(",\"mode\":-1"),
		NODE(",\"mode\":\"1\""),
		NODE(",\"uid\":4294967296"),
		NODE(",\"size\":-1"),
		NODE(",\"size\":18446744073709551616"),
		NODE(",\"size\":1e3"),
		NODE(",\"mtime\":\"today\""),
		NODE(",\"mtime\":1"),
		NODE(",\"content\":\"x\""),
		NODE(",\"content\":[1]"),
		NODE(",\"content\":[\"00\"]"),
		NODE(",\"content\":[\"" HEX "\",null]"),
		NODE(",\"subtree\":\"00\""),
		NODE(",\"subtree\":[]"),
		NODE(",\"linktarget_raw\":\"A\""),
		NODE(",\"linktarget_raw\":1"),
		NODE(",\"extended_attributes\":{}"),
		NODE(",\"extended_attributes\":[1]"),
		NODE(",\"extended_attributes\":[{\"name\":1}]"),
		NODE(",\"extended_attributes\":[{\"name\":\"a\",\"value\":\"A\"}]"),
		NODE(",\"extended_attributes\":[{\"value\":\"AA==\"}]"),
		NODE(",\"extended_attributes\":[{\"name\":\"\",\"value\":\"AA==\"}]"),
		NODE(",\"extended_attributes\":[{\"name\":\"a\\u0000b\",\"value\":\"AA==\"}]"),
		NODE(",\"generic_attributes\":[]"),
		NODE(",\"generic_attributes\":{\"a\":}"),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK_EQ(count(bad[i], strlen(bad[i])), ERR_INVALID))
			CHECK_STR(bad[i], "refused");
}

TEST(details)
{
	static const char json[] = NODE(",\"linktarget_raw\":\"bP8=\",\"linktarget\":\"l?\","
					"\"user\":\"u\\u00e9\",\"generic_attributes\":{"
					"\"b\":[1.50,\"\\u003cx\",{}],"
					"\"a\":{\"c\":null,\"d\":[true,false]}},\"content\":[\"" HEX
					"\"],\"subtree\":\"" HEX "\","
					"\"extended_attributes\":[{\"name\":\"n\",\"value\":null},{"
					"\"value\":\"AA==\",\"name\":\"m\"},{"
					"\"name\":\"o\"}],\"error\":\"e\"");
	struct tree_in t;
	const struct node *n;
	struct err err;

	tree_in_init(&t, json, sizeof(json) - 1);
	REQUIRE(tree_in_next(&t, &n, &err) == 1);
	CHECK(n->linktarget.n == 2 && memcmp(n->linktarget.p, "l\xff", 2) == 0);
	CHECK(n->user.n == 3 && memcmp(n->user.p, "u\xc3\xa9", 3) == 0);
	CHECK(n->error.n == 1 && n->error.p[0] == 'e');
	CHECK(n->n_content == 1 && n->has_content && n->content[0].b[31] == 0xff);
	CHECK(n->has_subtree && n->subtree.b[1] == 0x11);
	REQUIRE(n->n_xattr == 3);
	CHECK(n->xattr[0].null && !n->xattr[1].null && n->xattr[2].null);
	CHECK(n->xattr[1].value.n == 1 && n->xattr[1].value.p[0] == 0 &&
		n->xattr[1].name.p[0] == 'm');
	static const char generic[] =
		"{\"b\":[1.50,\"\\u003cx\",{}],\"a\":{\"c\":null,\"d\":[true,false]}}";

	CHECK_EQ(n->generic.n, sizeof(generic) - 1);
	CHECK_MEM(n->generic.p, generic, n->generic.n);
	CHECK_EQ(tree_in_next(&t, &n, &err), 0);
	tree_in_release(&t);
}

/* Strings found early stay true while later ones make the memory grow again and again; nothing of a
 * node is left in the next. */
TEST(memory_grows_under_the_strings)
{
	enum { ATTRS = 50 };
	struct buf json, name;
	struct tree_in t;
	const struct node *n;
	struct err err;

	buf_init(&json, (size_t)1 << 24);
	buf_init(&name, 1000);
	buf_adds(&json, "{\"nodes\":[{\"name\":\"first\",\"user\":\"user\",\"group\":\"group\","
			"\"linktarget\":\"target\",\"generic_"
			"attributes\":{\"a\":1},\"type\":\"file\","
			"\"extended_attributes\":[");
	for (int i = 0; i < ATTRS; i++)
		buf_addf(&json, "%s{\"name\":\"attr%04d\",\"value\":\"%0*d\"}", i ? "," : "", i,
			4 * (i * i + 1), 0);
	buf_adds(&json, "],\"content\":[");
	for (int i = 0; i < 1000; i++)
		buf_addf(&json, "%s\"%064x\"", i ? "," : "", i + 1);
	buf_adds(&json, "],\"error\":\"error\"},{\"name\":\"second\",\"type\":\"dir\"}]}");
	tree_in_init(&t, json.p, json.len);
	REQUIRE(tree_in_next(&t, &n, &err) == 1);
	CHECK(n->name.n == 5 && memcmp(n->name.p, "first", 5) == 0);
	CHECK(n->user.n == 4 && memcmp(n->user.p, "user", 4) == 0);
	CHECK(n->group.n == 5 && memcmp(n->group.p, "group", 5) == 0);
	CHECK(n->linktarget.n == 6 && memcmp(n->linktarget.p, "target", 6) == 0);
	CHECK(n->error.n == 5 && memcmp(n->error.p, "error", 5) == 0);
	REQUIRE(n->n_xattr == ATTRS && n->n_content == 1000);
	for (size_t i = 0; i < ATTRS; i++) {
		buf_reset(&name);
		buf_addf(&name, "attr%04zu", i);
		CHECK(n->xattr[i].name.n == 8 && memcmp(n->xattr[i].name.p, name.p, 8) == 0);
		CHECK_EQ(n->xattr[i].value.n, 3 * (i * i + 1));
		CHECK(memcmp(n->xattr[i].value.p, "\xd3\x4d\x34", 3) == 0);
	}
	for (size_t i = 0; i < 1000; i++)
		CHECK_EQ(n->content[i].b[30] << 8 | n->content[i].b[31], i + 1);
	REQUIRE(tree_in_next(&t, &n, &err) == 1);
	CHECK(!n->user.n && !n->error.n && !n->n_xattr && !n->n_content && !n->has_content &&
		!n->generic.n && n->type == NODE_DIR);
	CHECK_EQ(tree_in_next(&t, &n, &err), 0);
	tree_in_release(&t);
	buf_release(&json);
	buf_release(&name);
}

TEST(deep_nesting)
{
	struct buf b;

	for (int where = 0; where < 3; where++) {
		buf_init(&b, 1 << 20);
		buf_adds(&b, where == 0   ? "{\"x\":"
			     : where == 1 ? "{\"nodes\":[{\"x\":"
					  : "{\"nodes\":[{\"generic_attributes\":{\"x\":");
		for (int i = 0; i < 100000; i++)
			buf_addc(&b, '[');
		CHECK_EQ(count((char *)b.p, b.len), ERR_INVALID);
		buf_release(&b);
	}
}

static void survive(void *arg, const uint8_t *p, size_t n)
{
	(void)arg;
	count((const char *)p, n);
}

TEST(hostile_bytes)
{
	struct buf in;

	golden_read("v2-0.18/tree-zone", &in);
	hostile_each(in.p, in.len, 2200, survive, NULL);
	buf_release(&in);
	golden_read("v2-0.18/tree-types", &in);
	hostile_each(in.p, in.len, 500, survive, NULL);
	buf_release(&in);
}
