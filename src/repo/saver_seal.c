#include "repo/saver_seal.h"
#include "format/pack.h"
#include "kern/seal.h"
#include <string.h>

/* What will be sealed: the plaintext, or its compressed form in ctx->tmp. */
static int squeeze(const struct repo *r, struct repo_ctx *ctx, enum blob_type type, bool raw,
	const struct buf *plain, const uint8_t **p, size_t *n, struct err *err)
{
	size_t bound = compress_bound(plain->len);

	*p = plain->p;
	*n = plain->len;
	if (r->config.version < 2 || (type == BLOB_DATA && !r->compress_data))
		return 0;
	buf_reset(&ctx->tmp);
	buf_reserve(&ctx->tmp, bound);
	if (compress_put(ctx->compress, r->level, plain->p, plain->len, ctx->tmp.p, bound, n, err))
		return err->code;
	/* Raw saves the restore some work.  Not for trees: restic's prune repacks packs with
	 * uncompressed trees each time it runs. */
	if (*n >= plain->len && type == BLOB_DATA && raw)
		*n = plain->len;
	else
		*p = ctx->tmp.p;
	return 0;
}

/* Opened where it lies in the pack, and compared with the plaintext.  Overwrites both scratch
 * buffers. */
static int sealed_check(struct repo_ctx *ctx, const struct blob *b, const uint8_t *sealed,
	const struct buf *plain, struct err *err)
{
	const uint8_t *got;

	buf_reset(&ctx->tmp2);
	buf_reserve(&ctx->tmp2, b->length);
	if (seal_open(ctx->seal, sealed, b->length, ctx->tmp2.p))
		goto bad;
	got = ctx->tmp2.p;
	if (b->plain) {
		buf_reset(&ctx->tmp);
		buf_reserve(&ctx->tmp, b->plain);
		if (compress_get(ctx->compress, ctx->tmp2.p, b->length - SEAL_OVERHEAD, ctx->tmp.p,
			    b->plain, err))
			goto bad;
		got = ctx->tmp.p;
	}
	if (memcmp(got, plain->p, plain->len) == 0)
		return 0;
bad:
	return err_set(err, ERR_INVALID,
		"what was sealed cannot be opened again: memory or processor at fault?");
}

void saver_count(const struct blob *b, size_t n, struct saver_stats *added)
{
	added->data_blobs += b->type == BLOB_DATA;
	added->tree_blobs += b->type == BLOB_TREE;
	added->data_added += n;
	added->data_added_packed += b->length + pack_entry_size(b);
}

int saver_seal(struct repo *r, struct packer *to, struct repo_ctx *ctx, enum blob_type type,
	const struct id *id, const struct buf *plain, bool raw, struct saver_stats *added,
	struct err *err)
{
	struct blob b = {.id = *id, .type = type};
	struct packer_room room;
	const uint8_t *p;
	size_t n;
	int rc;

	if (!plain->len)
		return err_set(err, ERR_INVALID, "an empty blob cannot be");
	if (plain->len > REPO_BLOB_MAX)
		return err_set(err, ERR_INVALID, "%zu bytes are too many for a blob", plain->len);
	rc = squeeze(r, ctx, type, raw, plain, &p, &n, err);
	if (rc)
		return rc;
	if (n > REPO_BLOB_MAX - SEAL_OVERHEAD)
		return err_set(err, ERR_INVALID, "%zu bytes are too many for a blob", n);
	b.length = (uint32_t)(n + SEAL_OVERHEAD);
	b.plain = p == plain->p ? 0 : (uint32_t)plain->len;
	rc = packer_reserve(to, &b, &room, err);
	if (rc)
		return rc;
	seal_put(ctx->seal, repo_ctx_iv(ctx), p, n, room.p);
	if (r->verify)
		rc = sealed_check(ctx, &b, room.p, plain, err);
	packer_commit(to, &room, rc == 0, ctx);
	if (rc)
		return rc;
	saver_count(&b, plain->len, added);
	return 0;
}
