#include "cmd/human.h"
#include "unit/check.h"
#include <string.h>

TEST(sizes)
{
	CHECK_STR(human_size(0).s, "0 B");
	CHECK_STR(human_size(1023).s, "1023 B");
	CHECK_STR(human_size(1024).s, "1.000 KiB");
	CHECK_STR(human_size(116715652).s, "111.309 MiB");
	CHECK_STR(human_size((uint64_t)5 << 29).s, "2.500 GiB");
	CHECK_STR(human_size((uint64_t)1 << 50).s, "1024.000 TiB");
	CHECK_STR(human_size(UINT64_MAX).s, "16777216.000 TiB");
}

TEST(durations)
{
	CHECK_STR(human_duration(0).s, "0:00");
	CHECK_STR(human_duration(61).s, "1:01");
	CHECK_STR(human_duration(3599).s, "59:59");
	CHECK_STR(human_duration(3600).s, "1:00:00");
	CHECK_STR(human_duration(360000).s, "100:00:00");
}

static const char *safe(const char *s, size_t n)
{
	static char text[256];
	struct buf b;

	buf_init(&b, sizeof(text) - 1);
	human_safe(&b, s, n);
	strcpy(text, buf_str(&b));
	buf_release(&b);
	return text;
}

TEST(names_for_a_terminal)
{
	CHECK_STR(safe("a b.txt", 7), "a b.txt");
	CHECK_STR(safe("\xc3\xa4\xe2\x82\xac", 5), "\xc3\xa4\xe2\x82\xac");
	CHECK_STR(safe("a\"b", 3), "a\"b");
	CHECK_STR(safe("a\nb\"\\", 5), "\"a\\x0ab\\\"\\\\\"");
	CHECK_STR(safe("\033[2J", 4), "\"\\x1b[2J\"");
	CHECK_STR(safe("\xff", 1), "\"\\xff\"");
	CHECK_STR(safe("\xc2\x9b", 2), "\"\\xc2\\x9b\"");
	CHECK_STR(safe("", 0), "");
}

TEST(widths)
{
	CHECK_EQ(human_width("abc", 3), 3);
	CHECK_EQ(human_width("\xc3\xa4", 2), 1);
	CHECK_EQ(human_width("\xe6\xbc\xa2", 3), 2);
	CHECK_EQ(human_width("e\xcc\x81", 3), 1);
	CHECK_EQ(human_width("\xff\xff", 2), 2);
}

/* restic's own layout, with one cell of two lines. */
TEST(tables)
{
	static const char *const heads[] = {"ID", "Host      ", "Tags  ", "Size"};
	struct table *t = table_new(heads, 4);
	struct buf b;

	buf_init(&b, 1 << 16);
	table_cell(t, "a74f246f");
	table_cell(t, "vm");
	table_cell(t, "");
	table_cell(t, "5 B");
	table_cell(t, "a59a4ce8");
	table_cell(t, "vm");
	table_cell(t, "t1\nt2");
	table_cell(t, "10 B");
	table_gaps(t);
	table_cell(t, "acd30935");
	table_cell(t, "vm");
	table_cell(t, "");
	table_cell(t, "");
	table_write(t, &b);
	CHECK_STR(buf_str(&b), "ID        Host        Tags    Size\n"
			       "----------------------------------\n"
			       "a74f246f  vm                  5 B\n"
			       "\n"
			       "a59a4ce8  vm          t1      10 B\n"
			       "                      t2\n"
			       "\n"
			       "acd30935  vm\n"
			       "----------------------------------\n");
	table_free(t);
	buf_release(&b);
}

TEST(an_empty_table)
{
	static const char *const heads[] = {"A", "B"};
	struct table *t = table_new(heads, 2);
	struct buf b;

	buf_init(&b, 1 << 16);
	table_write(t, &b);
	CHECK_STR(buf_str(&b), "A  B\n----\n----\n");
	table_free(t);
	buf_release(&b);
}

TEST(json_for_a_terminal)
{
	static const char in[] =
		"{\"a\":\"\xc3\xa4\xe2\x80\xae\x7f\xf0\x90\x80\x80\xf3\xa0\x81\x81\xff\"}\n\x1b";
	struct buf b;

	buf_init(&b, 1 << 16);
	human_json(&b, in, sizeof(in) - 1);
	CHECK_STR(buf_str(&b),
		"{\"a\":\"\xc3\xa4\\u202e\\u007f\xf0\x90\x80\x80\\udb40\\udc41\\ufffd\"}\n\\u001b");
	buf_release(&b);
}
