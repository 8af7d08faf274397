/*
 * compress: zstd frames with reused contexts.  A compressor belongs to one thread at a time.
 */
#ifndef KERN_COMPRESS_H
#define KERN_COMPRESS_H
#include "base/buf.h"
#include "base/err.h"

struct compress;
struct compress *compress_new(void);
void compress_free(struct compress *c);

size_t compress_bound(size_t n); /* bytes a frame of n input bytes may take */

/*
 * compress_put(c, level, in, n, out, cap, out_n): one frame with content size, no checksum, window
 * <= 8 MiB.  cap >= compress_bound(n). level: a libzstd level as below for restic's names.
 */
#define COMPRESS_FASTEST 1
#define COMPRESS_AUTO    3
#define COMPRESS_BETTER  7
#define COMPRESS_MAX     15
int compress_put(struct compress *c, int level, const uint8_t *in, size_t n, uint8_t *out,
	size_t cap, size_t *out_n, struct err *err);

/*
 * compress_get(c, in, n, out, out_n): decompress to exactly out_n bytes, whatever frames there are
 * (several, skippable, without size); else ERR_INVALID.
 */
int compress_get(struct compress *c, const uint8_t *in, size_t n, uint8_t *out, size_t out_n,
	struct err *err);

/* compress_get_all(c, in, n, out): decompress frames of unknown size; ERR_NOMEM when out->max would
 * be passed. */
int compress_get_all(struct compress *c, const uint8_t *in, size_t n, struct buf *out,
	struct err *err);

/*
 * A reader of frames piece by piece, for files whose plaintext should not be in memory at once.
 * `in` is borrowed until the next begin. compress_next: *p, *n = the next piece, valid until the
 * next call; *n = 0 at the end.
 */
void compress_begin(struct compress *c, const uint8_t *in, size_t n);
int compress_next(struct compress *c, const uint8_t **p, size_t *n, struct err *err);

/*
 * A frame written piece by piece, without content size: for files whose plaintext should not be in
 * memory at once.  What is made is added to `out` (ERR_NOMEM when out->max would be passed).  Its
 * memory is given back when it is closed or failed.
 */
int compress_open(struct compress *c, int level, struct err *err);
int compress_add(struct compress *c, const uint8_t *in, size_t n, struct buf *out, struct err *err);
int compress_close(struct compress *c, struct buf *out, struct err *err);

#endif
