#include "base/err.h"
#include "fs/glob.h"
#include "unit/check.h"
#include <stdint.h>
#include <string.h>

/* What Go 1.26's path.Match says: '1', '0', or 'e' for a bad pattern.  (filepath.Match has the same
 * rules, but does not look at what lies behind the first mismatch, so it may miss a bad pattern.)
 */
static const struct {
	const char *pattern, *name, want;
} go[] = {
	/* clang-format off */
	{"abc", "abc", '1'},
	{"*", "abc", '1'},
	{"*", "\303\244\377", '1'},
	{"*c", "abc", '1'},
	{"a*", "a", '1'},
	{"a*", "abc", '1'},
	{"a*b", "ab", '1'},
	{"a*b", "axxb", '1'},
	{"a*b", "axxbc", '0'},
	{"a*b*c*d", "axbxcxd", '1'},
	{"a*b*c*d", "axbxcxe", '0'},
	{"a*b\077c*x", "abxbbxdbxebxczzx", '1'},
	{"a*b\077c*x", "abxbbxdbxebxczzy", '0'},
	{"ab[c]", "abc", '1'},
	{"ab[b-d]", "abc", '1'},
	{"ab[e-g]", "abc", '0'},
	{"ab[^c]", "abc", '0'},
	{"ab[^b-d]", "abc", '0'},
	{"ab[^e-g]", "abc", '1'},
	{"a\\*b", "a*b", '1'},
	{"a\\*b", "ab", '0'},
	{"a\077b", "a\303\244b", '1'},
	{"a[^a]b", "a\303\244b", '1'},
	{"a\077\077\077b", "a\303\244b", '0'},
	{"a\077\077b", "a\303\244b", '0'},
	{"a[^a][^a][^a]b", "a\303\244b", '0'},
	{"[a-\303\274]*", "\303\266", '1'},
	{"*[a-\303\274]", "A", '0'},
	{"a[*]b", "a*b", '1'},
	{"[\\]a]", "]", '1'},
	{"[\\-]", "-", '1'},
	{"[x\\-]", "x", '1'},
	{"[x\\-]", "-", '1'},
	{"[x\\-]", "z", '0'},
	{"[\\-x]", "x", '1'},
	{"[]a]", "]", 'e'},
	{"[-]", "-", 'e'},
	{"[x-]", "x", 'e'},
	{"[x-]", "-", 'e'},
	{"[-x]", "x", 'e'},
	{"\\", "a", 'e'},
	{"[a-b-c]", "a", 'e'},
	{"[", "a", 'e'},
	{"[^", "a", 'e'},
	{"[^bc", "a", 'e'},
	{"a[", "a", 'e'},
	{"a[", "ab", 'e'},
	{"*x", "xxx", '1'},
	{"[!a]", "!", '1'},
	{"[!a]", "b", '0'},
	{"[z-a]", "m", '0'},
	{"\077", "\377", '1'},
	{"\077\077", "\303\244", '0'},
	{"*\077", "\303\244", '1'},
	{"*\077\077", "\303\244", '0'},
	{"[^a]", "\377", '1'},
	{"[\377]", "\377", 'e'},
	{"[\357\277\275]", "\377", '1'},
	{"a]", "a]", '1'},
	{"]", "]", '1'},
	{"[[]", "[", '1'},
	{"[a]]", "a]", '1'},
	{"[^]", "^", 'e'},
	{"[^^]", "a", '1'},
	{"[a^]", "^", '1'},
	{"**", "x", '1'},
	{"a**b", "ab", '1'},
	{"***", "abc", '1'},
	{".*", ".a", '1'},
	{"*", ".a", '1'},
	{"*.o", "x.o", '1'},
	{"*.o", ".o", '1'},
	{"*.o", "o", '0'},
	{"*.o", "x.ob", '0'},
	{"x*[", "y", 'e'},
	{"*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", '0'},
	{"\\a\\b", "ab", '1'},
	{"a*\\", "b", 'e'},
	{"[\\", "a", 'e'},
	{"[a-\\]]", "[", '0'},
	{"[--a]", ".", 'e'},
	{"ab*ab", "ab", '0'},
	{"ab*ab", "abab", '1'},
	{"ab*ab", "aab", '0'},
	{"\303*", "\303\244", '1'},
	{"*\244", "\303\244", '1'},
	/* clang-format on */
};

static char verdict(const char *pattern, const char *name)
{
	struct glob g;
	char c;

	if (glob_init(&g, pattern, strlen(pattern)) < 0)
		return 'e';
	c = glob_match(&g, name, strlen(name)) ? '1' : '0';
	glob_release(&g);
	return c;
}

TEST(as_go)
{
	for (size_t i = 0; i < sizeof(go) / sizeof(go[0]); i++)
		if (!CHECK_EQ(verdict(go[i].pattern, go[i].name), go[i].want))
			CHECK_STR(go[i].pattern, go[i].name);
}

/* The rules written down without any cleverness, for literals, * and ?. */
static bool slow(const char *p, const char *s)
{
	if (!*p)
		return !*s;
	if (*p == '*')
		return slow(p + 1, s) || (*s && slow(p, s + 1));
	return *s && (*p == '?' || *p == *s) && slow(p + 1, s + 1);
}

static void word(char *out, size_t n, const char *letters, uint32_t *seed)
{
	for (size_t i = 0; i < n; i++) {
		*seed = *seed * 1664525 + 1013904223;
		out[i] = letters[(*seed >> 16) % strlen(letters)];
	}
	out[n] = 0;
}

TEST(as_the_slow_rules)
{
	uint32_t seed = 1;
	size_t matches = 0;

	for (int i = 0; i < 100000; i++) {
		char p[8], s[9], want;

		word(p, 1 + (seed >> 8) % 7, "ab**?", &seed);
		word(s, (seed >> 8) % 9, "ab", &seed);
		want = slow(p, s) ? '1' : '0';
		matches += want == '1';
		if (!CHECK_EQ(verdict(p, s), want)) {
			CHECK_STR(p, s);
			break;
		}
	}
	CHECK(matches > 10000 && matches < 90000);
}

TEST(literal)
{
	CHECK(glob_is_literal("abc", 3));
	CHECK(glob_is_literal("", 0));
	CHECK(!glob_is_literal("a]b", 3));
	CHECK(!glob_is_literal("a\\b", 3));
	CHECK(!glob_is_literal("*", 1));
	CHECK(glob_is_literal("ab*", 2)); /* only n bytes count */
}

/* Patterns that take exponential time when every star is tried again. */
TEST(many_stars)
{
	char p[200] = "", s[2001];

	for (int i = 0; i < 60; i++)
		strcat(p, "a*");
	strcat(p, "b?");
	memset(s, 'a', sizeof(s) - 1);
	s[sizeof(s) - 1] = 0;
	CHECK_EQ(verdict(p, s), '0');
	s[1998] = 'b';
	CHECK_EQ(verdict(p, s), '1');
}
