#include "base/json_out.h"
#include "base/civil.h"
#include "base/err.h"
#include "base/utf8.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a byte of a string costs: nothing (copied in a run), a letter behind a backslash, six
 * characters \u00xx, or a closer look. */
enum { COPY, UNICODE, MULTI };
static const uint8_t classes[256] = {
	[0 ... 7] = UNICODE,
	[11] = UNICODE,
	[14 ... 31] = UNICODE,
	['\b'] = 'b',
	['\f'] = 'f',
	['\n'] = 'n',
	['\r'] = 'r',
	['\t'] = 't',
	['"'] = '"',
	['\\'] = '\\',
	['<'] = UNICODE,
	['>'] = UNICODE,
	['&'] = UNICODE,
	[128 ... 255] = MULTI,
};

static void put_escape(struct buf *b, uint32_t rune)
{
	static const char hex[] = "0123456789abcdef";
	char e[6] = {'\\', 'u', hex[rune >> 12 & 15], hex[rune >> 8 & 15], hex[rune >> 4 & 15],
		hex[rune & 15]};

	buf_add(b, e, sizeof(e));
}

void json_put_string(struct buf *b, const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s, *end = n ? p + n : p, *run = p;

	buf_addc(b, '"');
	while (p < end) {
		uint8_t class = classes[*p];
		uint32_t rune = *p;
		size_t len = 1;

		if (class == COPY) {
			p++;
			continue;
		}
		if (class == MULTI) {
			len = utf8_get(p, (size_t)(end - p), &rune);
			if (len && rune != 0x2028 && rune != 0x2029) {
				p += len;
				continue;
			}
			if (!len) {
				len = 1;
				rune = UTF8_BAD;
			}
			class = UNICODE;
		}
		buf_add(b, run, (size_t)(p - run));
		if (class == UNICODE) {
			put_escape(b, rune);
		} else {
			buf_addc(b, '\\');
			buf_addc(b, class);
		}
		p += len;
		run = p;
	}
	buf_add(b, run, (size_t)(p - run));
	buf_addc(b, '"');
}

static int64_t saturating_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

/*
 * The instant that has the same wall clock in year 0 or 9999 (a 29 February becomes 1 March where
 * there is none): what restic does with a year that RFC 3339 cannot write.
 */
static int64_t clamp_year(const struct civil *c, const struct zone *z)
{
	struct civil in = *c;
	int64_t local;
	int32_t off;

	in.year = c->year < 0 ? 0 : 9999;
	local = civil_sec(&in);
	off = zone_offset(z, local);
	return local - zone_offset(z, local - off);
}

