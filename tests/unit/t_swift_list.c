#include "backend/swift_list.h"
#include "base/mem.h"
#include "unit/check.h"
#include <string.h>

#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define HA "abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define HU "ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD"

struct seen {
	unsigned n;
	uint64_t size;
	unsigned stop_at;
};

static int see(void *arg, const char *name, uint64_t size)
{
	struct seen *s = arg;

	(void)name;
	s->n++;
	s->size += size;
	return s->n == s->stop_at ? 55 : 0;
}

static int page(const char *text, char **last, size_t *count, struct seen *s, struct err *err)
{
	return swift_page_read(text, strlen(text), last, count, see, s, err);
}

TEST(names)
{
	struct seen s = {0};
	char *last = NULL;
	size_t count;

	CHECK_EQ(page("[{\"hash\":\"x\",\"bytes\":5,\"name\":\"p/data/11/" H1
		      "\",\"content_type\":null},{\"subdir\":\"p/q/\"},"
		      "{\"name\":\"p/data/" HU
		      "\",\"bytes\":1},{\"name\":\"p/data/README\",\"bytes\":1},{\"name\":\"" HA
		      "\",\"bytes\":7}]",
			 &last, &count, &s, NULL),
		0);
	CHECK_EQ(count, 4);
	CHECK_EQ(s.n, 4);
	CHECK_EQ(s.size, 14);
	CHECK_STR(last, HA);
	CHECK_EQ(page("[]", &last, &count, &s, NULL), 0);
	CHECK_EQ(count, 0);
	CHECK_STR(last, HA);
	mem_free(last);
}

TEST(a_reader_may_stop)
{
	struct seen s = {.stop_at = 1};
	char *last = NULL;
	size_t count;

	CHECK_EQ(page("[{\"name\":\"" H1 "\",\"bytes\":1},{\"name\":\"" HA "\",\"bytes\":1}]",
			 &last, &count, &s, NULL),
		55);
	CHECK_EQ(s.n, 1);
	mem_free(last);
}

TEST(a_page_again)
{
	static const char text[] = "[{\"name\":\"a\",\"bytes\":1},{\"name\":\"b\",\"bytes\":1}]";
	struct seen s = {0};
	char *last = NULL;
	struct err err = {0};
	size_t count;

	CHECK_EQ(page(text, &last, &count, &s, &err), 0);
	CHECK_EQ(page(text, &last, &count, &s, &err), ERR_INVALID);
	CHECK(strstr(err.msg, "behind"));
	mem_free(last);
}

static void bad(const char *text)
{
	struct seen s = {0};
	char *last = NULL;
	struct err err = {0};
	size_t count;

	CHECK_EQ(page(text, &last, &count, &s, &err), ERR_ODD);
	CHECK(err.msg[0]);
	mem_free(last);
}

TEST(bad_pages)
{
	bad("");
	bad("{}");
	bad("<html>");
	bad("[");
	bad("[{\"name\":\"" H1 "\",\"bytes\":1}");
	bad("[{\"name\":\"" H1 "\",\"bytes\":-1}]");
	bad("[{\"name\":\"a\\u0000b\",\"bytes\":1}]");
	bad("[{\"name\":7}]");
	bad("[7]");
}
