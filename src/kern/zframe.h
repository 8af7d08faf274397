/*
 * zframe: where a zstd frame ends and how much it can hold at most, from its header and block
 * headers alone (RFC 8878, section 3.1).
 *
 * Asked before anything is decompressed, so that memory follows what is there and not what a header
 * claims.  Pure.
 */
#ifndef KERN_ZFRAME_H
#define KERN_ZFRAME_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZFRAME_WINDOW_MAX ((uint64_t)512 << 20) /* restic's decoder allows no larger window */

struct zframe {
	size_t size;     /* bytes of the whole frame */
	uint64_t window; /* bytes of history it may refer to; 0 for a skippable frame */
	uint64_t bound;  /* its content has no more bytes than this; exactly as many when `exact` */
	bool exact;
};

/*
 * zframe_read(f, p, n): the frame at the beginning of n bytes.  0, or ERR_INVALID: cut off, not a
 * frame of today's format, in need of a dictionary, a window that is too large, or a content size
 * that its blocks cannot hold.
 */
int zframe_read(struct zframe *f, const uint8_t *p, size_t n, struct err *err);

#endif
