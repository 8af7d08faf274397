#include "fs/match.h"
#include "fs/glob.h"
#include "unit/check.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct match_case {
	bool ignore_case;
	const char *pattern[4];
	uint64_t want;
};
#include "unit/match_oracle.h"

static struct match *load(const struct match_case *c)
{
	struct match *m = match_new(c->ignore_case);
	struct err err = {0};

	for (size_t i = 0; i < 4 && c->pattern[i]; i++)
		if (!CHECK_EQ(match_add(m, c->pattern[i], &err), 0))
			fprintf(stderr, "%s\n", err.msg);
	return m;
}

/* The decisions a backup makes for `path` and every directory above it from the target down.
 * include: as a restore does. */
static bool kept(const struct match *m, const char *path, bool include)
{
	char p[4096];
	bool child, matched = false;

	for (size_t n = strlen(match_paths[0]); n <= strlen(path); n++) {
		if (path[n] != '/' && path[n])
			continue;
		snprintf(p, sizeof(p), "%.*s", (int)n, path);
		matched = match_path(m, p, &child);
		if (include ? path[n] && !child : matched)
			return false;
	}
	return include ? matched : true;
}

static bool is_file(size_t i)
{
	size_t n = strlen(match_paths[i]);

	return i + 1 == sizeof(match_paths) / sizeof(match_paths[0]) ||
	       !(strncmp(match_paths[i], match_paths[i + 1], n) == 0 &&
		       match_paths[i + 1][n] == '/');
}

static void compare(const struct match_case *c, size_t n, bool include)
{
	for (size_t k = 0; k < n; k++) {
		struct match *m = load(&c[k]);

		for (size_t i = 0; i < sizeof(match_paths) / sizeof(match_paths[0]); i++) {
			bool want = c[k].want >> i & 1,
			     got = kept(m, match_paths[i], include) && (!include || is_file(i));

			if (!CHECK_EQ(got, want))
				fprintf(stderr, "%s %s …: %s\n", include ? "include" : "exclude",
					c[k].pattern[0], match_paths[i]);
		}
		match_free(m);
	}
}

TEST(exclude_as_restic)
{
	compare(match_exclude, sizeof(match_exclude) / sizeof(match_exclude[0]), false);
}

TEST(include_as_restic)
{
	compare(match_include, sizeof(match_include) / sizeof(match_include[0]), true);
}

/* restic's matcher as docs/format.md 11.4 writes it down: every ** is tried with every number of
 * components. */
struct words {
	const char *w[16];
	size_t n;
};

static bool slow_fixed(const struct words *p, const struct words *s)
{
	size_t lo = 0, hi;

	if (!p->n || p->n > s->n)
		return false;
	hi = s->n - p->n;
	if (strcmp(p->w[0], "/") == 0)
		hi = 0;
	else if (strcmp(s->w[0], "/") == 0)
		lo = 1;
	for (size_t off = lo; off <= hi; off++) {
		size_t k = 0;

		for (; k < p->n; k++) {
			struct glob g;
			bool ok;

			REQUIRE(glob_init(&g, p->w[k], strlen(p->w[k])) == 0);
			ok = glob_match(&g, s->w[off + k], strlen(s->w[off + k])) &&
			     strcmp(p->w[k], "*") + strcmp(s->w[off + k], "/") != 0;
			if (strcmp(s->w[off + k], "/") == 0)
				ok = strcmp(p->w[k], "/") == 0;
			glob_release(&g);
			if (!ok)
				break;
		}
		if (k == p->n)
			return true;
	}
	return false;
}

static bool slow(const struct words *p, const struct words *s)
{
	for (size_t at = 0; at < p->n; at++) {
		if (strcmp(p->w[at], "**") != 0)
			continue;
		for (size_t i = 0; i + p->n <= s->n + 1; i++) {
			struct words q = {.n = 0};

			for (size_t k = 0; k < at; k++)
				q.w[q.n++] = p->w[k];
			for (size_t k = 0; k < i; k++)
				q.w[q.n++] = "*";
			for (size_t k = at + 1; k < p->n; k++)
				q.w[q.n++] = p->w[k];
			if (slow(&q, s))
				return true;
		}
		return false;
	}
	return slow_fixed(p, s);
}

static uint32_t rnd(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 12) % n;
}

static void random_words(struct words *w, char *text, size_t most, const char *const *from,
	uint32_t choices, bool rooted, uint32_t *seed)
{
	size_t n = 1 + rnd(seed, (uint32_t)most);

	*w = (struct words){.n = 0};
	*text = 0;
	if (rooted)
		w->w[w->n++] = "/";
	for (size_t i = 0; i < n; i++) {
		w->w[w->n] = from[rnd(seed, choices)];
		if (i || rooted)
			strcat(text, "/");
		strcat(text, w->w[w->n++]);
	}
}

TEST(as_the_slow_rules)
{
	static const char *const parts[] = {"a", "b", "**", "**", "*", "a*", "?",
		"long-component-a"};
	static const char *const names[] = {"a", "b", "ab", "long-component-a", "long-component-b"};
	uint32_t seed = 42;
	size_t matches = 0;
	const int rounds = 60000;

	for (int i = 0; i < rounds; i++) {
		char pt[256], st[256];
		struct words p, s;
		bool want;

		random_words(&p, pt, 5, parts, 8, rnd(&seed, 2), &seed);
		random_words(&s, st, 6, names, rnd(&seed, 2) ? 5 : 2, rnd(&seed, 8) != 0, &seed);
		want = slow(&p, &s);
		matches += want;
		if (!CHECK_EQ(match_one(pt, st, false), want)) {
			CHECK_STR(pt, st);
			break;
		}
	}
	CHECK(matches > (size_t)rounds / 20 && matches < (size_t)rounds * 19 / 20);
}

