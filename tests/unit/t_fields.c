#include "format/fields.h"
#include "base/mem.h"
#include "unit/check.h"
#include <string.h>

struct all {
	uint64_t big;
	uint32_t small;
	bool yes;
	struct id id;
	struct ts time;
	int32_t offset;
	char *text;
	uint8_t bytes[3];
};

static int member(void *arg, struct json_in *j)
{
	struct all *a = arg;

	if (FIELD(j, "big"))
		return field_u64(j, &a->big, "big");
	if (FIELD(j, "small"))
		return field_u32(j, &a->small, "small");
	if (FIELD(j, "yes"))
		return field_bool(j, &a->yes, "yes");
	if (FIELD(j, "id"))
		return field_id(j, &a->id, "id");
	if (FIELD(j, "time"))
		return field_time(j, &a->time, &a->offset, "time");
	if (FIELD(j, "text"))
		return field_dup(j, &a->text, "text");
	if (FIELD(j, "bytes"))
		return field_base64(j, a->bytes, sizeof(a->bytes), "bytes");
	return 0;
}

static int parse(const char *json, struct all *a)
{
	struct json_in j;
	int rc;

	memset(a, 0, sizeof(*a));
	json_in_mem(&j, json, strlen(json));
	rc = fields_document(&j, "the test", member, a);
	if (rc < 0)
		CHECK(j.err.msg[0]);
	json_in_release(&j);
	return rc;
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

TEST(all_kinds)
{
	struct all a;

	CHECK_EQ(parse(" {\"x\":[{}],\"big\":18446744073709551615,\"small\":4294967295,\"yes\":"
		       "true,\"id\":\"" HEX "\","
		       "\"time\":\"2024-05-06T07:08:09.5+02:00\",\"text\":\"one\",\"text\":"
		       "\"t\\u00e9xt\",\"bytes\":\"YWJj\",\"y\":null} \n",
			 &a),
		0);
	CHECK(a.big == UINT64_MAX);
	CHECK_EQ(a.small, UINT32_MAX);
	CHECK(a.yes);
	CHECK_EQ(a.id.b[1], 0x11);
	CHECK_EQ(a.time.sec, 1714972089);
	CHECK_EQ(a.time.nsec, 500000000);
	CHECK_EQ(a.offset, 7200);
	CHECK_STR(a.text, "t\xc3\xa9xt");
	CHECK_MEM(a.bytes, "abc", 3);
	mem_free(a.text);
	CHECK_EQ(parse("{}", &a), 0);
}

TEST(refused)
{
	static const char *const bad[] = {"", "{", "[]", "null", "{}x", "{} {}", "{\"x\":}",
		"{\"big\":18446744073709551616}", "{\"big\":-1}", "{\"big\":1.0}", "{\"big\":1e1}",
		"{\"big\":\"1\"}", "{\"big\":null}", "{\"small\":4294967296}", "{\"yes\":1}",
		"{\"id\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeef\"}",
		"{\"id\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeefff0\"}",
		"{\"id\":\"x0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}",
		"{\"id\":null}", "{\"time\":\"yesterday\"}", "{\"time\":1}", "{\"text\":1}",
		"{\"text\":\"a\\u0000b\"}", "{\"bytes\":\"YWI=\"}", "{\"bytes\":\"YWJjZA==\"}",
		"{\"bytes\":\"YWJ\"}", "{\"bytes\":\"\"}", "{\"x\":[1,}", "{\"x\":{\"y\":tru}}"};
	struct all a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!CHECK(parse(bad[i], &a) < 0))
			CHECK_STR(bad[i], "refused");
		mem_free(a.text);
	}
}

TEST(put_id)
{
	struct buf b;
	struct id id;

	CHECK_EQ(id_parse(&id, HEX, 64), 0);
	buf_init(&b, 100);
	fields_put_id(&b, &id);
	CHECK_STR(buf_str(&b), "\"" HEX "\"");
	fields_put_id(&b, &id);
	CHECK(b.overflow);
	buf_release(&b);
}
