#include "repo/packlist.h"
#include "format/pack.h"

static int get_part(struct repo *r, const struct id *pack, uint64_t at, uint64_t n, struct buf *out,
	struct err *err)
{
	struct backend_op op = {.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = *pack,
		.offset = at,
		.length = n};
	int rc;

	buf_init(&op.out, n);
	rc = backend_run(r->be, &op, err);
	buf_move(out, &op.out);
	return rc;
}

/* The sealed header lies at `at` in the pack, and at p in memory. */
static int open_header(struct repo *r, const uint8_t *p, uint64_t at, uint32_t len,
	struct blob **out, size_t *n, struct err *err)
{
	struct repo_ctx *c = repo_ctx_get(r);
	struct buf plain;
	int rc = 0;

	buf_init(&plain, PACK_HEADER_MAX);
	buf_reserve(&plain, len);
	if (seal_open(c->seal, p, len, plain.p))
		rc = err_set(err, ERR_INVALID, "the header's MAC is wrong");
	else
		rc = pack_header_parse(plain.p, len - SEAL_OVERHEAD, at, out, n, err);
	buf_release(&plain);
	repo_ctx_put(r, c);
	return rc;
}

int packlist_find(struct repo *r, const uint8_t *p, size_t size, struct blob **out, size_t *n,
	struct err *err)
{
	uint64_t at;
	uint32_t len;

	if (size < PACK_OVERHEAD)
		return err_set(err, ERR_INVALID, "a file of %zu bytes is no pack", size);
	if (pack_header_span(p + size - 4, size, &at, &len, err))
		return err->code;
	return open_header(r, p + at, at, len, out, n, err);
}

static int read_once(struct repo *r, const struct id *pack, uint64_t size, struct blob **out,
	size_t *n, struct err *err)
{
	uint64_t eager = size < PACK_EAGER ? size : PACK_EAGER, at;
	struct buf end = {0};
	uint32_t len;
	int rc;

	if (size < PACK_OVERHEAD)
		return err_set(err, ERR_INVALID, "a file of %llu bytes is no pack",
			(unsigned long long)size);
	rc = get_part(r, pack, size - eager, eager, &end, err);
	if (!rc)
		rc = pack_header_span(end.p + end.len - 4, size, &at, &len, err);
	if (!rc && at < size - eager) {
		buf_release(&end);
		eager = size - at;
		rc = get_part(r, pack, at, eager, &end, err);
	}
	if (!rc)
		rc = open_header(r, end.p + (at - (size - eager)), at, len, out, n, err);
	buf_release(&end);
	return rc;
}

int packlist_read(struct repo *r, const struct id *pack, uint64_t size, struct blob **out,
	size_t *n, struct err *err)
{
	struct err own = {0};
	int rc = read_once(r, pack, size, out, n, &own);

	if (rc == ERR_INVALID) {
		err_clear(&own);
		rc = read_once(r, pack, size, out, n, &own);
	}
	if (rc) {
		err_prefix(&own, "pack %s", id_hex(pack).s);
		err_copy(err, &own);
	}
	return rc;
}
