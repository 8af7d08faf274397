#include "repo/repo.h"
#include "base/mem.h"
#include "repo/repo_priv.h"

static struct repo *repo_new(struct backend *be, const struct env *env)
{
	struct repo *r = mem_zalloc(sizeof(*r));

	r->be = be;
	r->env = env;
	r->verify = true;
	r->level = COMPRESS_AUTO;
	r->compress_data = true;
	return r;
}

struct repo *repo_adopt(struct backend *be, const struct env *env, const struct config *config,
	const struct seal_key *master)
{
	struct repo *r = repo_new(be, env);

	r->config = *config;
	r->master = *master;
	r->pool = repo_ctx_pool_new();
	return r;
}

void repo_close(struct repo *r)
{
	if (!r)
		return;
	repo_ctx_pool_free(r->pool);
	mem_wipe(&r->master, sizeof(r->master));
	buf_release(&r->own_key);
	mem_free(r);
}

int repo_with(struct backend *be, const struct env *env, const struct repo_key *k,
	const struct buf *config, struct repo **out, struct err *err)
{
	struct repo *r = repo_new(be, env);
	struct err own = {0};
	struct buf json;
	int rc;

	buf_init(&json, REPO_SMALL_MAX);
	r->master = k->master;
	r->key_id = k->id;
	r->pool = repo_ctx_pool_new();
	rc = repo_open_file(r, BACKEND_CONFIG, NULL, config->p, config->len, &json, &own);
	if (!rc)
		rc = config_parse(&r->config, json.p, json.len, &own);
	if (rc) {
		err_prefix(&own, "config");
		err_copy(err, &own);
		repo_close(r);
		r = NULL;
	}
	if (r)
		repo_guard(r, repo_still_ours, r);
	*out = r;
	buf_release(&json);
	return rc;
}

int repo_open(struct backend *be, const struct env *env, const void *pass, size_t n,
	const char *key_hint, struct repo **out, struct err *err)
{
	struct repo_key key = {0};
	struct buf stored;
	int rc;

	*out = NULL;
	buf_init(&stored, REPO_SMALL_MAX);
	/* First: whether there is a repository at all is known before half a second is spent on a
	 * key. */
	rc = repo_config_get(be, &stored, err);
	if (!rc)
		rc = repo_key_find(be, env, key_hint, pass, n, &stored, &key, err);
	if (!rc)
		rc = repo_with(be, env, &key, &stored, out, err);
	repo_key_release(&key);
	buf_release(&stored);
	return rc;
}
