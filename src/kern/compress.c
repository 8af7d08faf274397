#include "kern/compress.h"
#include "base/mem.h"
#include "kern/zframe.h"
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

/* libzstd gives a context's memory back and takes it again when sizes alternate: blobs up to this
 * size have a context of their own. */
#define SMALL      ((size_t)16 << 10)
#define WINDOW_LOG 23
#define BIG_LEVEL  20 /* from here on a libzstd level wants a larger window than WINDOW_LOG */
#define PIECE      ((size_t)128 << 10)
#define WHOLE                                                                                      \
	((uint64_t)8 << 20) /* a frame with no more content is decompressed at once when read by   \
			       pieces */
#define KEEP ((size_t)16 << 20) /* memory above this is given back once it is not needed */

struct packer {
	ZSTD_CCtx *ctx;
	int level;
};

struct compress {
	struct packer small, large, stream;
	ZSTD_DCtx *get; /* whole frames */

	/* Reading by pieces has a context of its own, so that compress_get works in between. */
	ZSTD_DCtx *next;
	const uint8_t *in;
	size_t n, at; /* all input; where the next frame, or the rest of this one, begins */
	size_t end;   /* of the frame that is being read by pieces; 0 between frames */
	uint8_t *piece;
	size_t piece_cap;
	size_t next_window;
	bool failed;
};

struct compress *compress_new(void)
{
	return mem_zalloc(sizeof(struct compress));
}

void compress_free(struct compress *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->small.ctx);
	ZSTD_freeCCtx(c->large.ctx);
	ZSTD_freeCCtx(c->stream.ctx);
	ZSTD_freeDCtx(c->get);
	ZSTD_freeDCtx(c->next);
	mem_free(c->piece);
	mem_free(c);
}

size_t compress_bound(size_t n)
{
	return ZSTD_compressBound(n);
}

static int fail(struct err *err, size_t rc)
{
	/* Its own memory is the only thing libzstd may lack through no fault of the data. */
	if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
		return err_set(err, ERR_NOMEM, "compressed data: no memory for it");
	return err_set(err, ERR_INVALID, "compressed data: %s", ZSTD_getErrorName(rc));
}

static int packer_set(struct packer *p, int level, struct err *err)
{
	size_t rc;

	if (p->ctx && p->level == level)
		return 0;
	if (level < 1 || level > ZSTD_maxCLevel())
		return err_set(err, ERR_USAGE, "there is no compression level %d", level);
	if (!p->ctx)
		p->ctx = ZSTD_createCCtx();
	if (!p->ctx)
		return err_set(err, ERR_NOMEM, "no memory for compression");
	rc = ZSTD_CCtx_setParameter(p->ctx, ZSTD_c_compressionLevel, level);
	if (!ZSTD_isError(rc))
		rc = ZSTD_CCtx_setParameter(p->ctx, ZSTD_c_windowLog,
			level >= BIG_LEVEL ? WINDOW_LOG : 0);
	if (ZSTD_isError(rc))
		return fail(err, rc);
	p->level = level;
	return 0;
}

int compress_put(struct compress *c, int level, const uint8_t *in, size_t n, uint8_t *out,
	size_t cap, size_t *out_n, struct err *err)
{
	struct packer *p = n <= SMALL ? &c->small : &c->large;
	int rc = packer_set(p, level, err);
	size_t made;

	if (rc)
		return rc;
	made = ZSTD_compress2(p->ctx, out, cap, in, n);
	if (ZSTD_isError(made))
		return fail(err, made);
	*out_n = made;
	return 0;
}

static int dctx_set(ZSTD_DCtx **d, struct err *err)
{
	if (!*d)
		*d = ZSTD_createDCtx();
	if (!*d)
		return err_set(err, ERR_NOMEM, "no memory for decompression");
	return 0;
}

int compress_get(struct compress *c, const uint8_t *in, size_t n, uint8_t *out, size_t out_n,
	struct err *err)
{
	size_t done = 0;
	int rc = dctx_set(&c->get, err);

	for (size_t at = 0; !rc && at < n;) {
		struct zframe f;
		size_t got;

		rc = zframe_read(&f, in + at, n - at, err);
		if (rc)
			break;
		if (f.exact && f.bound > out_n - done)
			return err_set(err, ERR_INVALID,
				"compressed data: more content than the %zu bytes there should be",
				out_n);
		got = ZSTD_decompressDCtx(c->get, out + done, out_n - done, in + at, f.size);
		if (ZSTD_isError(got))
			return fail(err, got);
		done += got;
		at += f.size;
	}
	if (!rc && done != out_n)
		rc = err_set(err, ERR_INVALID,
			"compressed data: %zu bytes of content instead of %zu", done, out_n);
	return rc;
}

int compress_get_all(struct compress *c, const uint8_t *in, size_t n, struct buf *out,
	struct err *err)
{
	int rc = dctx_set(&c->get, err);

	for (size_t at = 0; !rc && at < n;) {
		size_t room = out->max - out->len, got;
		struct zframe f;

		rc = zframe_read(&f, in + at, n - at, err);
		if (rc)
			break;
		/* Without a content size the bound may be far above the truth, so beyond `max` the
		 * frame still gets its chance. */
		if (buf_reserve(out, f.bound < room ? (size_t)f.bound : room) < 0)
			return err_set(err, ERR_NOMEM, "compressed data: no room for its content");
		got = ZSTD_decompressDCtx(c->get, out->p + out->len,
			f.bound < room ? (size_t)f.bound : room, in + at, f.size);
		if (ZSTD_getErrorCode(got) == ZSTD_error_dstSize_tooSmall && f.bound > room)
			return err_set(err, ERR_NOMEM,
				"compressed data: more content than the %zu bytes allowed",
				out->max);
		if (ZSTD_isError(got))
			return fail(err, got);
		out->len += got;
		at += f.size;
	}
	return rc;
}

