#include "engine/longpath.h"
#include "base/mem.h"
#include "unit/check.h"
#include <string.h>

TEST(entries_of_a_directory)
{
	struct longpath l = {0};
	char *name = mem_zalloc(70000);

	CHECK_STR(longpath_of(&l, "/a/b", "c"), "/a/b/c");
	CHECK_STR(longpath_of(&l, "/a/b", "longer name"), "/a/b/longer name");
	memset(name, 'x', 69999);
	CHECK_EQ(strlen(longpath_of(&l, "/a/b", name)), 5 + 69999);
	CHECK_STR(longpath_of(&l, "/a/b", "d"), "/a/b/d");
	longpath_release(&l);
	CHECK_STR(longpath_of(&l, "/", "top"), "/top");
	longpath_release(&l);
	mem_free(name);
}
