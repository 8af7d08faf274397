#include "backend/rest_list.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

#define A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddee00"

static int parse(const char *text, size_t n, bool sized)
{
	struct rest_listing l = {0};
	struct err err = {0};
	int code = rest_listing_parse(&l, text, strlen(text), &err);

	CHECK_EQ(err.code, code);
	if (!code) {
		CHECK_EQ(l.n, n);
		CHECK_EQ(l.sized, sized);
	} else {
		CHECK(strstr(err.msg, "listing"));
	}
	if (!code && n == 2) {
		CHECK_STR(id_hex(&l.v[0].name).s, A);
		CHECK_STR(id_hex(&l.v[1].name).s, B);
		CHECK_EQ(l.v[0].size, sized ? 0 : -1);
		CHECK_EQ(l.v[1].size, sized ? 123456789012 : -1);
	}
	rest_listing_release(&l);
	return code;
}

TEST(both_versions)
{
	CHECK_EQ(parse("[{\"name\":\"" A
		       "\",\"size\":0},{\"size\":123456789012,\"more\":[{}],\"name\":\"" B "\"}]\n",
			 2, true),
		0);
	CHECK_EQ(parse("[\"" A "\", \"" B "\"]", 2, false), 0);
	CHECK_EQ(parse("[]", 0, true), 0);
	CHECK_EQ(parse("null", 0, true), 0);
}

TEST(names_of_strangers)
{
	CHECK_EQ(parse("[\"README\", \"\", \"" A "\", \"" A "-tmp\", \"" B "\"]", 2, false), 0);
	CHECK_EQ(parse("[\"FF112233445566778899aabbccddeeff00112233445566778899aabbccddee00\"]", 0,
			 true),
		0);
	CHECK_EQ(parse("[{\"name\":\"x\",\"size\":1},{\"size\":1},{}]", 0, true), 0);
	/* One without a size: all are asked for. */
	CHECK_EQ(parse("[{\"name\":\"" A "\"}]", 1, false), 0);
}

TEST(other_names_are_kept)
{
	static const char text[] = "[\"README\", \"\", \"" A "\", \"A\\u0000B\", \"" A "-tmp-1\"]",
			  want[] = "README\0A\0B\0" A "-tmp-1";
	struct rest_listing l = {0};

	CHECK_EQ(rest_listing_parse(&l, text, strlen(text), NULL), 0);
	CHECK_EQ(l.n, 1);
	CHECK_EQ(l.odd.len, sizeof(want));
	CHECK(l.odd.len == sizeof(want) && !memcmp(l.odd.p, want, sizeof(want)));
	rest_listing_release(&l);
}

TEST(what_is_no_listing)
{
	static const char *const bad[] = {"", "{}", "<html>", "[", "[1]", "[[]]", "[\"" A "\"",
		"[]x", "[{\"name\":1}]", "[{\"size\":-1}]", "[{\"size\":\"1\"}]",
		"[{\"name\":\"" A "\""};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!CHECK_EQ(parse(bad[i], 0, true), ERR_ODD))
			fprintf(stderr, "  %s\n", bad[i]);
	}
}
