#include "format/nodeedit.h"
#include "unit/check.h"
#include <string.h>

static const struct id one = {{1}}, two = {{2}};
#define ONE "0100000000000000000000000000000000000000000000000000000000000000"
#define TWO "0200000000000000000000000000000000000000000000000000000000000000"

static const char *edited(const char *json, const struct nodeedit *e)
{
	static struct buf out;

	buf_release(&out);
	buf_init(&out, 1 << 20);
	nodeedit((const uint8_t *)json, strlen(json), e, &out);
	return buf_str(&out);
}

TEST(nothing_changes)
{
	static const char json[] = "{\"name\":\"a\\\"},{\",\"x\":[1,{\"size\":2}],\"size\":3,"
				   "\"content\":[\"" ONE "\"],\"error\":\"}\"}";
	struct nodeedit e = {.subtree = NULL};

	CHECK_STR(edited(json, &e), json);
}

TEST(a_subtree)
{
	struct nodeedit e = {.subtree = &two};

	CHECK_STR(edited("{\"name\":\"d\",\"content\":null,\"subtree\":\"" ONE "\"}", &e),
		"{\"name\":\"d\",\"content\":null,\"subtree\":\"" TWO "\"}");
	/* One that it did not have; before what restic writes behind it. */
	CHECK_STR(edited("{\"name\":\"d\",\"content\":null}", &e),
		"{\"name\":\"d\",\"content\":null,\"subtree\":\"" TWO "\"}");
	CHECK_STR(edited("{\"name\":\"d\",\"content\":null,\"error\":\"e\"}", &e),
		"{\"name\":\"d\",\"content\":null,\"subtree\":\"" TWO "\",\"error\":\"e\"}");
	/* What only looks like it is left alone. */
	CHECK_STR(edited("{\"name\":\"subtree\",\"x\":{\"subtree\":\"1\"},\"subtree\":\"" ONE "\"}",
			  &e),
		"{\"name\":\"subtree\",\"x\":{\"subtree\":\"1\"},\"subtree\":\"" TWO "\"}");
}

TEST(contents)
{
	struct id both[2] = {one, two};
	struct nodeedit e = {.content = true, .ids = both, .n_ids = 2, .size = 7};

	CHECK_STR(edited("{\"name\":\"f\",\"inode\":1,\"size\":9,\"links\":1,\"content\":[\"" ONE
			 "\"]}",
			  &e),
		"{\"name\":\"f\",\"inode\":1,\"size\":7,\"links\":1,\"content\":[\"" ONE "\",\"" TWO
		"\"]}");
	/* A size that it did not have comes where restic has it; one of 0 is left out. */
	CHECK_STR(edited("{\"name\":\"f\",\"inode\":1,\"links\":1,\"content\":null}", &e),
		"{\"name\":\"f\",\"inode\":1,\"size\":7,\"links\":1,\"content\":[\"" ONE "\",\"" TWO
		"\"]}");
	CHECK_STR(edited("{\"name\":\"f\",\"content\":[]}", &e),
		"{\"name\":\"f\",\"size\":7,\"content\":[\"" ONE "\",\"" TWO "\"]}");
	CHECK_STR(edited("{\"name\":\"f\"}", &e),
		"{\"name\":\"f\",\"size\":7,\"content\":[\"" ONE "\",\"" TWO "\"]}");
	e.n_ids = 0;
	e.size = 0;
	CHECK_STR(edited("{ \"name\" : \"f\" , \"size\" : 9, \"links\":1,\"content\": [ \"" ONE
			 "\" ] }",
			  &e),
		"{\"name\":\"f\" ,\"links\":1,\"content\":[]}");
}

/* Whatever stands there, it ends, inside of what it was given. */
TEST(no_json)
{
	static const char *const texts[] = {"", "{", "{\"", "{\"a", "{\"a\"",
		"{\"a\":", "{\"a\":\"", "{\"a\":[", "{\"a\":[{\"b", "x", "{,}", "{\"a\":1,",
		"{\"a\\"};
	struct nodeedit e = {.subtree = &one};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK(strstr(edited(texts[i], &e), ONE) != NULL);
}
