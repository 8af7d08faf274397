/* http_text: what is text in HTTP: headers of an answer, Retry-After, percent-encoding.  No
 * transfers here. */
#include "backend/http.h"
#include "base/civil.h"
#include "base/id.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETRY_AFTER_MAX_S INT64_C(86400)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool http_header(const struct http_req *r, const char *name, char *out, size_t cap)
{
	const char *p = (const char *)r->headers.p, *end = p + r->headers.len;
	size_t n = strlen(name);

	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		const char *stop = eol ? eol : end, *from = p + n + 1;

		p = eol ? eol + 1 : end;
		if (stop < from || strncasecmp(from - n - 1, name, n) || from[-1] != ':')
			continue;
		while (from < stop && is_blank(*from))
			from++;
		while (stop > from && is_blank(stop[-1]))
			stop--;
		if ((size_t)(stop - from) >= cap || memchr(from, 0, (size_t)(stop - from)))
			return false;
		memcpy(out, from, (size_t)(stop - from));
		out[stop - from] = 0;
		return true;
	}
	return false;
}

bool http_header_number(const struct http_req *r, const char *name, uint64_t *out)
{
	unsigned long long n;
	char v[24], *end;

	if (!http_header(r, name, v, sizeof(v)) || v[0] < '0' || v[0] > '9')
		return false;
	errno = 0;
	n = strtoull(v, &end, 10);
	if (*end || errno)
		return false;
	*out = n;
	return true;
}

static int digits(const char *s, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return -1;
		v = 10 * v + (s[i] - '0');
	}
	return v;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7: the only form that may be sent). */
bool http_date(const char *s, int64_t *sec)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c = {0};
	int year;

	if (strlen(s) != 29 || strcmp(s + 25, " GMT") || s[3] != ',' || s[4] != ' ' ||
		s[7] != ' ' || s[11] != ' ' || s[16] != ' ' || s[19] != ':' || s[22] != ':')
		return false;
	for (int m = 0; m < 12; m++) {
		if (!memcmp(months + 3 * m, s + 8, 3))
			c.month = m + 1;
	}
	year = digits(s + 12, 4);
	c.year = year;
	c.day = digits(s + 5, 2);
	c.hour = digits(s + 17, 2);
	c.min = digits(s + 20, 2);
	c.sec = digits(s + 23, 2);
	if (!c.month || year < 0 || c.day < 1 || c.day > 31 || c.hour < 0 || c.hour > 23 ||
		c.min < 0 || c.min > 59 || c.sec < 0 || c.sec > 60)
		return false;
	*sec = civil_sec(&c);
	return true;
}

int64_t http_retry_after_ns(const struct http_req *r, const struct ts *now)
{
	char v[64];
	int64_t wait = 0, when;

	if (!http_header(r, "Retry-After", v, sizeof(v)) || !v[0])
		return 0;
	if (http_date(v, &when)) {
		wait = when - now->sec;
	} else {
		for (size_t i = 0; v[i]; i++) {
			if (!isdigit((unsigned char)v[i]))
				return 0;
			if (wait <= RETRY_AFTER_MAX_S)
				wait = 10 * wait + (v[i] - '0');
		}
	}
	if (wait < 0)
		wait = 0;
	return (wait < RETRY_AFTER_MAX_S ? wait : RETRY_AFTER_MAX_S) * INT64_C(1000000000);
}

void http_encode(struct buf *b, const char *s, size_t n, const char *keep)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || (c && strchr("-._~", c));

		if (plain || (c && strchr(keep, c))) {
			buf_addc(b, c);
		} else {
			buf_addc(b, '%');
			buf_addc(b, hex[c >> 4]);
			buf_addc(b, hex[c & 15]);
		}
	}
}

void http_decode(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%' && n - i > 2 && isxdigit((unsigned char)s[i + 1]) &&
			isxdigit((unsigned char)s[i + 2])) {
			uint8_t byte;

			hex_decode(&byte, s + i + 1, 2);
			buf_addc(b, byte);
			i += 2;
		} else {
			buf_addc(b, (unsigned char)s[i]);
		}
	}
}

void http_fault_text(const struct http_req *r, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < r->out.len && n + 1 < cap; i++) {
		unsigned char c = r->out.p[i];

		if (c == '\n' && n)
			break;
		if (c > ' ' && c < 127)
			out[n++] = (char)c;
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = 0;
}

bool http_is_markup(const struct http_req *r)
{
	size_t i = 0;

	while (i < r->out.len && strchr(" \t\r\n", r->out.p[i]))
		i++;
	return i < r->out.len && r->out.p[i] == '<';
}

void http_req_release(struct http_req *r)
{
	if (!r)
		return;
	buf_release(&r->out);
	buf_release(&r->headers);
}
