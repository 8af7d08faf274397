#include "fs/text.h"
#include "base/mem.h"
#include "base/readall.h"
#include "fs/sys.h"
#include "fs/letter.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int text_load(const char *path, bool decode, struct buf *b, struct err *err)
{
	char *what;
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return readall(STDIN_FILENO, b, "read standard input", err);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0);
	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	what = mem_printf("read %s", path);
	rc = readall(fd, b, what, err);
	mem_free(what);
	close(fd);
	if (rc == 0 && decode) {
		rc = text_decode(b, err);
		if (rc < 0)
			err_prefix(err, "read %s", path);
	}
	return rc;
}

static uint32_t unit16(const uint8_t *p, bool big)
{
	return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

/* Half a pair and half a unit become U+FFFD, as in any decoder that goes on after a fault. */
static void from_utf16(struct buf *out, const uint8_t *p, size_t n, bool big)
{
	for (size_t i = 0; i < n; i += 2) {
		uint32_t c = i + 1 < n ? unit16(p + i, big) : UTF8_BAD, low;
		uint8_t bytes[4];

		if (c >= 0xd800 && c < 0xdc00 && i + 3 < n) {
			low = unit16(p + i + 2, big);
			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i += 2;
			}
		}
		buf_add(out, bytes, utf8_put(bytes, c));
	}
}

int text_decode(struct buf *b, struct err *err)
{
	struct buf out;

	if (b->len >= 3 && memcmp(b->p, "\xef\xbb\xbf", 3) == 0) {
		b->len -= 3;
		memmove(b->p, b->p + 3, b->len);
		return 0;
	}
	if (b->len < 2 || (memcmp(b->p, "\xfe\xff", 2) != 0 && memcmp(b->p, "\xff\xfe", 2) != 0))
		return 0;
	buf_init(&out, b->max);
	from_utf16(&out, b->p + 2, b->len - 2, b->p[0] == 0xfe);
	if (out.overflow) {
		buf_release(&out);
		return err_set(err, ERR_NOMEM, "larger than %zu bytes", b->max);
	}
	buf_move(b, &out);
	return 0;
}

const char *text_line(const char **p, const char *end, size_t *n)
{
	const char *line = *p, *stop;

	if (line == end)
		return NULL;
	stop = memchr(line, '\n', (size_t)(end - line));
	*p = stop ? stop + 1 : end;
	*n = (size_t)((stop ? stop : end) - line);
	if (*n && line[*n - 1] == '\r')
		--*n;
	return line;
}

static bool is_special(char c)
{
	return c && strchr("*#$@!?-0123456789", c);
}

static bool is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static void add_value(struct buf *b, const char *name, size_t n,
	const char *(*env)(const char *name))
{
	char *key;
	const char *value;

	if (n == 1 && *name == '$') {
		buf_addc(b, '$');
		return;
	}
	key = mem_strndup(name, n);
	value = env ? env(key) : NULL;
	if (value)
		buf_adds(b, value);
	mem_free(key);
}

/* One reference behind its '$', n > 0 bytes at s.  The bytes it takes. */
static size_t expand_one(struct buf *b, const char *s, size_t n,
	const char *(*env)(const char *name))
{
	size_t i = 0;

	if (*s == '{') {
		const char *close = memchr(s, '}', n);

		/* "${" without an end: only these two bytes go. */
		if (!close)
			return 1;
		i = (size_t)(close - s);
		if (i > 1)
			add_value(b, s + 1, i - 1, env);
		return i + 1;
	}
	if (is_special(*s)) {
		add_value(b, s, 1, env);
		return 1;
	}
	while (i < n && is_word(s[i]))
		i++;
	if (i)
		add_value(b, s, i, env);
	else
		buf_addc(b, '$');
	return i;
}

void text_expand(struct buf *b, const char *s, size_t n, const char *(*env)(const char *name))
{
	for (size_t i = 0; i < n;) {
		if (s[i] == '$' && i + 1 < n)
			i += 1 + expand_one(b, s + i + 1, n - i - 1, env);
		else
			buf_addc(b, s[i++]);
	}
}
