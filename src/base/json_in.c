#include "base/json_in.h"
#include "base/le.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 512                /* characters */
#define STRING_MAX ((size_t)16 << 20) /* of a stream, unless the caller sets max_string */

/* What may come next. */
enum {
	WANT_VALUE,      /* a value must follow */
	WANT_FIRST_ELEM, /* a value or ] */
	WANT_FIRST_KEY,  /* a key or } */
	WANT_KEY,        /* a key, after a comma */
	WANT_COLON,      /* : and a value */
	WANT_NEXT, /* a comma or the end of the container; at depth 0 the end of the document */
	FAILED
};

static void init(struct json_in *j)
{
	memset(j, 0, sizeof(*j));
	j->max_string = STRING_MAX;
	buf_init(&j->tmp, 0);
	err_clear(&j->err);
}

void json_in_mem(struct json_in *j, const void *p, size_t n)
{
	init(j);
	j->p = p;
	j->end = n ? j->p + n : j->p;
	/* What is in memory already bounds itself. */
	j->max_string = n;
}

void json_in_stream(struct json_in *j, json_more_fn *more, void *arg)
{
	init(j);
	j->more = more;
	j->arg = arg;
}

void json_in_release(struct json_in *j)
{
	if (j)
		buf_release(&j->tmp);
}

static enum json_token failed(struct json_in *j)
{
	j->state = FAILED;
	j->str = "";
	j->len = 0;
	return j->token = JSON_BAD;
}

int json_bad(struct json_in *j, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	/* The first sentence is the cause. */
	if (j->state == FAILED)
		return j->err.code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(&j->err, ERR_INVALID, "%s", text);
	failed(j);
	return ERR_INVALID;
}

/* Makes at least one byte readable; false at the end of the document or after a failure of the
 * source. */
static bool refill(struct json_in *j)
{
	size_t n = 0;
	int rc;

	if (j->p < j->end)
		return true;
	if (!j->more)
		return false;
	rc = j->more(j->arg, &j->p, &n, &j->err);
	if (rc < 0) {
		j->err.code = rc;
		failed(j);
		n = 0;
	}
	if (!n) {
		j->more = NULL;
		j->p = j->end = NULL;
		return false;
	}
	j->end = j->p + n;
	return true;
}

static int unexpected(struct json_in *j)
{
	if (j->p == j->end)
		return json_bad(j, "JSON ends in the middle");
	if (*j->p > 0x20 && *j->p < 0x7f)
		return json_bad(j, "JSON: unexpected '%c'", *j->p);
	return json_bad(j, "JSON: unexpected byte 0x%02x", *j->p);
}

/* Skips blanks; the next byte, or -1 at the end (or after a failure). */
static int peek(struct json_in *j)
{
	for (;;) {
		if (j->p == j->end && !refill(j))
			return -1;
		if (*j->p > ' ' ||
			(*j->p != ' ' && *j->p != '\n' && *j->p != '\t' && *j->p != '\r'))
			return *j->p;
		j->p++;
	}
}

/*
 * The top bit of each of the 8 bytes that is a quote, a backslash, a control character, or not
 * ASCII.  A borrow may set it in bytes above the lowest such byte, never below.
 */
static uint64_t special8(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
	uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';

	return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (w - ones * 0x20) | w) &
	       high;
}

/* The first byte at or behind p that cannot be taken as it is: quote, backslash, control, or
 * invalid (perhaps cut off) UTF-8. */
static const uint8_t *plain_run(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		if (end - p >= 8) {
			uint64_t hit = special8(le64_get(p));

			p += hit ? __builtin_ctzll(hit) / 8 : 8;
			if (!hit)
				continue;
		}
		if (*p >= 0x80) {
			size_t len = utf8_get(p, (size_t)(end - p), NULL);

			if (!len)
				return p;
			p += len;
		} else if (*p == '"' || *p == '\\' || *p < 0x20) {
			return p;
		} else {
			p++;
		}
	}
	return p;
}