static void give_back(struct compress *c)
{
	if (c->next_window > KEEP) {
		ZSTD_freeDCtx(c->next);
		c->next = NULL;
		c->next_window = 0;
	}
	if (c->piece_cap > KEEP) {
		mem_free(c->piece);
		c->piece = NULL;
		c->piece_cap = 0;
	}
}

void compress_begin(struct compress *c, const uint8_t *in, size_t n)
{
	c->in = in;
	c->n = n;
	c->at = 0;
	c->end = 0;
	c->failed = false;
	give_back(c);
}

static void piece_room(struct compress *c, size_t n)
{
	if (n < PIECE)
		n = PIECE;
	if (n <= c->piece_cap)
		return;
	mem_free(c->piece);
	c->piece = mem_alloc(n);
	c->piece_cap = n;
}

/* The frame at c->at: all of its content when that is cheaper than the window, else make ready to
 * read it by pieces (c->end != 0). */
static int frame_begin(struct compress *c, size_t *got, struct err *err)
{
	struct zframe f;
	int rc = zframe_read(&f, c->in + c->at, c->n - c->at, err);

	*got = 0;
	if (rc)
		return rc;
	rc = dctx_set(&c->next, err);
	if (rc)
		return rc;
	/*
	 * A window is only worth its memory when the content is larger.  With this rule neither
	 * costs more than the blocks that are really there can hold.
	 */
	if (f.bound <= WHOLE || f.bound <= f.window) {
		if (f.bound > ZFRAME_WINDOW_MAX)
			return err_set(err, ERR_INVALID,
				"compressed data: the window is too large");
		piece_room(c, (size_t)f.bound);
		/* This drops a frame that an earlier reader left half read. */
		*got = ZSTD_decompressDCtx(c->next, c->piece, (size_t)f.bound, c->in + c->at,
			f.size);
		if (ZSTD_isError(*got))
			return fail(err, *got);
		c->at += f.size;
		return 0;
	}
	ZSTD_DCtx_reset(c->next, ZSTD_reset_session_and_parameters);
	ZSTD_DCtx_setParameter(c->next, ZSTD_d_windowLogMax, 29);
	if (c->next_window < f.window)
		c->next_window = (size_t)f.window;
	c->end = c->at + f.size;
	return 0;
}

static int frame_more(struct compress *c, size_t *got, struct err *err)
{
	ZSTD_inBuffer in = {c->in, c->end, c->at};
	ZSTD_outBuffer out = {NULL, PIECE, 0};
	size_t rc = 1;

	piece_room(c, PIECE);
	out.dst = c->piece;
	while (rc && out.pos < out.size) {
		size_t had = in.pos, made = out.pos;

		rc = ZSTD_decompressStream(c->next, &out, &in);
		if (ZSTD_isError(rc))
			return fail(err, rc);
		if (rc && in.pos == had && out.pos == made)
			return err_set(err, ERR_INVALID, "compressed data: cut off");
	}
	c->at = in.pos;
	if (rc == 0) {
		if (c->at != c->end)
			return err_set(err, ERR_INVALID, "compressed data: a frame ends too early");
		c->end = 0;
	}
	*got = out.pos;
	return 0;
}

int compress_next(struct compress *c, const uint8_t **p, size_t *n, struct err *err)
{
	size_t got = 0;
	int rc = c->failed ? err_set(err, ERR_INVALID, "compressed data: cannot be read on") : 0;

	while (!rc && got == 0 && (c->end || c->at < c->n))
		rc = c->end ? frame_more(c, &got, err) : frame_begin(c, &got, err);
	c->failed = rc != 0;
	if (rc || got == 0)
		give_back(c);
	*p = c->piece;
	*n = rc ? 0 : got;
	return rc;
}

/* Rare, and it needs a window beside what a whole blob needs: so it is not kept. */
static void stream_end(struct compress *c)
{
	ZSTD_freeCCtx(c->stream.ctx);
	c->stream.ctx = NULL;
}

int compress_open(struct compress *c, int level, struct err *err)
{
	int rc;

	stream_end(c);
	rc = packer_set(&c->stream, level, err);
	if (rc)
		stream_end(c);
	return rc;
}

static int stream(struct compress *c, const uint8_t *p, size_t n, ZSTD_EndDirective how,
	struct buf *out, struct err *err)
{
	ZSTD_inBuffer in = {p, n, 0};
	size_t rc = 1;

	if (!c->stream.ctx)
		return err_set(err, ERR_INVALID, "no compressed frame is open");
	while (in.pos < in.size || (how == ZSTD_e_end && rc)) {
		ZSTD_outBuffer to = {NULL, 0, 0};

		if (buf_reserve(out, PIECE)) {
			stream_end(c);
			return err_set(err, ERR_NOMEM,
				"compressed data: more than the %zu bytes allowed", out->max);
		}
		to.dst = out->p + out->len;
		to.size = out->cap - out->len;
		rc = ZSTD_compressStream2(c->stream.ctx, &to, &in, how);
		if (ZSTD_isError(rc)) {
			stream_end(c);
			return fail(err, rc);
		}
		out->len += to.pos;
	}
	return 0;
}

int compress_add(struct compress *c, const uint8_t *in, size_t n, struct buf *out, struct err *err)
{
	return stream(c, in, n, ZSTD_e_continue, out, err);
}

int compress_close(struct compress *c, struct buf *out, struct err *err)
{
	int rc = stream(c, NULL, 0, ZSTD_e_end, out, err);

	stream_end(c);
	return rc;
}
