#include "engine/check_read.h"
#include "base/mem.h"
#include "base/stopped.h"
#include "format/pack.h"

/* Blobs opened before they are hashed: together with the pack's own bytes, while both are in the
 * processor's cache. */
#define GROUP       16
#define GROUP_BYTES ((size_t)1 << 20)

struct reader {
	struct repo_ctx *ctx;
	const uint8_t *p;
	size_t n, hashed; /* bytes of the pack; those its own hash has seen */
	struct hash_stream *name;
	struct check_read *out;
	struct buf plain[GROUP];
};

static void fault(struct reader *r, const struct err *e)
{
	if (!r->out->faults++ || r->out->first.code == ERR_NOMEM)
		r->out->first = *e;
}

/* The header and the index list the same places of the same blobs, in whatever order. */
static bool as_indexed(const struct catalog_pack *pack, const struct blob *b, size_t n)
{
	uint64_t digest = 0;

	for (size_t i = 0; i < n; i++)
		digest += blob_digest(&b[i]);
	return n == pack->blobs && digest == pack->digest;
}

static int header(struct reader *r, struct blob **b, size_t *n, struct err *e)
{
	uint64_t at;
	uint32_t len;
	struct buf plain;
	int rc = r->n < 4 ? err_set(e, ERR_INVALID, "the file has only %zu bytes", r->n)
			  : pack_header_span(r->p + r->n - 4, r->n, &at, &len, e);

	if (rc < 0)
		return rc;
	buf_init(&plain, PACK_HEADER_MAX);
	buf_reserve(&plain, len);
	rc = seal_open(r->ctx->seal, r->p + at, len, plain.p);
	if (rc < 0)
		err_set(e, rc, "the header's MAC is wrong");
	else
		rc = pack_header_parse(plain.p, len - SEAL_OVERHEAD, at, b, n, e);
	buf_release(&plain);
	return rc;
}

/* The pack's own hash up to `end`, and the names of n opened blobs, in one go. */
static void hash_group(struct reader *r, struct hash_job *job, size_t n, size_t end)
{
	job[n] = (struct hash_job){.p = r->p + r->hashed, .n = end - r->hashed, .stream = r->name};
	r->hashed = end;
	hash_many(r->ctx->hash, job, n + 1);
}

/* Opens and names some of the blobs; returns how many. */
static size_t group(struct reader *r, const struct blob *b, size_t n)
{
	struct hash_job job[GROUP + 1];
	const struct blob *of[GROUP];
	size_t i = 0, opened = 0, bytes = 0;
	struct err e;

	for (; i < n && opened < GROUP && bytes < GROUP_BYTES; i++) {
		struct buf *plain = &r->plain[opened];

		err_clear(&e);
		if (repo_unseal_blob(r->ctx, &b[i], r->p + b[i].offset, plain, &e) < 0) {
			fault(r, &e);
		} else {
			job[opened] = (struct hash_job){.p = plain->p, .n = plain->len};
			of[opened++] = &b[i];
			bytes += plain->len;
		}
	}
	hash_group(r, job, opened, (size_t)b[i - 1].offset + b[i - 1].length);
	for (size_t k = 0; k < opened; k++) {
		err_clear(&e);
		if (repo_name_blob(of[k], &job[k].out, &r->plain[k], &e) < 0)
			fault(r, &e);
	}
	return i;
}

void check_read(struct repo_ctx *ctx, const struct catalog_pack *pack, const uint8_t *p, size_t n,
	const volatile int *stop, struct check_read *out)
{
	struct reader r = {.ctx = ctx, .p = p, .n = n, .out = out};
	struct hash_job rest;
	struct blob *b = NULL;
	size_t blobs = 0;
	struct err e;
	struct id id;

	*out = (struct check_read){0};
	r.name = hash_stream_new();
	hash_stream_begin(r.name);
	for (size_t i = 0; i < GROUP; i++)
		buf_init(&r.plain[i], (size_t)UINT32_MAX);
	err_clear(&e);
	if (header(&r, &b, &blobs, &e) < 0)
		fault(&r, &e);
	else
		out->moved = !as_indexed(pack, b, blobs);
	for (size_t i = 0; i < blobs && !stopped_set(stop);)
		i += group(&r, b + i, blobs - i);
	hash_group(&r, &rest, 0, n);
	hash_stream_end(r.name, &id);
	if (!id_equal(&id, &pack->id)) {
		err_set(&e, ERR_INVALID, "the file's SHA-256 is %s", id_hex(&id).s);
		fault(&r, &e);
	}
	for (size_t i = 0; i < GROUP; i++)
		buf_release(&r.plain[i]);
	hash_stream_free(r.name);
	mem_free(b);
}
