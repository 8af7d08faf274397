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

void buf_lend(struct buf *b, void *p, size_t n)
{
	*b = (struct buf){.p = p, .cap = n, .max = n, .lent = true};
}

static void memory_free(struct buf *b)
{
	if (!b->lent)
		mem_free(b->p);
}

/* Memory of its own, with its contents. */
static void memory_own(struct buf *b, uint8_t *p, size_t cap)
{
	if (b->len)
		memcpy(p, b->p, b->len);
	memory_free(b);
	b->p = p;
	b->cap = cap;
	b->lent = false;
}

void buf_release(struct buf *b)
{
	if (!b)
		return;
	memory_free(b);
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
	if (b->len && !b->lent) {
		b->p = mem_realloc(b->p, cap);
		b->cap = cap;
	} else if (b->len) {
		memory_own(b, mem_alloc(cap), cap);
	} else {
		/* Nothing to keep: a realloc might copy megabytes of old contents. */
		memory_free(b);
		b->p = NULL;
		memory_own(b, mem_alloc(cap), cap);
	}
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
	memory_own(b, p, b->len + more);
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
	memory_free(to);
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
	if (b->len == b->cap && b->lent)
		memory_own(b, mem_alloc(b->cap + 1), b->cap);
	else if (b->len == b->cap)
		b->p = mem_realloc(b->p, b->cap + 1);
	b->p[b->len] = 0;
	return (const char *)b->p;
}