TEST(one)
{
	CHECK(match_one("", "/x", false)); /* restic's find: everything */
	CHECK(match_one("!x", "/x", false));
	CHECK(!match_one("[", "/[", false));
	CHECK(match_one("B", "/a/b/c", true));
	CHECK(!match_one("B", "/a/b/c", false));
	CHECK(match_one("user.*", "user.a", false)); /* names of attributes are no paths */
	CHECK(!match_one("/user.*", "user.a", false));
	CHECK(!match_one("a", "", false));
	CHECK(match_one("*", "/", false));
	CHECK(!match_one("?", "/", false));
}

TEST(any_bytes)
{
	CHECK(match_one("?", "/\xff", false));
	CHECK(match_one("\xff", "/a/\xff/b", false));
	CHECK(match_one("\xff", "/\xfe", true)); /* both read as U+FFFD */
	CHECK(match_one("[^a]", "/\x01", false));
	CHECK(match_one("*\n*", "/a\nb", false));
}

TEST(child)
{
	struct match *m = match_new(false);
	bool child = true;

	CHECK(!match_path(m, "/a", &child) && !child); /* an empty list */
	CHECK_EQ(match_count(m), 0);
	CHECK_EQ(match_add(m, "/a/b*/c", NULL), 0);
	CHECK_EQ(match_add(m, "", NULL), 0);
	CHECK_EQ(match_count(m), 1);
	CHECK(!match_path(m, "/", &child) && child);
	CHECK(!match_path(m, "/a/bx", &child) && child);
	CHECK(!match_path(m, "/a/x", &child) && !child);
	CHECK(match_path(m, "/a/b/c/d", &child) && child);
	CHECK(!match_path(m, "a/b", &child) && !child);
	CHECK_EQ(match_add(m, "!b", NULL), 0);
	CHECK(!match_path(m, "/a/b", &child) && !child); /* what is taken away is not entered */
	CHECK_EQ(match_add(m, "/a/b/d", NULL), 0);
	CHECK(!match_path(m, "/a/b", &child) && child);
	match_free(m);
	CHECK(!match_path(NULL, "/a", &child) && !child);
}

TEST(bad_patterns)
{
	static const char *const bad[] = {"[", "a/[^/b", "x\\", "!a/[a-]", "[/]", "a\\/b",
		"/**/[]"};
	struct match *m = match_new(true);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};

		CHECK_EQ(match_add(m, bad[i], &err), ERR_USAGE);
		CHECK(strstr(err.msg, bad[i]) != NULL);
	}
	CHECK_EQ(match_count(m), 0);
	match_free(m);
}

/* Longer than what is kept on the stack, in components and in bytes. */
TEST(deep)
{
	static char path[200000];
	char *p = path, name[256];
	struct match *m = match_new(true);

	for (int i = 0; i < 700; i++)
		p += sprintf(p, "/%0200d", i);
	sprintf(p, "/End");
	CHECK_EQ(match_add(m, "/**/0*9/END", NULL), 0);
	CHECK(match_path(m, path, NULL));
	CHECK(!match_one("/**/0*8/End", path, false));
	CHECK(match_one("0*7/**/end", path, true));
	for (int i = 0; i < 700; i += 20) {
		snprintf(name, sizeof(name), "%0200d", i);
		CHECK(match_one(name, path, false));
	}
	match_free(m);
}

/* 50 patterns of all kinds against many paths, as a nightly run looks at them. */
TEST(many_patterns)
{
	static const char *const some[] = {"*.o", "*.pyc", "__pycache__", "node_modules", ".cache",
		"/home/*/.local/share/Trash", "core.[0-9]*", "*~", "/scratch/**/tmp",
		"**/build/**/*.a", "*.tmp", ".git/objects", "lost+found", "/proc", "/sys",
		"*.sw[op]"};
	struct match *m = match_new(false);
	char text[128];
	size_t matched = 0;
	const int rounds = 20000;

	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), i % 2 ? "*.ext%d" : "name%d", i);
		CHECK_EQ(match_add(m, i < 16 ? some[i] : text, NULL), 0);
	}
	for (int i = 0; i < rounds; i++) {
		snprintf(text, sizeof(text),
			"/project/hpc/group%d/user%d/simulation/run_%06d/output/file_%d.%s", i % 7,
			i % 31, i, i, i % 100 ? "dat" : "tmp");
		matched += match_path(m, text, NULL);
	}
	CHECK_EQ(match_count(m), 50);
	CHECK_EQ(matched, rounds / 100);
	match_free(m);
}

TEST(single_patterns)
{
	struct match *m = match_new(true);
	struct err err;

	REQUIRE(match_add(m, "/A/b/", &err) == 0 && match_add(m, "!*.C", &err) == 0 &&
		match_add(m, "x", &err) == 0);
	CHECK_STR(match_text(m, 0), "/a/b");
	CHECK_STR(match_text(m, 1), "*.c");
	CHECK(!match_negated(m, 0) && match_negated(m, 1) && !match_negated(m, 2));
	CHECK(match_pattern(m, 0, "/a/B/deep") && !match_pattern(m, 0, "/a") &&
		!match_pattern(m, 0, "/x"));
	CHECK(match_pattern(m, 1, "/a/b/n.c") && match_pattern(m, 2, "/p/X"));
	match_free(m);
}
