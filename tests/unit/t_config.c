#include "format/config.h"
#include "lib/golden.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

#define ID "b58e0f3a2b58e0f3a2b58e0f3a2b58e0f3a2b58e0f3a2b58e0f3a2b58e0f2cd9"
#define CONFIG(version, id, poly)                                                                  \
	"{\"version\":" version ",\"id\":\"" id "\",\"chunker_polynomial\":\"" poly "\"}"

static int parse(const char *s, struct config *c, struct err *err)
{
	err_clear(err);
	return config_parse(c, s, strlen(s), err);
}

TEST(golden_there_and_back)
{
	static const char *const files[] = {"v2-0.18/config", "v1-0.18/config", "v2-0.14/config"};

	for (size_t i = 0; i < 3; i++) {
		struct buf in, out;
		struct config c;
		struct err err;

		golden_read(files[i], &in);
		CHECK_EQ(config_parse(&c, in.p, in.len, &err), 0);
		CHECK_EQ(c.version, i == 1 ? 1 : 2);
		buf_init(&out, 1000);
		config_write(&c, &out);
		CHECK_EQ(out.len, in.len);
		CHECK_MEM(out.p, in.p, in.len);
		buf_release(&in);
		buf_release(&out);
	}
}

TEST(values)
{
	struct config c;
	struct err err;

	CHECK_EQ(parse("{\"chunker_polynomial\":\"3DA3358B4DC173\",\"x\":[1],\"id\":\"" ID
		       "\",\"version\":1}",
			 &c, &err),
		0);
	CHECK_EQ(c.version, 1);
	CHECK(c.polynomial == 0x3da3358b4dc173u);
	CHECK_STR(id_hex(&c.id).s, ID);
	CHECK_EQ(parse(CONFIG("2", ID, "20000000000047"), &c, &err), 0);
}

TEST(refused)
{
	struct config c;
	struct err err;

	CHECK_EQ(parse(CONFIG("3", ID, "3da3358b4dc173"), &c, &err), ERR_UNSUPPORTED);
	CHECK_EQ(parse(CONFIG("0", ID, "3da3358b4dc173"), &c, &err), ERR_UNSUPPORTED);
	CHECK_EQ(parse("{\"version\":3}", &c, &err), ERR_UNSUPPORTED);
	CHECK_EQ(parse("{\"version\":3,\"id\":{}}", &c, &err), ERR_UNSUPPORTED);
	CHECK_EQ(parse(CONFIG("2", ID, "3da3358b4dc171"), &c, &err), ERR_INVALID); /* reducible */
	/* irreducible, but of degree 2 */
	CHECK_EQ(parse(CONFIG("2", ID, "7"), &c, &err), ERR_INVALID);
	CHECK_EQ(parse(CONFIG("2", ID, ""), &c, &err), ERR_INVALID);
	CHECK_EQ(parse(CONFIG("2", ID, "0x3da3358b4dc17"), &c, &err), ERR_INVALID);
	/* 17 digits */
	CHECK_EQ(parse(CONFIG("2", ID, "0003da3358b4dc173"), &c, &err), ERR_INVALID);
	CHECK_EQ(parse(CONFIG("2", ID, "ffffffffffffffff"), &c, &err), ERR_INVALID);
	CHECK_EQ(parse(CONFIG("2", "00", "3da3358b4dc173"), &c, &err), ERR_INVALID);
	CHECK_EQ(parse(CONFIG("-2", ID, "3da3358b4dc173"), &c, &err), ERR_INVALID);
	CHECK_EQ(parse("{\"version\":2,\"id\":\"" ID "\"}", &c, &err), ERR_INVALID);
	CHECK_EQ(parse("{\"version\":2,\"chunker_polynomial\":\"3da3358b4dc173\"}", &c, &err),
		ERR_INVALID);
	CHECK_EQ(parse("{\"id\":\"" ID "\",\"chunker_polynomial\":\"3da3358b4dc173\"}", &c, &err),
		ERR_INVALID);
	CHECK_EQ(parse("[]", &c, &err), ERR_INVALID);
	CHECK_EQ(parse(CONFIG("2", ID, "3da3358b4dc173") "{", &c, &err), ERR_INVALID);
}

static void survive(void *arg, const uint8_t *p, size_t n)
{
	struct config c;
	struct err err;
	size_t whole = *(size_t *)arg;

	err_clear(&err);
	if (config_parse(&c, p, n, &err) < 0)
		CHECK(err.msg[0]);
	else
		CHECK(n == whole && (c.version == 1 || c.version == 2) && c.polynomial >> 53 == 1);
}

TEST(hostile_bytes)
{
	static const char good[] = CONFIG("2", ID, "3da3358b4dc173");
	size_t n = sizeof(good) - 1;

	hostile_each(good, n, 1000, survive, &n);
}
