#include "base/json_in.h"
#include "base/json_out.h"
#include "unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pieces {
	const uint8_t *p;
	size_t left, step;
	uint8_t *own; /* each piece is a fresh copy, and the one before is freed: who keeps a
			 pointer is caught by the address sanitizer */
	int fail_at;
};

static int more(void *arg, const uint8_t **p, size_t *n, struct err *err)
{
	struct pieces *s = arg;

	if (s->fail_at && --s->fail_at == 0)
		return err_set(err, ERR_IO, "the line broke");
	free(s->own);
	s->own = NULL;
	*n = s->step < s->left ? s->step : s->left;
	if (*n) {
		s->own = malloc(*n);
		memcpy(s->own, s->p, *n);
	}
	*p = s->own;
	s->p += *n;
	s->left -= *n;
	return 0;
}

/* The tokens as a line of text, ending in "." or "!". */
static void trace(struct json_in *j, struct buf *out)
{
	static const char names[] = "!.{}[]k\"#tf0";
	enum json_token t;

	do {
		t = json_next(j);
		buf_addc(out, names[t]);
		if (t == JSON_KEY || t == JSON_STRING || t == JSON_NUMBER) {
			buf_add(out, j->str, j->len);
			buf_addc(out, '|');
		}
	} while (t != JSON_BAD && t != JSON_END);
}

static void mem_trace(const char *s, size_t n, struct buf *out)
{
	struct json_in j;

	json_in_mem(&j, s, n);
	trace(&j, out);
	CHECK_EQ(j.err.code != 0, out->p[out->len - 1] == '!');
	json_in_release(&j);
}

/* Whatever the pieces, the tokens are the same. */
static void check_trace(const char *s, size_t n, const char *want, size_t want_n)
{
	struct buf a, b;

	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	mem_trace(s, n, &a);
	if (want && (a.len != want_n || memcmp(a.p, want, want_n) != 0)) {
		CHECK_EQ(a.len, want_n);
		CHECK_STR(buf_str(&a), want);
	}
	for (size_t step = 1; step <= n && step < 9; step++) {
		struct pieces src = {(const uint8_t *)s, n, step, NULL, 0};
		struct json_in j;

		json_in_stream(&j, more, &src);
		buf_reset(&b);
		trace(&j, &b);
		if (!CHECK(a.len == b.len && memcmp(a.p, b.p, a.len) == 0))
			fprintf(stderr, "pieces of %zu:\n  %s\n  %s\n  %s\n", step, s, buf_str(&a),
				buf_str(&b));
		json_in_release(&j);
		free(src.own);
	}
	buf_release(&a);
	buf_release(&b);
}
#define TRACE(s, want) check_trace(s, sizeof(s) - 1, want, sizeof(want) - 1)

TEST(tokens)
{
	TRACE("{}", "{}.");
	TRACE(" [ ] ", "[].");
	TRACE("{\"a\":1,\"b\":[true,false,null,\"x\"],\"c\":{\"d\":-1.5e+10}}",
		"{ka|#1|kb|[tf0\"x|]kc|{kd|#-1.5e+10|}}.");
	TRACE("12345", "#12345|.");
	TRACE("\"\"", "\"|.");
	TRACE("[0,-0,0.5,1E5,10]\n", "[#0|#-0|#0.5|#1E5|#10|].");
	TRACE("\t[\r\n[[]]]", "[[[]]].");
}

TEST(strings)
{
	TRACE("\"plain text that is longer than eight\"",
		"\"plain text that is longer than eight|.");
	TRACE("\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t\"", "\"a\"b\\c/d\b\f\n\r\t|.");
	TRACE("\"\\u0041\\u00e4\\u20AC\"", "\"A\xc3\xa4\xe2\x82\xac|.");
	TRACE("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80|.");
	TRACE("\"\\ud83dx\"", "\"\xef\xbf\xbdx|.");
	TRACE("\"\\ud83d\\n\"", "\"\xef\xbf\xbd\n|.");
	TRACE("\"\\ud83d\"", "\"\xef\xbf\xbd|.");
	TRACE("\"\\ud83d\\ud83d\\ude00\"", "\"\xef\xbf\xbd\xf0\x9f\x98\x80|.");
	TRACE("\"\\ude00x\"", "\"\xef\xbf\xbdx|.");
	TRACE("\"\\ud83d\\u0041\"", "\"\xef\xbf\xbd\x41|.");
	TRACE("\"a\\u0000b\"", "\"a\0b|.");
	TRACE("\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 and more\"",
		"\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 and more|.");
	TRACE("\"\xff\xfe\"", "\"\xef\xbf\xbd\xef\xbf\xbd|.");
	TRACE("\"x\xe2\x82y\xed\xa0\x80\"",
		"\"x\xef\xbf\xbd\xef\xbf\xbdy\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|.");
	TRACE("\"\x7f\"", "\"\x7f|.");
	TRACE("{\"\\u0061\":\"1234567\\n89012345678901234\"}",
		"{ka|\"1234567\n89012345678901234|}.");
}

