#include "backend/object.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OBJECT_MAX (UINT64_C(1) << 42) /* no file of a repository has so many bytes */

int object_range(const struct backend_op *op, char out[OBJECT_RANGE], struct err *err)
{
	if (op->offset > OBJECT_MAX || op->length > OBJECT_MAX - op->offset)
		return err_set(err, ERR_TOOSHORT, "no object has so many bytes");
	if (op->length)
		snprintf(out, OBJECT_RANGE, "bytes=%" PRIu64 "-%" PRIu64, op->offset,
			op->offset + (op->length - 1));
	else
		snprintf(out, OBJECT_RANGE, "bytes=%" PRIu64 "-", op->offset);
	return 0;
}

struct range {
	unsigned long long first, last, total;
	bool known; /* first and last */
};

/* "bytes 3-9/10"; the total may be "*", and what lies behind the end is no part, whatever the
 * status says (rclone: 206 "bytes 11-9/10"). */
static struct range range_of(const struct http_req *r)
{
	struct range g = {.total = UINT64_MAX};
	const char *slash;
	char v[80];

	if (r->status != 206 || !http_header(r, "Content-Range", v, sizeof(v)))
		return g;
	g.known = sscanf(v, "bytes %llu-%llu", &g.first, &g.last) == 2 && g.last >= g.first;
	slash = strchr(v, '/');
	if (slash)
		sscanf(slash, "/%llu", &g.total);
	return g;
}

/* What Content-Length announces has come, or the transfer would have failed. */
static bool is_cut(const struct http_req *r, const struct range *g, const struct backend_op *op)
{
	uint64_t there = g->total > op->offset ? g->total - op->offset : 0,
		 want = op->length < there ? op->length : there;

	if (r->length != UINT64_MAX)
		return false;
	if (g->known)
		return r->out.len < g->last - g->first + 1;
	/* All of the object, and no word of how much that is: what is asked for must be in it. */
	if (r->status != 206)
		return r->out.len < op->offset || r->out.len - op->offset < op->length;
	return r->out.len < want;
}

static int ends_before(const struct backend_op *op, struct err *err)
{
	return err_set(err, ERR_TOOSHORT, "the object ends before byte %" PRIu64, op->offset);
}

int object_part(struct http_req *r, const struct backend_op *op, struct err *err)
{
	struct range g = range_of(r);
	struct buf *out = &r->out;

	if (is_cut(r, &g, op))
		return err_set(err, ERR_IO, "the answer was cut short after %zu bytes", out->len);
	if (op->offset > (r->status == 206 ? g.total : out->len))
		return ends_before(op, err);
	if (r->status != 206 && op->offset) {
		out->len -= (size_t)op->offset;
		memmove(out->p, out->p + op->offset, out->len);
	}
	if (r->status != 206 && op->length && out->len > op->length)
		out->len = (size_t)op->length;
	if (op->length && out->len < op->length)
		return err_set(err, ERR_TOOSHORT,
			"the object is too short: %zu bytes came, not %" PRIu64, out->len,
			op->length);
	if (op->length && out->len > op->length)
		return err_set(err, ERR_INVALID, "the server sends more than it was asked for");
	return 0;
}

bool object_asks_size(const struct backend_op *op, const struct http_req *r)
{
	return op->verb == BACKEND_GET && !op->length && !r->err.code && r->status == 416;
}

int object_end(const struct backend_op *op, uint64_t size, struct err *err)
{
	return size == op->offset ? 0 : ends_before(op, err);
}

int object_size(const struct http_req *r, struct backend_op *op)
{
	if (r->length > SIZE_MAX)
		return err_set(&op->err, ERR_IO, "the server does not tell the object's size");
	op->size = (size_t)r->length;
	return 0;
}

int object_too_large(struct backend_op *op, size_t max)
{
	return err_set(&op->err, ERR_NOMEM, "the object is larger than the %zu bytes expected",
		max);
}

enum err_code object_status(int status)
{
	switch (status) {
	case 404:
		return ERR_NOTFOUND;
	case 416:
		return ERR_TOOSHORT;
	case 401:
	case 403:
		return ERR_DENIED;
	case 413:
	case 507:
		return ERR_NOSPACE;
	case 408:
	case 409:
	case 423:
	case 425:
	case 429:
	case 498: /* Swift: too many requests */
	case 499:
		return ERR_IO;
	default:
		return status >= 500 && status != 501 ? ERR_IO : ERR_ODD;
	}
}

void object_judge_put(struct backend_op *op)
{
	if (op->verb == BACKEND_PUT && op->err.code == ERR_NOTFOUND)
		op->err.code = ERR_ODD;
}

int object_judge_removed(const struct http_req *r, int also, struct err *err)
{
	bool markup = http_is_markup(r);

	if ((r->status == 200 || r->status == also) && !markup)
		return 0;
	return err_set(err, ERR_ODD,
		"the server answers %d%s to a deletion: that is no such store's answer", r->status,
		markup ? " and a page" : "");
}

void object_pause(struct backend_op *op, const struct http_req *r, const struct clock *clock)
{
	struct ts now = clock_now(clock);

	if (op->err.code)
		op->retry_after_ns = http_retry_after_ns(r, &now);
}