/* Each byte of tmp that is no part of a rune becomes U+FFFD. */
static void repair_utf8(struct json_in *j)
{
	struct buf fixed;
	const uint8_t *p = j->tmp.p, *end = p + j->tmp.len;
	uint8_t bad[4];
	size_t n = utf8_put(bad, UTF8_BAD);

	buf_init(&fixed, j->tmp.max);
	while (p < end) {
		size_t len = utf8_get(p, (size_t)(end - p), NULL);

		buf_add(&fixed, len ? p : bad, len ? len : n);
		p += len ? len : 1;
	}
	if (fixed.overflow)
		j->tmp.overflow = true;
	else
		buf_move(&j->tmp, &fixed);
	buf_release(&fixed);
}

static void put_rune(struct json_in *j, uint32_t rune)
{
	uint8_t u[4];

	buf_add(&j->tmp, u, utf8_put(u, rune));
}

static bool hex4(struct json_in *j, uint32_t *v)
{
	*v = 0;
	for (int i = 0; i < 4; i++, j->p++) {
		int c = refill(j) ? *j->p : -1;

		if (c >= '0' && c <= '9')
			*v = *v << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f' && c > 0)
			*v = *v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	return true;
}

/*
 * One escape, after its backslash.  *high is the first half of a surrogate pair that waits for its
 * second, or 0.  A half without the other is U+FFFD; the escape that follows a lone first half
 * stands for itself.
 */
static bool escape(struct json_in *j, uint32_t *high)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint32_t u, first = *high;
	const char *at;

	if (!refill(j))
		return false;
	*high = 0;
	if (*j->p != 'u') {
		at = *j->p ? strchr(from, *j->p) : NULL;
		if (!at)
			return false;
		if (first)
			put_rune(j, UTF8_BAD);
		j->p++;
		buf_addc(&j->tmp, to[at - from]);
		return true;
	}
	j->p++;
	if (!hex4(j, &u))
		return false;
	if (first && u >= 0xdc00 && u < 0xe000) {
		put_rune(j, 0x10000 + ((first - 0xd800) << 10) + (u - 0xdc00));
		return true;
	}
	if (first)
		put_rune(j, UTF8_BAD);
	if (u >= 0xd800 && u < 0xdc00)
		*high = u;
	else
		put_rune(j, u);
	return true;
}

/* A string that cannot be shown where it lies: it has escapes, bad bytes, or goes on in the next
 * piece.  `begin` is its part before j->p. */
static int slow_string(struct json_in *j, const uint8_t *begin)
{
	bool doubtful = false, too_long;
	uint32_t high = 0;

	/* A bad byte grows from 1 to 3. */
	j->tmp.max = j->max_string > SIZE_MAX / 4 ? SIZE_MAX : 3 * j->max_string + 4;
	buf_reset(&j->tmp);
	buf_add(&j->tmp, begin, (size_t)(j->p - begin));
	while (refill(j) && *j->p != '"' && j->tmp.len <= j->max_string) {
		const uint8_t *stop = plain_run(j->p, j->end);

		if (high && *j->p != '\\') {
			put_rune(j, UTF8_BAD);
			high = 0;
		}
		buf_add(&j->tmp, j->p, (size_t)(stop - j->p));
		j->p = stop;
		if (stop == j->end || *stop == '"')
			continue;
		if (*stop >= 0x80) {
			/* Perhaps a rune that the next piece completes: judged when the string is
			 * whole. */
			buf_addc(&j->tmp, *j->p++);
			doubtful = true;
		} else if (*stop == '\\') {
			j->p++;
			if (!escape(j, &high))
				return j->state == FAILED
					       ? j->err.code
					       : json_bad(j, "JSON: bad escape in a string");
		} else {
			return unexpected(j);
		}
	}
	if (j->state == FAILED)
		return j->err.code;
	if (j->p == j->end)
		return json_bad(j, "JSON ends in a string");
	if (high)
		put_rune(j, UTF8_BAD);
	too_long = j->tmp.len > j->max_string;
	if (doubtful)
		repair_utf8(j);
	if (too_long || j->tmp.overflow)
		return json_bad(j, "JSON: a string is longer than %zu bytes", j->max_string);
	j->p++;
	j->str = j->tmp.p ? (const char *)j->tmp.p : "";
	j->len = j->tmp.len;
	return 0;
}

