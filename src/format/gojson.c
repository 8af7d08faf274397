#include "format/gojson.h"
#include "base/utf8.h"
#include <string.h>
#include <sys/stat.h>

/* ASCII that stays as it is through both quotings. */
static bool plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

/* put_hex: two backslashes (one for Go, one for JSON), the letter and `digits` hex digits. */
static void put_hex(struct buf *b, char letter, uint32_t v, int digits)
{
	char text[11] = {'\\', '\\', letter};

	for (int i = 0; i < digits; i++)
		text[3 + i] = "0123456789abcdef"[v >> 4 * (digits - 1 - i) & 15];
	buf_add(b, text, (size_t)(3 + digits));
}

static void put_ascii(struct buf *b, uint8_t c)
{
	static const char escapes[] = "abtnvfr"; /* 7 to 13 */

	switch (c) {
	case '"':
		buf_add(b, "\\\\\\\"", 4);
		return;
	case '\\':
		buf_add(b, "\\\\\\\\", 4);
		return;
	case '<':
		buf_add(b, "\\u003c", 6);
		return;
	case '>':
		buf_add(b, "\\u003e", 6);
		return;
	case '&':
		buf_add(b, "\\u0026", 6);
		return;
	default:
		if (c >= 7 && c <= 13)
			buf_add(b, (char[3]){'\\', '\\', escapes[c - 7]}, 3);
		else
			put_hex(b, 'x', c, 2);
	}
}

void gojson_put_name(struct buf *b, const char *raw, size_t n)
{
	const uint8_t *p = (const uint8_t *)raw, *end = n ? p + n : p, *run = p;

	buf_addc(b, '"');
	while (p < end) {
		uint32_t rune;
		size_t len;

		if (plain(*p)) {
			p++;
			continue;
		}
		len = utf8_get(p, (size_t)(end - p), &rune);
		if (len > 1 && gojson_printable(rune)) {
			p += len;
			continue;
		}
		buf_add(b, run, (size_t)(p - run));
		if (!len)
			put_hex(b, 'x', *p, 2);
		else if (len == 1)
			put_ascii(b, *p);
		else if (rune < 0x10000)
			put_hex(b, 'u', rune, 4);
		else
			put_hex(b, 'U', rune, 8);
		p += len ? len : 1;
		run = p;
	}
	buf_add(b, run, (size_t)(p - run));
	buf_addc(b, '"');
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int unquote_hex(const char **s, const char *end, int digits, struct buf *out)
{
	uint32_t v = 0;
	uint8_t utf8[4];

	if (end - *s < digits)
		return ERR_INVALID;
	for (int i = 0; i < digits; i++) {
		int d = hex_digit(*(*s)++);

		if (d < 0)
			return ERR_INVALID;
		v = v << 4 | (uint32_t)d;
	}
	if (digits == 2) {
		buf_addc(out, (int)v);
		return 0;
	}
	if (v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return ERR_INVALID;
	buf_add(out, utf8, utf8_put(utf8, v));
	return 0;
}

static int unquote_octal(char first, const char **s, const char *end, struct buf *out)
{
	int v = first - '0';

	if (end - *s < 2)
		return ERR_INVALID;
	for (int i = 0; i < 2; i++) {
		char c = *(*s)++;

		if (c < '0' || c > '7')
			return ERR_INVALID;
		v = v << 3 | (c - '0');
	}
	if (v > 255)
		return ERR_INVALID;
	buf_addc(out, v);
	return 0;
}

/* unquote_escape: *s is behind the backslash, and afterwards behind the sequence. */
static int unquote_escape(const char **s, const char *end, struct buf *out)
{
	static const char letters[] = "abfnrtv\\\"", bytes[] = "\a\b\f\n\r\t\v\\\"";
	const char *hit;
	char c;

	if (*s == end)
		return ERR_INVALID;
	c = *(*s)++;
	switch (c) {
	case 'x':
		return unquote_hex(s, end, 2, out);
	case 'u':
		return unquote_hex(s, end, 4, out);
	case 'U':
		return unquote_hex(s, end, 8, out);
	default:
		if (c >= '0' && c <= '7')
			return unquote_octal(c, s, end, out);
		hit = c ? strchr(letters, c) : NULL;
		if (!hit)
			return ERR_INVALID;
		buf_addc(out, bytes[hit - letters]);
		return 0;
	}
}

int gojson_unquote(const char *s, size_t n, struct buf *out)
{
	const char *end = n ? s + n : s, *run = s;

	while (s < end) {
		if (*s == '"' || *s == '\n')
			return ERR_INVALID;
		if (*s != '\\') {
			s++;
			continue;
		}
		buf_add(out, run, (size_t)(s - run));
		s++;
		if (unquote_escape(&s, end, out) < 0)
			return ERR_INVALID;
		run = s;
	}
	return buf_add(out, run, (size_t)(s - run)) < 0 ? ERR_INVALID : 0;
}

uint32_t gojson_mode(mode_t m)
{
	uint32_t go = m & 0777;

	switch (m & S_IFMT) {
	case S_IFREG:
		break;
	case S_IFDIR:
		go |= GOMODE_DIR;
		break;
	case S_IFLNK:
		go |= GOMODE_SYMLINK;
		break;
	case S_IFBLK:
		go |= GOMODE_DEVICE;
		break;
	case S_IFCHR:
		go |= GOMODE_DEVICE | GOMODE_CHARDEV;
		break;
	case S_IFIFO:
		go |= GOMODE_FIFO;
		break;
	case S_IFSOCK:
		go |= GOMODE_SOCKET;
		break;
	default:
		go |= GOMODE_IRREGULAR;
	}
	if (m & S_ISUID)
		go |= GOMODE_SETUID;
	if (m & S_ISGID)
		go |= GOMODE_SETGID;
	if (m & S_ISVTX)
		go |= GOMODE_STICKY;
	return go;
}

mode_t gojson_mode_perm(uint32_t go)
{
	return (go & 0777) | (go & GOMODE_SETUID ? S_ISUID : 0) |
	       (go & GOMODE_SETGID ? S_ISGID : 0) | (go & GOMODE_STICKY ? S_ISVTX : 0);
}

void gojson_permissions(uint32_t go, char out[24])
{
	static const char letters[] = "dalTLDpSugct?"; /* bits 31 to 19 */
	char *p = out;

	for (int i = 0; letters[i]; i++)
		if (go & 1u << (31 - i))
			*p++ = letters[i];
	if (p == out)
		*p++ = '-';
	for (int i = 0; i < 9; i++)
		*p++ = go & 1u << (8 - i) ? "rwxrwxrwx"[i] : '-';
	*p = 0;
}