static char *put2(char *p, int v)
{
	*p++ = (char)('0' + v / 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

static char *put_fraction(char *p, int32_t nsec)
{
	int digits = 9;

	if (!nsec)
		return p;
	while (nsec % 10 == 0) {
		nsec /= 10;
		digits--;
	}
	*p = '.';
	for (int i = digits; i > 0; i--, nsec /= 10)
		p[i] = (char)('0' + nsec % 10);
	return p + digits + 1;
}

static char *put_offset(char *p, int32_t off)
{
	int min = off / 60;

	if (off == 0) {
		*p++ = 'Z';
		return p;
	}
	*p++ = min < 0 ? '-' : '+';
	min = min < 0 ? -min : min;
	p = put2(p, min / 60 % 100);
	*p++ = ':';
	return put2(p, min % 60);
}

void json_put_time(struct buf *b, const struct ts *t, const struct zone *z)
{
	int32_t off = zone_offset(z, t->sec);
	struct civil c;
	char s[48], *p = s;

	civil_of(&c, saturating_add(t->sec, off));
	if (c.year < 0 || c.year > 9999) {
		int64_t sec = clamp_year(&c, z);

		off = zone_offset(z, sec);
		civil_of(&c, sec + off);
		c.year = c.year < 0 ? 0 : c.year > 9999 ? 9999 : c.year;
	}
	*p++ = '"';
	p = put2(p, (int)c.year / 100);
	p = put2(p, (int)c.year % 100);
	*p++ = '-';
	p = put2(p, c.month);
	*p++ = '-';
	p = put2(p, c.day);
	*p++ = 'T';
	p = put2(p, c.hour);
	*p++ = ':';
	p = put2(p, c.min);
	*p++ = ':';
	p = put2(p, c.sec);
	p = put_fraction(p, t->nsec);
	p = put_offset(p, off);
	*p++ = '"';
	buf_add(b, s, (size_t)(p - s));
}

/* Two digits, a value of at most max. */
static bool two(const char *s, int max, int *v)
{
	unsigned tens = (unsigned)(uint8_t)s[0] - '0', ones = (unsigned)(uint8_t)s[1] - '0';

	*v = (int)(tens * 10 + ones);
	return tens <= 9 && ones <= 9 && *v <= max;
}

static bool literal(const char **s, const char *end, char c)
{
	if (*s == end || **s != c)
		return false;
	(*s)++;
	return true;
}

/* What is behind the ninth digit is cut off, as restic does. */
static bool parse_fraction(const char **s, const char *end, int32_t *nsec)
{
	const char *first;
	int digits = 0;

	*nsec = 0;
	if (!literal(s, end, '.'))
		return true;
	for (first = *s; *s < end && **s >= '0' && **s <= '9'; (*s)++)
		if (digits < 9) {
			*nsec = *nsec * 10 + (**s - '0');
			digits++;
		}
	for (; digits < 9; digits++)
		*nsec *= 10;
	return *s > first;
}

static bool parse_offset(const char **s, const char *end, int32_t *off)
{
	bool minus;
	int h, m;

	*off = 0;
	if (literal(s, end, 'Z'))
		return true;
	minus = literal(s, end, '-');
	if (!minus && !literal(s, end, '+'))
		return false;
	if (end - *s < 5 || !two(*s, 23, &h) || (*s)[2] != ':' || !two(*s + 3, 59, &m))
		return false;
	*s += 5;
	*off = (h * 60 + m) * (minus ? -60 : 60);
	return true;
}

int json_parse_time(const char *s, size_t n, struct ts *t, int32_t *offset_s)
{
	const char *end = s + n;
	struct civil c;
	int century, year;
	int32_t nsec, off;

	if (n < sizeof("2006-01-02T15:04:05") - 1 || s[4] != '-' || s[7] != '-' || s[10] != 'T' ||
		s[13] != ':' || s[16] != ':')
		return ERR_INVALID;
	if (!two(s, 99, &century) || !two(s + 2, 99, &year) || !two(s + 5, 12, &c.month) ||
		!two(s + 8, 31, &c.day) || !two(s + 11, 23, &c.hour) || !two(s + 14, 59, &c.min) ||
		!two(s + 17, 59, &c.sec))
		return ERR_INVALID;
	s += 19;
	year += 100 * century;
	if (!parse_fraction(&s, end, &nsec) || !parse_offset(&s, end, &off) || s != end)
		return ERR_INVALID;
	if (c.month < 1 || c.day < 1 || c.day > civil_month_days(year, c.month))
		return ERR_INVALID;
	c.year = year;
	t->sec = civil_sec(&c) - off;
	t->nsec = nsec;
	if (offset_s)
		*offset_s = off;
	return 0;
}

void json_out_init(struct json_out *o, struct buf *b)
{
	*o = (struct json_out){.b = b};
}

static void begin_value(struct json_out *o)
{
	if (o->comma)
		buf_addc(o->b, ',');
	o->comma = true;
}

void json_object(struct json_out *o)
{
	begin_value(o);
	buf_addc(o->b, '{');
	o->comma = false;
}

void json_object_end(struct json_out *o)
{
	buf_addc(o->b, '}');
	o->comma = true;
}

void json_array(struct json_out *o)
{
	begin_value(o);
	buf_addc(o->b, '[');
	o->comma = false;
}

void json_array_end(struct json_out *o)
{
	buf_addc(o->b, ']');
	o->comma = true;
}

void json_key(struct json_out *o, const char *name)
{
	begin_value(o);
	json_put_string(o->b, name, strlen(name));
	buf_addc(o->b, ':');
	o->comma = false;
}

void json_str(struct json_out *o, const char *s)
{
	json_strn(o, s, strlen(s));
}

void json_strn(struct json_out *o, const char *s, size_t n)
{
	begin_value(o);
	json_put_string(o->b, s, n);
}

void json_uint(struct json_out *o, uint64_t v)
{
	begin_value(o);
	buf_addu(o->b, v);
}

void json_int(struct json_out *o, int64_t v)
{
	begin_value(o);
	if (v < 0)
		buf_addc(o->b, '-');
	buf_addu(o->b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* The fewest significant digits that read back as v (v > 0); *exp10: the decimal point stands
 * behind the first digit times 10^exp10. */
static size_t shortest(double v, char *out, int *exp10)
{
	char text[40];
	size_t n = 0;
	char *e;

	for (int more = 0; more < 17; more++) {
		snprintf(text, sizeof(text), "%.*e", more, v);
		/* Equality is what is asked for; written without == for the compiler's peace of
		 * mind. */
		if (!(strtod(text, NULL) < v) && !(strtod(text, NULL) > v))
			break;
	}
	e = strchr(text, 'e');
	*exp10 = atoi(e + 1);
	for (const char *p = text; p < e; p++)
		if (*p >= '0' && *p <= '9')
			out[n++] = *p;
	while (n > 1 && out[n - 1] == '0')
		n--;
	return n;
}

void json_float(struct json_out *o, double v)
{
	char d[20];
	size_t n;
	int e;

	if (!isfinite(v)) {
		json_null(o);
		return;
	}
	begin_value(o);
	if (signbit(v))
		buf_addc(o->b, '-');
	v = fabs(v);
	if (!(v > 0)) {
		buf_addc(o->b, '0');
		return;
	}
	n = shortest(v, d, &e);
	/* As Go: an exponent only below 1e-6 and from 1e21 on. */
	if (e < -6 || e >= 21) {
		buf_addc(o->b, d[0]);
		if (n > 1)
			buf_addc(o->b, '.');
		buf_add(o->b, d + 1, n - 1);
		buf_addf(o->b, "e%c%d", e < 0 ? '-' : '+', abs(e));
	} else if (e < 0) {
		buf_adds(o->b, "0.");
		for (int i = -1; i > e; i--)
			buf_addc(o->b, '0');
		buf_add(o->b, d, n);
	} else {
		for (size_t i = 0; i < n || i <= (size_t)e; i++) {
			if (i == (size_t)e + 1)
				buf_addc(o->b, '.');
			buf_addc(o->b, i < n ? d[i] : '0');
		}
	}
}

void json_boolean(struct json_out *o, bool v)
{
	begin_value(o);
	buf_adds(o->b, v ? "true" : "false");
}

void json_null(struct json_out *o)
{
	begin_value(o);
	buf_adds(o->b, "null");
}

void json_id(struct json_out *o, const struct id *id)
{
	struct id_hex h = id_hex(id);

	begin_value(o);
	buf_addc(o->b, '"');
	buf_add(o->b, h.s, ID_HEX);
	buf_addc(o->b, '"');
}

void json_time(struct json_out *o, const struct ts *t, const struct zone *z)
{
	begin_value(o);
	json_put_time(o->b, t, z);
}

void json_raw(struct json_out *o, const void *p, size_t n)
{
	begin_value(o);
	buf_add(o->b, p, n);
}
