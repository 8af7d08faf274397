#include "format/gojson.h"
#include "base/json_in.h"
#include "unit/check.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What a Go 1.26 program (unicode.Version 15.0.0) found with strconv.IsPrint over all runes: their
 * number, and FNV-1a over their 4 bytes each. */
TEST(table_is_go_s)
{
	uint64_t h = 14695981039346656037u;
	int n = 0;

	for (uint32_t r = 0; r <= 0x10ffff; r++) {
		if (!gojson_printable(r))
			continue;
		n++;
		for (int i = 0; i < 4; i++)
			h = (h ^ (r >> 8 * i & 255)) * 1099511628211u;
	}
	CHECK_EQ(n, 148998);
	CHECK(h == 0xdcca923bf445d226u);
	CHECK(!gojson_printable(0x110000));
	CHECK(!gojson_printable(UINT32_MAX));
}

#define N(raw, json)                                                                               \
	{                                                                                          \
		raw, sizeof(raw) - 1, json                                                         \
	}
static const struct {
	const char *raw;
	size_t n;
	const char *json;
} names[] = {
	N("plain name.txt", "\"plain name.txt\""),
	N("", "\"\""),
	N("q\"uote", "\"q\\\\\\\"uote\""),
	N("back\\slash", "\"back\\\\\\\\slash\""),
	N("\xff", "\"\\\\xff\""),
	N("a\xffz", "\"a\\\\xffz\""),
	N("\t", "\"\\\\t\""),
	N("\a\b\f\n\r\t\v", "\"\\\\a\\\\b\\\\f\\\\n\\\\r\\\\t\\\\v\""),
	N("\0\x1f\x7f", "\"\\\\x00\\\\x1f\\\\x7f\""),
	N("<a&b>'", "\"\\u003ca\\u0026b\\u003e'\""),
	N("\xc2\x80\xc2\xa0\xc2\xad", "\"\\\\u0080\\\\u00a0\\\\u00ad\""),
	N("\xe2\x80\xa8", "\"\\\\u2028\""),
	N("\xef\xbf\xbd", "\"\xef\xbf\xbd\""),
	N("\xf0\x9f\xab\xa0", "\"\xf0\x9f\xab\xa0\""), /* U+1FAE0 came with Unicode 14 */
	N("\xf0\xae\xaf\xb0", "\"\\\\U0002ebf0\""),    /* U+2EBF0 came with Unicode 15.1 */
	N("\xf4\x8f\xbf\xbf", "\"\\\\U0010ffff\""),
	N("\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\""),            /* a surrogate */
	N("\xc0\x80", "\"\\\\xc0\\\\x80\""),                       /* overlong */
	N("\xf4\x90\x80\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\""), /* above U+10FFFF */
	N("\xe2\x82", "\"\\\\xe2\\\\x82\""),
	N("\xc3\xa9", "\"\xc3\xa9\""),
};

TEST(names_there_and_back)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf b, raw;
		struct json_in j;

		buf_init(&b, 1000);
		buf_init(&raw, 1000);
		gojson_put_name(&b, names[i].raw, names[i].n);
		CHECK_STR(buf_str(&b), names[i].json);
		json_in_mem(&j, b.p, b.len);
		CHECK_EQ(json_string(&j, "name"), 0);
		CHECK_EQ(gojson_unquote(j.str, j.len, &raw), 0);
		CHECK_EQ(raw.len, names[i].n);
		CHECK_MEM(raw.p, names[i].raw, names[i].n);
		json_in_release(&j);
		buf_release(&b);
		buf_release(&raw);
	}
}

TEST(every_pair_of_bytes_comes_back)
{
	for (int a = 0; a < 256; a++) {
		for (int c = 0; c < 256; c++) {
			struct buf b, raw;
			struct json_in j;
			char in[2] = {(char)a, (char)c};

			buf_init(&b, 1000);
			buf_init(&raw, 1000);
			gojson_put_name(&b, in, 2);
			json_in_mem(&j, b.p, b.len);
			json_string(&j, "name");
			if (gojson_unquote(j.str, j.len, &raw) < 0 || raw.len != 2 ||
				memcmp(raw.p, in, 2) != 0)
				CHECK_STR(buf_str(&b), "");
			json_in_release(&j);
			buf_release(&b);
			buf_release(&raw);
		}
	}
}

/* The copy is as long as the text, for the sanitizer. */
static void unquotes(const char *text, const char *want)
{
	size_t n = strlen(text);
	char *s = malloc(n);
	struct buf raw;

	if (!s)
		abort();
	memcpy(s, text, n);

	buf_init(&raw, 1000);
	if (want) {
		CHECK_EQ(gojson_unquote(s, n, &raw), 0);
		CHECK_STR(buf_str(&raw), want);
	} else if (!CHECK_EQ(gojson_unquote(s, n, &raw), ERR_INVALID)) {
		CHECK_STR(text, "refused");
	}
	free(s);
	buf_release(&raw);
}

TEST(unquote)
{
	unquotes("\\101\\377\\x41\\xFf\\u00e9\\u00E9\\U0001f600\\\"\\\\",
		"A\xff"
		"A\xff\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80\"\\");
	unquotes("\\ud7ff\\uE000\\U0010FFFF", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
	static const char *const bad[] = {"\"", "a\"b", "a\nb", "\\", "a\\", "\\'", "\\q", "\\x",
		"\\x4", "\\x4g", "\\u", "\\u123", "\\u12g4", "\\ud800", "\\udfff", "\\U00110000",
		"\\U0001f60", "\\Uffffffff", "\\8", "\\1", "\\18", "\\178", "\\400", "\\777", "\\?",
		"\\e"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		unquotes(bad[i], NULL);
}

TEST(unquote_overflow)
{
	struct buf raw;

	buf_init(&raw, 3);
	CHECK_EQ(gojson_unquote("abc", 3, &raw), 0);
	CHECK_EQ(gojson_unquote("d", 1, &raw), ERR_INVALID);
	buf_release(&raw);
}

/* The examples of docs/format.md 10.2. */
static const struct {
	mode_t st;
	uint32_t go;
	const char *text;
} modes[] = {
	{S_IFREG | 0644, 420, "-rw-r--r--"},
	{S_IFDIR | 0755, 2147484141u, "drwxr-xr-x"},
	{S_IFDIR | 01777, 2148532735u, "dtrwxrwxrwx"},
	{S_IFREG | 06755, 12583405, "ugrwxr-xr-x"},
	{S_IFREG | 04755, 8389101, "urwxr-xr-x"},
	{S_IFLNK | 0777, 134218239, "Lrwxrwxrwx"},
	{S_IFIFO | 0644, 33554852, "prw-r--r--"},
	{S_IFBLK | 0600, 67109248, "Drw-------"},
	{S_IFCHR | 0600, 69206400, "Dcrw-------"},
	{S_IFSOCK | 0755, 16777709, "Srwxr-xr-x"},
	{0170000 | 0111, 524361, "?--x--x--x"},
	{S_IFREG, 0, "----------"},
};

TEST(modes)
{
	char text[24];

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		CHECK_EQ(gojson_mode(modes[i].st), modes[i].go);
		CHECK_EQ(gojson_mode_perm(modes[i].go), modes[i].st & 07777);
		gojson_permissions(modes[i].go, text);
		CHECK_STR(text, modes[i].text);
	}
	gojson_permissions(UINT32_MAX, text);
	CHECK_STR(text, "dalTLDpSugct?rwxrwxrwx");
}
