#include "repo/repo.h"
#include "base/mem.h"
#include "kern/poly.h"
#include "repo/repo_priv.h"

#define CONFIG_MAX 4096

static int no_repo(struct err *err)
{
	return err_set(err, ERR_NOREPO, "there is no repository: it has no config file");
}

int repo_probe(struct backend *be, struct err *err)
{
	struct err own = {0};
	uint64_t size;
	int rc = backend_stat(be, BACKEND_CONFIG, NULL, &size, &own);

	if (rc == ERR_NOTFOUND)
		return no_repo(err);
	if (rc) {
		err_prefix(&own, "look for config");
		err_copy(err, &own);
	}
	return rc;
}

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

struct repo *repo_adopt(struct backend *be, const struct env *env, const struct config *config, const struct seal_key *master)
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
	mem_free(r);
}

static int exists(void *arg, const struct id *name, uint64_t size)
{
	(void)name;
	(void)size;
	*(bool *)arg = true;
	return 1;
}

/* Anything that could belong to a repository whose config was lost must not be made unreadable by a new one. */
static int must_be_empty(struct backend *be, struct err *err)
{
	static const enum backend_type type[] = {BACKEND_KEY, BACKEND_SNAPSHOT};
	struct err own = {0};
	int rc = repo_probe(be, &own);

	if (!rc)
		return err_set(err, ERR_EXISTS, "there is a repository already");
	if (rc != ERR_NOREPO)
		return err_copy(err, &own);
	for (size_t i = 0; i < sizeof(type) / sizeof(*type); i++) {
		bool found = false;

		rc = backend_list(be, type[i], exists, &found, &own);
		if (found)
			return err_set(err, ERR_EXISTS,
				"there is no config, but there is a %s: not overwriting what may be a damaged repository",
				backend_type_name(type[i]));
		if (rc) {
			err_prefix(&own, "list %s files", backend_type_name(type[i]));
			return err_copy(err, &own);
		}
	}
	return 0;
}

int repo_create(struct backend *be, const struct env *env, unsigned version, uint64_t polynomial, const struct repo_owner *who,
	const void *pass, size_t n, struct repo **out, struct err *err)
{
	struct config config = {.version = version, .polynomial = polynomial}, check;
	struct seal_key master = {0};
	struct repo *r = NULL;
	struct id key_id;
	struct buf json;
	int rc;

	*out = NULL;
	buf_init(&json, CONFIG_MAX);
	rnd_fill(env->rnd, &config.id, sizeof(config.id));
	if (!polynomial)
		config.polynomial = poly_random(env->rnd);
	config_write(&config, &json);
	rc = config_parse(&check, json.p, json.len, err);
	if (rc)
		goto out;
	rc = backend_create(be, err);
	if (!rc)
		rc = must_be_empty(be, err);
	if (!rc)
		rc = repo_key_create(be, env, who, pass, n, &master, &key_id, err);
	if (rc)
		goto out;
	r = repo_adopt(be, env, &config, &master);
	r->key_id = key_id;
	rc = repo_save(r, BACKEND_CONFIG, json.p, json.len, NULL, err);
	if (rc)
		goto out;
	*out = r;
	r = NULL;
out:
	repo_close(r);
	mem_wipe(&master, sizeof(master));
	buf_release(&json);
	return rc;
}

int repo_open(
	struct backend *be, const struct env *env, const void *pass, size_t n, const char *key_hint, struct repo **out, struct err *err)
{
	struct repo *r = repo_new(be, env);
	struct err own = {0};
	struct buf stored, json;
	int rc;

	*out = NULL;
	buf_init(&stored, REPO_SMALL_MAX);
	buf_init(&json, REPO_SMALL_MAX);
	/* First: whether there is a repository at all is known before half a second is spent on a key. */
	rc = backend_get(be, BACKEND_CONFIG, NULL, &stored, &own);
	if (rc == ERR_NOTFOUND) {
		rc = no_repo(err);
		goto out;
	}
	if (rc) {
		err_prefix(&own, "load config");
		err_copy(err, &own);
		goto out;
	}
	rc = repo_key_find(be, env, key_hint, pass, n, &r->master, &r->key_id, err);
	if (rc)
		goto out;
	r->pool = repo_ctx_pool_new();
	rc = repo_open_file(r, BACKEND_CONFIG, NULL, stored.p, stored.len, &json, &own);
	if (!rc)
		rc = config_parse(&r->config, json.p, json.len, &own);
	if (rc) {
		err_prefix(&own, "config");
		err_copy(err, &own);
		goto out;
	}
	*out = r;
	r = NULL;
out:
	repo_close(r);
	buf_release(&stored);
	buf_release(&json);
	return rc;
}
