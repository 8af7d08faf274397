#include "base/mem.h"
#include "format/index.h"
#include "repo/repo_priv.h"

/* Index files: the only ones that may be large, so they are written and read piece by piece. */

static int next_piece(void *arg, const uint8_t **p, size_t *n, struct err *err)
{
	return compress_next(arg, p, n, err);
}

/* How often a reader was told something. */
struct counted {
	int (*fn)(void *arg, const struct id *pack, const struct blob *b, size_t n);
	void *arg;
	size_t packs;
};

static int count_pack(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	struct counted *c = arg;

	c->packs++;
	return c->fn(c->arg, pack, b, n);
}

int repo_load_index(struct repo *r, const struct id *id,
	int (*fn)(void *arg, const struct id *pack, const struct blob *b, size_t n), void *arg,
	struct err *err)
{
	struct repo_ctx *c = repo_ctx_get(r);
	struct counted counted = {.fn = fn, .arg = arg};
	struct json_in json = {0};
	struct err own = {0};
	struct buf stored = {0};
	uint8_t *plain;
	size_t n;
	int rc;

	rc = repo_file_get(r, BACKEND_INDEX, id, REPO_FILE_MAX, &stored, &own);
	if (rc)
		goto out;
	/* Opened in place: an old index file may have hundreds of megabytes. */
	if (stored.len < SEAL_OVERHEAD ||
		seal_open(c->seal, stored.p, stored.len, stored.p + SEAL_IV)) {
		rc = err_set(&own, ERR_INVALID,
			"the file is damaged or sealed with another key: wrong MAC");
		goto out;
	}
	plain = stored.p + SEAL_IV;
	n = stored.len - SEAL_OVERHEAD;
	if (r->config.version >= 2 && n && plain[0] == REPO_COMPRESSED) {
		compress_begin(c->compress, plain + 1, n - 1);
		json_in_stream(&json, next_piece, c->compress);
	} else if (r->config.version < 2 || !n || plain[0] == '{' || plain[0] == 'n') {
		json_in_mem(&json, plain, n);
	} else {
		rc = err_set(&own, ERR_UNSUPPORTED, "the file has an unknown encoding (%u)",
			plain[0]);
		goto out;
	}
	rc = index_read(&json, r->config.version, count_pack, &counted, &own);
	json_in_release(&json);
	/* No program that keeps its word writes such a file: what it should have named looks as if
	 * it were in no index. */
	if (!rc && !counted.packs)
		log_msg(&r->env->log, LOG_WARN, "index %s is passed over: it names no packs",
			id_hex(id).s);
out:
	if (rc) {
		repo_file_prefix(&own, "load", BACKEND_INDEX, id);
		err_copy(err, &own);
	}
	buf_release(&stored);
	repo_ctx_put(r, c);
	return rc;
}

/* An index file on its way from blobs to what is sealed. */
struct writing {
	struct repo *r;
	struct repo_ctx *c;
	struct buf *to; /* after SEAL_IV free bytes: sealed in place */
	struct err err;
};

static void drain(void *arg, struct buf *json)
{
	struct writing *w = arg;

	hash_add(w->c->hash, json->p, json->len);
	if (w->err.code)
		;
	else if (w->r->config.version >= 2)
		compress_add(w->c->compress, json->p, json->len, w->to, &w->err);
	else if (buf_add(w->to, json->p, json->len))
		err_set(&w->err, ERR_NOMEM, "it would have more than %zu bytes", w->to->max);
	buf_reset(json);
}

/* The plaintext in the form in which it is stored, and its SHA-256. */
static int write_index(struct writing *w, const struct repo_pack *p, size_t n, const struct blob *b,
	struct id *plain)
{
	static const uint8_t room[SEAL_IV];
	bool compressed = w->r->config.version >= 2;
	struct index_out x;
	struct buf json;

	buf_init(&json, 2 * INDEX_DRAIN);
	buf_add(w->to, room, sizeof(room));
	if (compressed) {
		buf_addc(w->to, REPO_COMPRESSED);
		compress_open(w->c->compress, w->r->level, &w->err);
	}
	hash_begin(w->c->hash);
	index_begin(&x, &json);
	x.drain = drain;
	x.arg = w;
	for (size_t i = 0; i < n && !w->err.code; i++) {
		index_pack(&x, &p[i].id, b, p[i].blobs);
		b += p[i].blobs;
	}
	index_end(&x);
	drain(w, &json);
	hash_end(w->c->hash, plain);
	if (compressed && !w->err.code)
		compress_close(w->c->compress, w->to, &w->err);
	buf_release(&json);
	return w->err.code;
}

/* Opened again, it must be what was meant. */
static int check_sealed(struct writing *w, const struct id *plain)
{
	struct repo_ctx *c = w->c;
	struct buf open;
	const uint8_t *p;
	struct id got;
	size_t n;
	int rc = 0;

	buf_init(&open, w->to->len);
	buf_reserve(&open, w->to->len);
	n = w->to->len - SEAL_OVERHEAD;
	if (seal_open(c->seal, w->to->p, w->to->len, open.p)) {
		rc = err_set(&w->err, ERR_INVALID, "wrong MAC");
	} else if (w->r->config.version >= 2) {
		hash_begin(c->hash);
		compress_begin(c->compress, open.p + 1, n - 1);
		while ((rc = compress_next(c->compress, &p, &n, &w->err)) == 0 && n)
			hash_add(c->hash, p, n);
		hash_end(c->hash, &got);
	} else {
		hash_once(c->hash, open.p, n, &got);
	}
	if (!rc && !id_equal(&got, plain))
		rc = err_set(&w->err, ERR_INVALID, "the contents differ");
	buf_release(&open);
	if (rc)
		err_prefix(&w->err,
			"what was sealed cannot be opened again: memory or processor at fault?");
	return rc;
}

int repo_save_index(struct repo *r, const struct repo_pack *p, size_t n, const struct blob *b,
	struct err *err)
{
	struct repo_ctx *c = repo_ctx_get(r);
	struct buf stored;
	struct writing w = {.r = r, .c = c, .to = &stored};
	struct id plain, name = {0};
	int rc;

	buf_init(&stored, REPO_FILE_MAX);
	rc = write_index(&w, p, n, b, &plain);
	if (!rc && buf_reserve(&stored, SEAL_MAC))
		rc = err_set(&w.err, ERR_NOMEM, "it would have more than %zu bytes", stored.max);
	if (!rc) {
		seal_put(c->seal, repo_ctx_iv(c), stored.p + SEAL_IV, stored.len - SEAL_IV,
			stored.p);
		stored.len += SEAL_MAC;
		rc = r->verify ? check_sealed(&w, &plain) : 0;
	}
	if (!rc) {
		hash_once(c->hash, stored.p, stored.len, &name);
		rc = repo_file_put(r, BACKEND_INDEX, &name, stored.p, stored.len, &w.err);
	}
	repo_ctx_put(r, c);
	if (rc) {
		repo_file_prefix(&w.err, "save", BACKEND_INDEX, &name);
		err_copy(err, &w.err);
	}
	buf_release(&stored);
	return rc;
}
