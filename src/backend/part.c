#include "backend/part.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

int part_take(struct http_req *r, const struct backend_op *op, struct err *err)
{
	struct range g = range_of(r);
	struct buf *out = &r->out;

	if (is_cut(r, &g, op))
		return err_set(err, ERR_IO, "the answer was cut short after %zu bytes", out->len);
	if (op->offset > (r->status == 206 ? g.total : out->len))
		return err_set(err, ERR_TOOSHORT, "the object ends before byte %" PRIu64,
			op->offset);
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