/* j->p is behind the opening quote. */
static int string(struct json_in *j)
{
	const uint8_t *begin = j->p;

	j->p = plain_run(begin, j->end);
	if (j->p == j->end || *j->p != '"')
		return slow_string(j, begin);
	j->str = (const char *)begin;
	j->len = (size_t)(j->p - begin);
	if (j->len > j->max_string)
		return json_bad(j, "JSON: a string is longer than %zu bytes", j->max_string);
	j->p++;
	return 0;
}

static bool is_number_char(uint8_t c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static size_t digits(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= '0' && s[i] <= '9')
		i++;
	return i;
}

static bool number_is_valid(const char *s, size_t n)
{
	const char *end = s + n;
	size_t d;

	if (s < end && *s == '-')
		s++;
	d = digits(s, (size_t)(end - s));
	if (!d || (d > 1 && *s == '0'))
		return false;
	s += d;
	if (s < end && *s == '.') {
		d = digits(s + 1, (size_t)(end - s) - 1);
		if (!d)
			return false;
		s += d + 1;
	}
	if (s < end && (*s == 'e' || *s == 'E')) {
		s++;
		if (s < end && (*s == '-' || *s == '+'))
			s++;
		d = digits(s, (size_t)(end - s));
		if (!d)
			return false;
		s += d;
	}
	return s == end;
}

static int number(struct json_in *j)
{
	const uint8_t *begin = j->p;

	while (j->p < j->end && is_number_char(*j->p))
		j->p++;
	j->str = (const char *)begin;
	j->len = (size_t)(j->p - begin);
	if (j->p == j->end && j->more) {
		j->tmp.max = NUMBER_MAX;
		buf_reset(&j->tmp);
		buf_add(&j->tmp, begin, j->len);
		while (refill(j) && is_number_char(*j->p) && !j->tmp.overflow)
			buf_addc(&j->tmp, *j->p++);
		if (j->state == FAILED)
			return j->err.code;
		j->str = (const char *)j->tmp.p;
		j->len = j->tmp.len;
	}
	if (j->tmp.overflow || j->len > NUMBER_MAX || !number_is_valid(j->str, j->len))
		return json_bad(j, "JSON: bad number");
	return 0;
}

static int word(struct json_in *j, const char *w)
{
	for (; *w; w++, j->p++)
		if (!refill(j) || *j->p != (uint8_t)*w)
			return j->state == FAILED ? j->err.code : unexpected(j);
	return 0;
}

static enum json_token got(struct json_in *j, int rc, enum json_token t, int state)
{
	if (rc < 0)
		return JSON_BAD;
	j->state = state;
	return j->token = t;
}

static enum json_token open_container(struct json_in *j, bool object)
{
	if (j->depth == JSON_DEPTH) {
		json_bad(j, "JSON: nested deeper than %d", JSON_DEPTH);
		return JSON_BAD;
	}
	j->p++;
	j->is_object = (j->is_object & ~((uint64_t)1 << j->depth)) | (uint64_t)object << j->depth;
	j->depth++;
	return got(j, 0, object ? JSON_OBJECT : JSON_ARRAY,
		object ? WANT_FIRST_KEY : WANT_FIRST_ELEM);
}

static bool in_object(const struct json_in *j)
{
	return j->is_object >> (j->depth - 1) & 1;
}

static enum json_token close_container(struct json_in *j)
{
	enum json_token t = in_object(j) ? JSON_OBJECT_END : JSON_ARRAY_END;

	j->p++;
	j->depth--;
	return got(j, 0, t, WANT_NEXT);
}

static enum json_token key(struct json_in *j, int c)
{
	if (c != '"') {
		unexpected(j);
		return JSON_BAD;
	}
	j->p++;
	return got(j, string(j), JSON_KEY, WANT_COLON);
}

