#include "base/path.h"
#include "base/mem.h"
#include "unit/check.h"

/* What Go's documentation and tests of path/filepath.Clean give. */
TEST(clean)
{
	static const char *const cases[][2] = {{"", "."}, {"abc", "abc"}, {"abc/def", "abc/def"},
		{".", "."}, {"..", ".."}, {"../..", "../.."}, {"../../abc", "../../abc"},
		{"/abc", "/abc"}, {"/", "/"}, {"abc/", "abc"}, {"abc/def/", "abc/def"},
		{"a/b/c/", "a/b/c"}, {"./", "."}, {"../", ".."}, {"../../", "../.."},
		{"/abc/", "/abc"}, {"abc//def//ghi", "abc/def/ghi"}, {"abc//", "abc"},
		{"//abc", "/abc"}, {"///abc", "/abc"}, {"//abc//", "/abc"},
		{"abc/./def", "abc/def"}, {"/./abc/def", "/abc/def"}, {"abc/.", "abc"},
		{"abc/def/ghi/../jkl", "abc/def/jkl"}, {"abc/def/../ghi/../jkl", "abc/jkl"},
		{"abc/def/..", "abc"}, {"abc/def/../..", "."}, {"/abc/def/../..", "/"},
		{"abc/def/../../..", ".."}, {"/abc/def/../../..", "/"},
		{"abc/def/../../../ghi/jkl/../../../mno", "../../mno"}, {"/../abc", "/abc"},
		{"a/../b:/../../c", "../c"}, {"abc/./../def", "def"}, {"abc//./../def", "def"},
		{"abc/../../././../def", "../../def"}, {"...", "..."}, {"a/...", "a/..."},
		{"..a/b", "..a/b"}, {"/..", "/"}, {"a/..b/..", "a"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *got = path_clean(cases[i][0]);

		CHECK_STR(got, cases[i][1]);
		mem_free(got);
	}
}

static void join(const char *a, const char *b, const char *want)
{
	char *got = path_join(a, b);

	CHECK_STR(got, want);
	mem_free(got);
}

TEST(join_and_abs)
{
	char *p;

	join("a", "b", "a/b");
	join("a", "", "a");
	join("", "b", "b");
	join("", "", "");
	join("/", "a", "/a");
	join("a/", "/b", "a/b");
	join("a", "../../b", "../b");
	p = path_abs("/home/u", "../v");
	CHECK_STR(p, "/home/v");
	mem_free(p);
	p = path_abs("/home/u", "/x//y");
	CHECK_STR(p, "/x/y");
	mem_free(p);
	p = path_abs("/home/u", "");
	CHECK_STR(p, "/home/u");
	mem_free(p);
}
