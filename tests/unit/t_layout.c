#include "backend/layout.h"
#include "unit/check.h"

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
	path_is(BACKEND_KEY, "keys/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
	path_is(BACKEND_SNAPSHOT, "snapshots/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
	path_is(BACKEND_INDEX, "index/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
	path_is(BACKEND_LOCK, "locks/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
	path_is(BACKEND_PACK, "data/ab/abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
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
