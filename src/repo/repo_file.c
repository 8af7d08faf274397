#include "base/mem.h"
#include "repo/repo_priv.h"

/* The config is the same in both versions. */
static bool enveloped(const struct repo *r, enum backend_type t)
{
	return r->config.version >= 2 && t != BACKEND_CONFIG;
}

int repo_file_hash(const struct id *id, const uint8_t *p, size_t n, struct err *err)
{
	struct hash *h = hash_new();
	struct id got;

	hash_once(h, p, n, &got);
	hash_free(h);
	if (!id_equal(&got, id))
		return err_set(err, ERR_INVALID,
			"the file is damaged: its SHA-256 is not its name");
	return 0;
}

static int open_sealed(struct repo_ctx *c, const uint8_t *stored, size_t n, struct buf *out,
	struct err *err)
{
	if (n < SEAL_OVERHEAD)
		return err_set(err, ERR_INVALID, "the file is damaged: %zu bytes are too few", n);
	buf_reset(out);
	if (buf_try_reserve(out, n - SEAL_OVERHEAD + 1))
		return err_set(err, ERR_NOMEM, "the file is larger than expected: %zu bytes", n);
	if (seal_open(c->seal, stored, n, out->p))
		return err_set(err, ERR_INVALID,
			"the file is damaged or sealed with another key: wrong MAC");
	out->len = n - SEAL_OVERHEAD;
	return 0;
}

static int open_file(struct repo *r, struct repo_ctx *c, enum backend_type t, const uint8_t *stored,
	size_t n, struct buf *out, struct err *err)
{
	int rc;

	if (!enveloped(r, t))
		return open_sealed(c, stored, n, out, err);
	rc = open_sealed(c, stored, n, &c->tmp2, err);
	if (rc)
		return rc;
	buf_reset(out);
	if (!c->tmp2.len)
		return 0;
	switch (c->tmp2.p[0]) {
	case '[':
	case '{':
		if (buf_add(out, c->tmp2.p, c->tmp2.len))
			return err_set(err, ERR_NOMEM,
				"the file is larger than expected: %zu bytes", c->tmp2.len);
		return 0;
	case REPO_COMPRESSED:
		return compress_get_all(c->compress, c->tmp2.p + 1, c->tmp2.len - 1, out, err);
	default:
		return err_set(err, ERR_UNSUPPORTED, "the file has an unknown encoding (%u)",
			c->tmp2.p[0]);
	}
}

int repo_open_file(struct repo *r, enum backend_type t, const struct id *id, const uint8_t *stored,
	size_t n, struct buf *out, struct err *err)
{
	struct repo_ctx *c = repo_ctx_get(r);
	int rc = t == BACKEND_CONFIG ? 0 : repo_file_hash(id, stored, n, err);

	if (!rc)
		rc = open_file(r, c, t, stored, n, out, err);
	repo_ctx_put(r, c);
	return rc;
}

static int seal_file(struct repo *r, struct repo_ctx *c, enum backend_type t, const uint8_t *p,
	size_t n, struct buf *stored, struct err *err)
{
	size_t packed, bound = enveloped(r, t) ? 1 + compress_bound(n) : n;

	if (n > REPO_FILE_MAX)
		return err_set(err, ERR_NOMEM, "a file of %zu bytes is too large", n);
	if (enveloped(r, t)) {
		buf_reset(&c->tmp);
		buf_reserve(&c->tmp, bound);
		c->tmp.p[0] = REPO_COMPRESSED;
		if (compress_put(c->compress, r->level, p, n, c->tmp.p + 1, bound - 1, &packed,
			    err))
			return err->code;
		p = c->tmp.p;
		n = packed + 1;
	}
	buf_reset(stored);
	if (buf_reserve(stored, n + SEAL_OVERHEAD))
		return err_set(err, ERR_NOMEM, "a file of %zu bytes is too large", n);
	seal_put(c->seal, repo_ctx_iv(c), p, n, stored->p);
	stored->len = n + SEAL_OVERHEAD;
	return 0;
}

int repo_seal_file(struct repo *r, enum backend_type t, const void *p, size_t n, struct buf *stored,
	struct id *id, struct err *err)
{
	struct repo_ctx *c = repo_ctx_get(r);
	struct err own = {0};
	struct buf back;
	int rc;