static enum json_token value(struct json_in *j, int c)
{
	switch (c) {
	case '{':
		return open_container(j, true);
	case '[':
		return open_container(j, false);
	case '"':
		j->p++;
		return got(j, string(j), JSON_STRING, WANT_NEXT);
	case 't':
		return got(j, word(j, "true"), JSON_TRUE, WANT_NEXT);
	case 'f':
		return got(j, word(j, "false"), JSON_FALSE, WANT_NEXT);
	case 'n':
		return got(j, word(j, "null"), JSON_NULL, WANT_NEXT);
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return got(j, number(j), JSON_NUMBER, WANT_NEXT);
		unexpected(j);
		return JSON_BAD;
	}
}

/* The separator before the next token; the first byte of that token. */
static int separator(struct json_in *j, int c)
{
	if (j->state == WANT_COLON && c == ':') {
		j->state = WANT_VALUE;
		j->p++;
		return peek(j);
	}
	if (j->state == WANT_NEXT && c == ',' && j->depth) {
		j->state = in_object(j) ? WANT_KEY : WANT_VALUE;
		j->p++;
		return peek(j);
	}
	return c;
}

enum json_token json_next(struct json_in *j)
{
	int c;

	if (j->state == FAILED)
		return JSON_BAD;
	j->str = "";
	j->len = 0;
	c = separator(j, peek(j));
	if (j->state == FAILED)
		return JSON_BAD;
	switch (j->state) {
	case WANT_FIRST_KEY:
		if (c == '}')
			return close_container(j);
		return key(j, c);
	case WANT_KEY:
		return key(j, c);
	case WANT_FIRST_ELEM:
		if (c == ']')
			return close_container(j);
		return value(j, c);
	case WANT_VALUE:
		return value(j, c);
	case WANT_NEXT:
		if (j->depth && c == (in_object(j) ? '}' : ']'))
			return close_container(j);
		if (!j->depth && c < 0)
			return j->token = JSON_END;
		break;
	}
	unexpected(j);
	return JSON_BAD;
}

int json_skip(struct json_in *j)
{
	unsigned depth;

	if (j->token == JSON_KEY)
		json_next(j);
	if (j->token == JSON_OBJECT || j->token == JSON_ARRAY)
		for (depth = j->depth; j->state != FAILED && j->depth >= depth;)
			json_next(j);
	return j->state == FAILED ? j->err.code : 0;
}

static const char *token_name(enum json_token t)
{
	static const char *const names[] = {"nothing", "the end", "an object",
		"the end of an object", "an array", "the end of an array", "a key", "a string",
		"a number", "true", "false", "null"};

	return names[t];
}

int json_expect(struct json_in *j, enum json_token t, const char *what)
{
	enum json_token have = json_next(j);

	if (have == t && t != JSON_BAD)
		return 0;
	if (have == JSON_BAD)
		return j->err.code;
	return json_bad(j, "%s: %s instead of %s", what, token_name(have), token_name(t));
}

static bool parse_u64(const char *s, size_t n, uint64_t *v)
{
	if (!n)
		return false;
	for (*v = 0; n; n--, s++)
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(*v, 10, v) ||
			__builtin_add_overflow(*v, (uint64_t)(*s - '0'), v))
			return false;
	return true;
}

int json_u64(struct json_in *j, uint64_t *v, const char *what)
{
	int rc = json_expect(j, JSON_NUMBER, what);
	uint64_t u;

	if (rc < 0)
		return rc;
	if (!parse_u64(j->str, j->len, &u))
		return json_bad(j, "%s: %.*s is not an integer from 0 to 2^64-1", what, (int)j->len,
			j->str);
	*v = u;
	return 0;
}

int json_string(struct json_in *j, const char *what)
{
	return json_expect(j, JSON_STRING, what);
}

int json_bool(struct json_in *j, bool *v, const char *what)
{
	enum json_token t = json_next(j);

	if (t == JSON_BAD)
		return j->err.code;
	if (t != JSON_TRUE && t != JSON_FALSE)
		return json_bad(j, "%s: %s instead of true or false", what, token_name(t));
	*v = t == JSON_TRUE;
	return 0;
}

bool json_key_is(const struct json_in *j, const char *name)
{
	return j->token == JSON_KEY && strlen(name) == j->len && memcmp(j->str, name, j->len) == 0;
}
