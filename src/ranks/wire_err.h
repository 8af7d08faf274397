/* wire_err: a struct err as fields of a message between ranks. */
#ifndef RANKS_WIRE_ERR_H
#define RANKS_WIRE_ERR_H
#include "base/err.h"
#include "base/wire.h"

static inline void wire_put_err(struct buf *b, const struct err *e)
{
	wire_put_u32(b, (uint32_t)e->code);
	wire_put_bytes(b, e->msg, strnlen(e->msg, sizeof(e->msg) - 1));
}

/* A sentence that is too long loses its end, as everywhere. */
static inline void wire_err(struct wire_in *w, struct err *e)
{
	const uint8_t *p;
	size_t n;

	e->code = (int)wire_u32(w);
	p = wire_bytes(w, &n);
	if (n > sizeof(e->msg) - 1)
		n = sizeof(e->msg) - 1;
	memcpy(e->msg, p, n);
	e->msg[n] = 0;
}

#endif