TEST(errors)
{
	static const char *const bad[] = {"", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]",
		"{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}", "[1 2]", "1 2",
		"{} {}", "tru", "truex", "nul", "fAlse", "01", "-", "-a", "1.", ".5", "1e", "1e+",
		"+1", "1.e5", "--1", "1-1", "\"", "\"abc", "\"\\", "\"\\x\"", "\"\\u12\"",
		"\"\\u12g4\"", "\"\n\"", "\"12345678\x01\"", "\"\\'\"", "[}", "{]", "[\"a\":1]",
		"{\"a\":1]", "\xef\xbb\xbf{}", "/**/1", "NaN", "'a'", "{\"a\"::1}", ",", ":",
		"[1}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf b;

		buf_init(&b, 1000);
		mem_trace(bad[i], strlen(bad[i]), &b);
		if (!CHECK_EQ(b.p[b.len - 1], '!'))
			fprintf(stderr, "  accepted: %s\n", bad[i]);
		buf_release(&b);
		check_trace(bad[i], strlen(bad[i]), NULL, 0);
	}
}

TEST(errors_stay)
{
	struct json_in j;
	uint64_t v;

	json_in_mem(&j, "[1,x,2]", 7);
	json_next(&j);
	json_next(&j);
	CHECK_EQ(json_next(&j), JSON_BAD);
	CHECK_EQ(j.err.code, ERR_INVALID);
	CHECK_STR(j.err.msg, "JSON: unexpected 'x'");
	CHECK_EQ(json_next(&j), JSON_BAD);
	CHECK_EQ(json_u64(&j, &v, "v"), ERR_INVALID);
	CHECK_EQ(json_skip(&j), ERR_INVALID);
	CHECK_EQ(json_bad(&j, "later"), ERR_INVALID);
	CHECK_STR(j.err.msg, "JSON: unexpected 'x'");
	json_in_release(&j);
	json_in_release(NULL);
}

TEST(depth)
{
	char s[2 * JSON_DEPTH + 3];
	struct json_in j;
	size_t n;

	memset(s, '[', sizeof(s));
	memset(s + JSON_DEPTH, ']', JSON_DEPTH);
	json_in_mem(&j, s, 2 * JSON_DEPTH);
	for (n = 0; json_next(&j) != JSON_END && j.token != JSON_BAD; n++)
		;
	CHECK_EQ(n, 2 * JSON_DEPTH);
	CHECK_EQ(j.token, JSON_END);
	json_in_release(&j);
	memset(s, '[', sizeof(s));
	json_in_mem(&j, s, sizeof(s));
	for (n = 0; json_next(&j) != JSON_BAD; n++)
		;
	CHECK_EQ(n, JSON_DEPTH);
	json_in_release(&j);
}

TEST(string_limit)
{
	static const char s[] = "[\"12345678\",\"123456789\"]",
			  e[] = "[\"1234567\\n\",\"12345678\\n\"]";

	for (size_t step = 1; step < 30; step++)
		for (int escaped = 0; escaped < 2; escaped++) {
			struct pieces src = {(const uint8_t *)(escaped ? e : s),
				strlen(escaped ? e : s), step, NULL, 0};
			struct json_in j;

			json_in_stream(&j, more, &src);
			j.max_string = 8;
			CHECK_EQ(json_next(&j), JSON_ARRAY);
			CHECK_EQ(json_next(&j), JSON_STRING);
			CHECK_EQ(j.len, 8);
			CHECK_EQ(json_next(&j), JSON_BAD);
			json_in_release(&j);
			free(src.own);
		}
}

TEST(source_fails)
{
	static const char s[] = "{\"a\\n\":[1,2345,\"x\\ty\",true]}";

	for (int at = 1; at < (int)sizeof(s); at++) {
		struct pieces src = {(const uint8_t *)s, sizeof(s) - 1, 1, NULL, at};
		struct json_in j;

		json_in_stream(&j, more, &src);
		while (json_next(&j) != JSON_BAD && j.token != JSON_END)
			;
		CHECK_EQ(j.token, JSON_BAD);
		CHECK_EQ(j.err.code, ERR_IO);
		CHECK_STR(j.err.msg, "the line broke");
		json_in_release(&j);
		free(src.own);
	}
}