	buf_init(&back, n + 1);
	rc = seal_file(r, c, t, p, n, stored, &own);
	if (rc)
		goto out;
	if (r->verify) {
		rc = open_file(r, c, t, stored->p, stored->len, &back, &own);
		if (!rc && (back.len != n || (n && memcmp(back.p, p, n) != 0)))
			rc = err_set(&own, ERR_INVALID, "the contents differ");
		if (rc) {
			err_prefix(&own, "what was sealed cannot be opened again: memory or "
					 "processor at fault?");
			goto out;
		}
	}
	hash_once(c->hash, stored->p, stored->len, id);
out:
	if (rc)
		err_copy(err, &own);
	buf_release(&back);
	repo_ctx_put(r, c);
	return rc;
}

int repo_file_get(struct repo *r, enum backend_type t, const struct id *id, size_t max,
	struct buf *stored, struct err *err)
{
	int rc = 0;

	for (int attempt = 0; attempt < 2; attempt++) {
		buf_release(stored);
		buf_init(stored, max);
		rc = backend_get(r->be, t, id, stored, err);
		if (rc || t == BACKEND_CONFIG)
			return rc;
		rc = repo_file_hash(id, stored->p, stored->len, err);
		if (!rc)
			return 0;
	}
	return rc;
}

int repo_file_prefix(struct err *err, const char *what, enum backend_type t, const struct id *id)
{
	if (id_is_zero(id))
		return err_prefix(err, "%s %s", what, backend_type_name(t));
	return err_prefix(err, "%s %s %s", what, backend_type_name(t), id_short(id).s);
}

int repo_load(struct repo *r, enum backend_type t, const struct id *id, struct buf *out,
	struct err *err)
{
	struct repo_ctx *c = repo_ctx_get(r);
	static const struct id config;
	size_t max = out->max < REPO_FILE_MAX ? out->max : REPO_FILE_MAX;
	struct err own = {0};
	struct buf stored = {0};
	int rc;

	if (t == BACKEND_CONFIG)
		id = &config;
	/* Compressed or not, a file is hardly larger than its plaintext. */
	rc = repo_file_get(r, t, id, max + max / 64 + 4096, &stored, &own);
	if (!rc)
		rc = open_file(r, c, t, stored.p, stored.len, out, &own);
	if (rc) {
		repo_file_prefix(&own, "load", t, id);
		err_copy(err, &own);
	}
	buf_release(&stored);
	repo_ctx_put(r, c);
	return rc;
}

int repo_save(struct repo *r, enum backend_type t, const void *p, size_t n, struct id *id,
	struct err *err)
{
	struct err own = {0};
	struct buf stored;
	struct id name = {0};
	int rc;

	buf_init(&stored, REPO_FILE_MAX + (REPO_FILE_MAX >> 4));
	rc = repo_seal_file(r, t, p, n, &stored, &name, &own);
	if (!rc)
		rc = repo_file_put(r, t, &name, stored.p, stored.len, &own);
	if (rc) {
		repo_file_prefix(&own, "save", t, &name);
		err_copy(err, &own);
	} else if (id) {
		*id = name;
	}
	buf_release(&stored);
	return rc;
}

struct prefix {
	const char *s;
	size_t n;
	struct id id;
	unsigned found;
};

static int prefix_match(void *arg, const struct id *name, uint64_t size)
{
	struct prefix *p = arg;
	struct id_hex hex = id_hex(name);

	(void)size;
	if (memcmp(hex.s, p->s, p->n) == 0) {
		p->id = *name;
		p->found++;
	}
	return 0;
}

int repo_prefix(struct repo *r, enum backend_type t, const char *prefix, struct id *id,
	struct err *err)
{
	return repo_prefix_be(r->be, t, prefix, id, err);
}

int repo_prefix_be(struct backend *be, enum backend_type t, const char *prefix, struct id *id,
	struct err *err)
{
	struct prefix p = {.s = prefix, .n = strlen(prefix)};
	int rc;

	if (p.n == ID_HEX && !id_parse(id, prefix, p.n))
		return 0;
	if (!p.n || p.n > ID_HEX || strspn(prefix, "0123456789abcdef") != p.n)
		return err_set(err, ERR_USAGE, "'%.70s' is not the beginning of the name of a %s",
			prefix, backend_type_name(t));
	rc = backend_list(be, t, prefix_match, &p, err);
	if (rc)
		return err_prefix(err, "list %s files", backend_type_name(t));
	if (!p.found)
		return err_set(err, ERR_NOTFOUND, "there is no %s whose name begins with %s",
			backend_type_name(t), prefix);
	if (p.found > 1)
		return err_set(err, ERR_USAGE, "the names of %u %s files begin with %s", p.found,
			backend_type_name(t), prefix);
	*id = p.id;
	return 0;
}
