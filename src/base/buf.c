#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

#define BUF_FIRST 64 /* the smallest memory worth asking for when growing byte by byte */

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
	if (!b)
		return;
	mem_free(b->p);
	*b = (struct buf){.max = b->max};
}

void buf_wipe(struct buf *b)
{
	if (!b)
		return;
	/* All of cap: what a buf_reset left behind len is secret too. */
	mem_wipe(b->p, b->cap);
	buf_release(b);
}

void buf_reset(struct buf *b)
{
	if (!b)
		return;
	b->len = 0;
	b->overflow = false;
}

int buf_reserve(struct buf *b, size_t more)
{
	size_t cap;

	if (b->overflow)
		return ERR_NOMEM;
	if (more <= b->cap - b->len)
		return 0;
	if (more > b->max - b->len) {
		b->overflow = true;
		return ERR_NOMEM;
	}
	cap = b->len + more;
	if (b->len && cap < 2 * b->cap)
		cap = b->cap < b->max / 2 ? 2 * b->cap : b->max;
	if (cap < BUF_FIRST && BUF_FIRST <= b->max)
		cap = BUF_FIRST;
	if (b->len) {
		b->p = mem_realloc(b->p, cap);
	} else {
		/* Nothing to keep: a realloc might copy megabytes of old contents. */
		mem_free(b->p);
		b->p = mem_alloc(cap);
	}
	b->cap = cap;
	return 0;
}

int buf_try_reserve(struct buf *b, size_t more)
{
	uint8_t *p;

	if (b->overflow || more > b->max - b->len)
		return ERR_NOMEM;
	if (more <= b->cap - b->len)
		return 0;
	p = mem_try(b->len + more);
	if (!p)
		return ERR_NOMEM;
	if (b->len)
		memcpy(p, b->p, b->len);
	mem_free(b->p);
	b->p = p;
	b->cap = b->len + more;
	return 0;
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	if ((b->overflow || n > b->cap - b->len) && buf_reserve(b, n) < 0)
		return ERR_NOMEM;
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	return 0;
}

int buf_addc(struct buf *b, int c)
{
	if ((b->overflow || b->len == b->cap) && buf_reserve(b, 1) < 0)
		return ERR_NOMEM;
	b->p[b->len++] = (uint8_t)c;
	return 0;
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->overflow = true;
		return ERR_NOMEM;
	}
	if ((size_t)n < sizeof(text))
		return buf_add(b, text, (size_t)n);
	/* vsnprintf writes a 0 behind the text, which must have room here but is not kept. */
	char *big = mem_alloc((size_t)n + 1);
	int rc;

	va_start(ap, fmt);
	vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	rc = buf_add(b, big, (size_t)n);
	mem_wipe(big, (size_t)n);
	mem_free(big);
	return rc;
}

int buf_addu(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return buf_add(b, digits + i, sizeof(digits) - i);
}

void buf_move(struct buf *to, struct buf *from)
{
	size_t max = to->max;

	if (to == from)
		return;
	mem_free(to->p);
	*to = *from;
	*from = (struct buf){.max = from->max};
	if (max > to->max)
		to->max = max;
}

const char *buf_str(struct buf *b)
{
	if (b->overflow)
		return NULL;
	/* The 0 is not contents: it gets a byte of its own behind cap, which may already be max. */
	if (b->len == b->cap)
		b->p = mem_realloc(b->p, b->cap + 1);
	b->p[b->len] = 0;
	return (const char *)b->p;
}