TEST(conveniences)
{
	static const char s[] = "{\"u\":18446744073709551615,\"i\":-9223372036854775808,\"skip\":{"
				"\"a\":[1,{\"b\":2}],\"c\":3},\"one\":7,"
				"\"s\":\"text\",\"b\":true}";
	struct json_in j;
	uint64_t u;
	bool b = false;

	json_in_mem(&j, s, sizeof(s) - 1);
	CHECK_EQ(json_expect(&j, JSON_OBJECT, "doc"), 0);
	CHECK_EQ(json_next(&j), JSON_KEY);
	CHECK(json_key_is(&j, "u") && !json_key_is(&j, "uu") && !json_key_is(&j, ""));
	CHECK_EQ(json_u64(&j, &u, "u"), 0);
	CHECK(u == UINT64_MAX);
	json_next(&j);
	CHECK_EQ(json_skip(&j), 0);
	json_next(&j);
	CHECK_EQ(json_skip(&j), 0);
	json_next(&j);
	CHECK(json_key_is(&j, "one"));
	CHECK_EQ(json_skip(&j), 0);
	json_next(&j);
	CHECK_EQ(json_string(&j, "s"), 0);
	CHECK_EQ(j.len, 4);
	json_next(&j);
	CHECK_EQ(json_bool(&j, &b, "b"), 0);
	CHECK(b);
	CHECK_EQ(json_next(&j), JSON_OBJECT_END);
	CHECK_EQ(json_next(&j), JSON_END);
	json_in_release(&j);
	json_in_mem(&j, s, sizeof(s) - 1);
	json_next(&j);
	CHECK_EQ(json_skip(&j), 0);
	CHECK_EQ(json_next(&j), JSON_END);
	json_in_release(&j);
}

static int as_u64(const char *s)
{
	struct json_in j;
	uint64_t v;
	int rc;

	json_in_mem(&j, s, strlen(s));
	rc = json_u64(&j, &v, "size");
	json_in_release(&j);
	return rc;
}

TEST(integers)
{
	CHECK_EQ(as_u64("0"), 0);
	CHECK_EQ(as_u64("18446744073709551616"), ERR_INVALID);
	CHECK_EQ(as_u64("99999999999999999999"), ERR_INVALID);
	CHECK_EQ(as_u64("184467440737095516150"), ERR_INVALID);
	CHECK_EQ(as_u64("-1"), ERR_INVALID);
	CHECK_EQ(as_u64("1.0"), ERR_INVALID);
	CHECK_EQ(as_u64("1e3"), ERR_INVALID);
	CHECK_EQ(as_u64("\"1\""), ERR_INVALID);
	CHECK_EQ(as_u64("null"), ERR_INVALID);
	CHECK_EQ(as_u64("-"), ERR_INVALID);
}

TEST(sentences_name_the_field)
{
	struct json_in j;
	uint64_t v;

	json_in_mem(&j, "\"x\"", 3);
	CHECK_EQ(json_u64(&j, &v, "blob length"), ERR_INVALID);
	CHECK_STR(j.err.msg, "blob length: a string instead of a number");
	json_in_release(&j);
	json_in_mem(&j, "-3", 2);
	json_u64(&j, &v, "blob length");
	CHECK_STR(j.err.msg, "blob length: -3 is not an integer from 0 to 2^64-1");
	json_in_release(&j);
}

/* What the writer writes the reader reads, for random bytes (valid UTF-8 comes back as it was). */
TEST(round_trip_and_mutations)
{
	uint64_t x = 42;
	struct buf b;

	buf_init(&b, 1 << 16);
	for (int i = 0; i < 3000; i++) {
		char raw[40];
		size_t n = 0;
		struct json_in j;

		while (n < sizeof(raw) - 2 &&
			(x = x * 6364136223846793005u + 1442695040888963407u) >> 60) {
			uint32_t r = (uint32_t)(x >> 40) % 0x180;

			if (r < 0x80) {
				raw[n++] = (char)r;
			} else {
				raw[n++] = (char)(0xc0 | r >> 6);
				raw[n++] = (char)(0x80 | (r & 0x3f));
			}
		}
		buf_reset(&b);
		json_put_string(&b, raw, n);
		json_in_mem(&j, b.p, b.len);
		CHECK_EQ(json_next(&j), JSON_STRING);
		if (CHECK_EQ(j.len, n))
			CHECK_MEM(j.str, raw, n);
		CHECK_EQ(json_next(&j), JSON_END);
		json_in_release(&j);
		/* Now broken: no crash, and pieces still agree. */
		b.p[(x >> 33) % b.len] = (uint8_t)(x >> 50);
		check_trace((const char *)b.p, b.len, NULL, 0);
	}
	buf_release(&b);
}
