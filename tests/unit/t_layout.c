#include "backend/layout.h"
#include "unit/check.h"
#include <stdio.h>

static const char hex[] = "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789";

static void path_is(enum backend_type t, const char *want)
{
	char got[LAYOUT_MAX];
	struct id id;

	REQUIRE(!id_parse(&id, hex, ID_HEX));
	layout_path(t, &id, got);
	CHECK_STR(got, want);
}

TEST(paths)
{
	path_is(BACKEND_KEY,
		"keys/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
	path_is(BACKEND_SNAPSHOT,
		"snapshots/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
	path_is(BACKEND_INDEX,
		"index/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
	path_is(BACKEND_LOCK,
		"locks/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
	path_is(BACKEND_PACK,
		"data/ab/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
}

TEST(names)
{
	static const struct {
		enum backend_type t;
		const char *rel;
		enum backend_odd want;
	} names[] = {
		{BACKEND_KEY, "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
			0},
		{BACKEND_KEY, "abcdeF0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
			BACKEND_ODD_CASE},
		{BACKEND_KEY, "abcdef0123456789abcdef0123456789abcdef0123456789abcdef012345678",
			BACKEND_ODD_NAME},
		{BACKEND_KEY, "abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567890",
			BACKEND_ODD_NAME},
		{BACKEND_KEY,
			"abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789-tmp-17",
			BACKEND_ODD_TEMP},
		{BACKEND_KEY,
			"abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789.tmp-17",
			BACKEND_ODD_NAME},
		{BACKEND_KEY, "ab/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
			BACKEND_ODD_PLACE},
		{BACKEND_PACK,
			"ab/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789", 0},
		{BACKEND_PACK,
			"ac/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
			BACKEND_ODD_PLACE},
		{BACKEND_PACK, "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
			BACKEND_ODD_PLACE},
		{BACKEND_PACK,
			"ab/x/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
			BACKEND_ODD_PLACE},
		{BACKEND_PACK,
			"AB/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
			BACKEND_ODD_PLACE},
		{BACKEND_PACK, "ab/", BACKEND_ODD_NAME},
		{BACKEND_PACK, "", BACKEND_ODD_NAME},
		{BACKEND_CONFIG, "config-tmp-1", BACKEND_ODD_TEMP},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct id id;

		if (!CHECK_EQ(layout_read(names[i].t, names[i].rel, &id), names[i].want))
			fprintf(stderr, "  %s\n", names[i].rel);
	}
}

static void heard(void *arg, enum backend_odd why, const char *path)
{
	CHECK_EQ(why, BACKEND_ODD_NAME);
	CHECK_STR(path, "data/a");
	++*(int *)arg;
}

TEST(what_is_odd_is_told)
{
	int n = 0;
	struct backend_names to = {.odd = heard, .arg = &n}, deaf = {0};

	layout_odd(&to, BACKEND_PACK, BACKEND_ODD_NAME, "a");
	layout_odd(&to, BACKEND_PACK, BACKEND_ODD_NAME, ""); /* markers of directories */
	layout_odd(&to, BACKEND_PACK, BACKEND_ODD_NAME, "ab/");
	layout_odd(&deaf, BACKEND_PACK, BACKEND_ODD_NAME, "a");
	CHECK_EQ(n, 1);
}

TEST(config_has_no_name)
{
	char got[LAYOUT_MAX];

	layout_path(BACKEND_CONFIG, NULL, got);
	CHECK_STR(got, "config");
}

TEST(dirs)
{
	CHECK_STR(layout_dir(BACKEND_CONFIG), "");
	CHECK_STR(layout_dir(BACKEND_KEY), "keys");
	CHECK_STR(layout_dir(BACKEND_SNAPSHOT), "snapshots");
	CHECK_STR(layout_dir(BACKEND_INDEX), "index");
	CHECK_STR(layout_dir(BACKEND_LOCK), "locks");
	CHECK_STR(layout_dir(BACKEND_PACK), "data");
}
