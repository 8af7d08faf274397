#include "repo/repo.h"

/* Plaintext behind out's contents; the length of the sealed bytes is at least SEAL_OVERHEAD. */
static int open_stored(struct repo_ctx *c, const struct blob *b, const uint8_t *sealed,
	struct buf *out, struct err *err)
{
	size_t stored = b->length - SEAL_OVERHEAD;
	struct buf *to = b->plain ? &c->tmp : out;

	buf_reset(to);
	if (buf_try_reserve(to, stored ? stored : 1))
		return err_set(err, ERR_NOMEM,
			"a blob of %zu stored bytes is larger than expected, or than the memory "
			"that is left",
			stored);
	if (seal_open(c->seal, sealed, b->length, to->p))
		return err_set(err, ERR_INVALID, "the stored bytes are damaged: wrong MAC");
	to->len = stored;
	if (!b->plain)
		return 0;
	buf_reset(out);
	if (buf_try_reserve(out, b->plain))
		return err_set(err, ERR_NOMEM,
			"a blob of %u bytes is larger than expected, or than the memory that is "
			"left",
			b->plain);
	if (compress_get(c->compress, c->tmp.p, stored, out->p, b->plain, err))
		return ERR_INVALID;
	out->len = b->plain;
	return 0;
}

/* The sentence of every failure names the blob, and nothing is left in out. */
static int damaged(const struct blob *b, struct buf *out, struct err *err)
{
	buf_reset(out);
	return err_prefix(err, "%s blob %s", blob_type_name(b->type), id_short(&b->id).s);
}

int repo_unseal_blob(struct repo_ctx *c, const struct blob *b, const uint8_t *sealed,
	struct buf *out, struct err *err)
{
	int rc = b->length < SEAL_OVERHEAD
			 ? err_set(err, ERR_INVALID, "%u stored bytes are too few", b->length)
			 : open_stored(c, b, sealed, out, err);

	return rc ? damaged(b, out, err) : 0;
}

int repo_name_blob(const struct blob *b, const struct id *is, struct buf *out, struct err *err)
{
	if (id_equal(is, &b->id))
		return 0;
	err_set(err, ERR_INVALID, "the contents have another SHA-256");
	return damaged(b, out, err);
}

int repo_open_blob(struct repo_ctx *c, const struct blob *b, const uint8_t *sealed, struct buf *out,
	struct err *err)
{
	struct id id;
	int rc = repo_unseal_blob(c, b, sealed, out, err);

	if (rc)
		return rc;
	hash_once(c->hash, out->p, out->len, &id);
	return repo_name_blob(b, &id, out, err);
}
