#include "format/node.h"
#include "unit/check.h"
#include <string.h>

#define STR(s)                                                                                     \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}
#define TIMES                                                                                      \
	"\"mtime\":\"1970-01-01T00:00:00Z\",\"atime\":\"1970-01-01T00:00:00Z\",\"ctime\":\"1970-"  \
	"01-01T00:00:00Z\",\"uid\":0,\"gid\":0"
#define HEX1 "0101010101010101010101010101010101010101010101010101010101010101"
#define HEX2 "0202020202020202020202020202020202020202020202020202020202020202"

static void written(const struct node *n, const char *want)
{
	struct buf out;

	buf_init(&out, 100000);
	node_write(n, NULL, &out);
	CHECK_STR(buf_str(&out), want);
	buf_release(&out);
}

TEST(least)
{
	struct node n = {.name = STR("a"), .type = NODE_FILE};

	written(&n, "{\"name\":\"a\",\"type\":\"file\"," TIMES ",\"content\":[]}");
	n.type = NODE_FIFO;
	written(&n, "{\"name\":\"a\",\"type\":\"fifo\"," TIMES ",\"content\":null}");
}

TEST(most)
{
	struct id ids[2];
	struct node_xattr x[] = {{STR("user.a"), STR("v\0"), false},
		{STR("user.<"), {NULL, 0}, false}, {STR("user.n"), {NULL, 0}, true}};
	struct node n = {.name = STR("a\"\xff"),
		.type = NODE_FILE,
		.mode = 420,
		.mtime = {1700000000, 10},
		.atime = {1, 0},
		.ctime = {-1, 500000000},
		.uid = 4294967295u,
		.gid = 7,
		.user = STR("u<"),
		.group = STR("g\b"),
		.inode = UINT64_MAX,
		.device_id = 2,
		.size = 3,
		.links = 4,
		.device = 5,
		.linktarget = STR("l\xff"),
		.xattr = x,
		.n_xattr = 3,
		.content = ids,
		.n_content = 2,
		.has_subtree = true,
		.error = STR("e"),
		.generic = STR("{\"k\":1}")};

	memset(&ids[0], 1, ID_SIZE);
	memset(&ids[1], 2, ID_SIZE);
	n.subtree = ids[1];
	written(&n, "{\"name\":\"a\\\\\\\"\\\\xff\",\"type\":\"file\",\"mode\":420,\"mtime\":"
		    "\"2023-11-14T22:13:20.00000001Z\","
		    "\"atime\":\"1970-01-01T00:00:01Z\",\"ctime\":\"1969-12-31T23:59:59.5Z\","
		    "\"uid\":4294967295,\"gid\":7,\"user\":"
		    "\"u\\u003c\","
		    "\"group\":\"g\\b\",\"inode\":18446744073709551615,\"device_id\":2,\"size\":3,"
		    "\"links\":4,\"linktarget\":\"l\\ufffd\","
		    "\"linktarget_raw\":\"bP8=\",\"extended_attributes\":[{\"name\":\"user.a\","
		    "\"value\":\"dgA=\"},{\"name\":\"user."
		    "\\u003c\",\"value\":\"\"},"
		    "{\"name\":\"user.n\",\"value\":null}],\"generic_attributes\":{\"k\":1},"
		    "\"device\":5,\"content\":[\"" HEX1 "\",\"" HEX2 "\"],"
		    "\"subtree\":\"" HEX2 "\",\"error\":\"e\"}");
}

TEST(link_target_of_valid_utf8_has_no_raw_form)
{
	struct node n = {.name = STR("a"),
		.type = NODE_SYMLINK,
		.linktarget = STR("\xc3\xa9\xef\xbf\xbd")};

	written(&n, "{\"name\":\"a\",\"type\":\"symlink\"," TIMES
		    ",\"linktarget\":\"\xc3\xa9\xef\xbf\xbd\",\"content\":null}");
}

TEST(types)
{
	static const char *const names[] = {"file", "dir", "symlink", "dev", "chardev", "fifo",
		"socket", "irregular"};

	for (int t = 0; t < NODE_TYPES; t++) {
		CHECK_STR(node_type_name((enum node_type)t), names[t]);
		CHECK_EQ(node_type_parse(names[t], strlen(names[t])), t);
		CHECK_EQ(node_type_parse(names[t], strlen(names[t]) - 1), ERR_INVALID);
	}
	CHECK_EQ(node_type_parse("", 0), ERR_INVALID);
	CHECK_EQ(node_type_parse("files", 5), ERR_INVALID);
	CHECK_EQ(node_type_parse("File", 4), ERR_INVALID);
}

