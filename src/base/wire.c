#include "base/wire.h"
#include "base/mem.h"
#include "base/le.h"

void wire_put_u8(struct buf *b, uint8_t v)
{
	buf_addc(b, v);
}

void wire_put_u32(struct buf *b, uint32_t v)
{
	uint8_t p[4];

	le32_put(p, v);
	buf_add(b, p, sizeof(p));
}

void wire_put_u64(struct buf *b, uint64_t v)
{
	uint8_t p[8];

	le64_put(p, v);
	buf_add(b, p, sizeof(p));
}

void wire_put_id(struct buf *b, const struct id *id)
{
	buf_add(b, id->b, ID_SIZE);
}

void wire_put_bytes(struct buf *b, const void *p, size_t n)
{
	if (n > UINT32_MAX) {
		/* No message is that long: say so by the way every writer checks. */
		b->overflow = true;
		return;
	}
	wire_put_u32(b, (uint32_t)n);
	buf_add(b, p, n);
}

void wire_in_init(struct wire_in *w, const void *p, size_t n)
{
	w->p = p;
	w->end = n ? w->p + n : w->p;
	w->bad = false;
}

static const uint8_t *take(struct wire_in *w, size_t n)
{
	const uint8_t *p = w->p;

	if (w->bad || n > (size_t)(w->end - w->p)) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return p;
}

uint8_t wire_u8(struct wire_in *w)
{
	const uint8_t *p = take(w, 1);

	return p ? *p : 0;
}

uint32_t wire_u32(struct wire_in *w)
{
	const uint8_t *p = take(w, 4);

	return p ? le32_get(p) : 0;
}

uint64_t wire_u64(struct wire_in *w)
{
	const uint8_t *p = take(w, 8);

	return p ? le64_get(p) : 0;
}

void wire_id(struct wire_in *w, struct id *id)
{
	const uint8_t *p = take(w, ID_SIZE);

	if (p)
		memcpy(id->b, p, ID_SIZE);
	else
		memset(id->b, 0, ID_SIZE);
}

const uint8_t *wire_bytes(struct wire_in *w, size_t *n)
{
	/* An empty or bad field still gives a pointer that may be handed to memcpy with 0 bytes. */
	static const uint8_t nothing[1];
	size_t len = wire_u32(w);
	const uint8_t *p = w->bad || len == 0 ? NULL : take(w, len);

	*n = p ? len : 0;
	return p ? p : nothing;
}

char *wire_text(struct wire_in *w)
{
	size_t n;
	const uint8_t *p = wire_bytes(w, &n);

	return mem_strndup((const char *)p, n);
}

bool wire_done(const struct wire_in *w)
{
	return !w->bad && w->p == w->end;
}
