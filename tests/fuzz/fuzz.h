/*
 * fuzz: what the fuzz targets share.  Each f_NAME.c is one LLVMFuzzerTestOneInput: `make fuzz
 * FUZZ=NAME` runs it under libFuzzer; as one of the tests, linked with replay.c instead, it is fed
 * corpus/NAME.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H
#include "base/buf.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What must be true of any input. */
#define ALWAYS(cond)                                                                               \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static inline bool buf_equal(const struct buf *a, const struct buf *b)
{
	return !a->overflow && !b->overflow && a->len == b->len &&
	       (!a->len || memcmp(a->p, b->p, a->len) == 0);
}

#endif