TEST(overflow)
{
	struct node n = {.name = STR("a"), .type = NODE_FILE};
	struct buf out;

	buf_init(&out, 100);
	node_write(&n, NULL, &out);
	CHECK(out.overflow);
	buf_release(&out);
}

TEST(unchanged)
{
	const struct node then = {.name = STR("a"),
		.type = NODE_FILE,
		.mtime = {5, 6},
		.ctime = {7, 8},
		.size = 9,
		.inode = 10,
		.mode = 1,
		.device_id = 3};
	struct node now = then;

	CHECK(node_unchanged(&then, &now, 0));
	/* Not looked at. */
	now.mode = 2;
	now.device_id = 4;
	now.atime.sec = 1;
	now.uid = 1;
	CHECK(node_unchanged(&then, &now, 0));
	now.mtime.nsec++;
	CHECK(!node_unchanged(&then, &now, NODE_IGNORE_CTIME | NODE_IGNORE_INODE));
	now = then;
	now.mtime.sec++;
	CHECK(!node_unchanged(&then, &now, NODE_IGNORE_CTIME | NODE_IGNORE_INODE));
	now = then;
	now.size++;
	CHECK(!node_unchanged(&then, &now, NODE_IGNORE_CTIME | NODE_IGNORE_INODE));
	now = then;
	now.ctime.nsec++;
	CHECK(!node_unchanged(&then, &now, 0));
	CHECK(node_unchanged(&then, &now, NODE_IGNORE_CTIME));
	CHECK(node_unchanged(&then, &now, NODE_IGNORE_INODE));
	now = then;
	now.inode++;
	CHECK(!node_unchanged(&then, &now, 0));
	CHECK(!node_unchanged(&then, &now, NODE_IGNORE_CTIME));
	CHECK(node_unchanged(&then, &now, NODE_IGNORE_INODE));
	now = then;
	now.type = NODE_SYMLINK;
	CHECK(!node_unchanged(&then, &now, 0));
	CHECK(!node_unchanged(&now, &then, 0));
	CHECK(!node_unchanged(&now, &now, 0));
}

/* Whatever the name, the key itself is found. */
TEST(apart)
{
	static const char *const names[] = {"f", "a\",\"links\":7,\"b", ",\"links\":\\",
		"\\\",\"links\":9"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (uint64_t links = 1; links < 100000000; links = links * 7 + 2) {
			struct node n = {.name = {names[i], strlen(names[i])},
				.type = NODE_FILE,
				.inode = 1,
				.device_id = links * 3,
				.size = 5,
				.links = links};
			struct buf a, b;

			buf_init(&a, 10000);
			buf_init(&b, 10000);
			node_write(&n, NULL, &a);
			n.links = 1;
			n.device_id = 0;
			node_write(&n, NULL, &b);
			a.len = node_apart(a.p, a.len);
			CHECK_STR(buf_str(&a), buf_str(&b));
			buf_release(&a);
			buf_release(&b);
		}
	}
	{
		char none[] = "{\"name\":\"f\"}";

		CHECK_EQ(node_apart((uint8_t *)none, strlen(none)), strlen(none));
	}
}

TEST(settled)
{
	struct ts time = {100, 5}, future = {1000, 0};
	struct node n = {.type = NODE_FILE, .mtime = {100, 5}, .ctime = {100, 5}};

	CHECK(node_settled(&n, 0, &time, &future));
	n.mtime.nsec++;
	CHECK(!node_settled(&n, 0, &time, &future) &&
		!node_settled(&n, NODE_IGNORE_CTIME, &time, &future));
	n.mtime = (struct ts){1000, 1};
	CHECK(node_settled(&n, 0, &time, &future) &&
		!node_settled(&n, NODE_IGNORE_CTIME, &time, &future));
	n.ctime.nsec++;
	CHECK(!node_settled(&n, 0, &time, &future));
	n.mtime = time;
	CHECK(!node_settled(&n, 0, &time, &future));
	CHECK(node_settled(&n, NODE_IGNORE_CTIME, &time, &future) &&
		node_settled(&n, NODE_IGNORE_INODE, &time, &future)); /* it means nothing there */
}
