#include "repo/keys.h"
#include "base/mem.h"
#include "repo/repo_priv.h"
#include <string.h>

struct listed {
	struct repo *r;
	int (*fn)(void *arg, const struct id *id, const struct keyfile *k, const struct err *e);
	void *arg;
};

static int each_one(void *arg, const struct id *id, uint64_t size)
{
	const struct listed *l = arg;
	struct keyfile k = {0};
	struct err e = {0};
	struct buf json;
	int rc = repo_key_load(l->r->be, id, &json, &e);

	(void)size;
	if (!rc)
		rc = keyfile_parse(&k, json.p, json.len, &e);
	buf_release(&json);
	rc = l->fn(l->arg, id, rc ? NULL : &k, &e);
	keyfile_release(&k);
	return rc;
}

int keys_each(struct repo *r,
	int (*fn)(void *arg, const struct id *id, const struct keyfile *k, const struct err *e),
	void *arg, struct err *err)
{
	struct listed l = {r, fn, arg};
	struct err own = {0};
	int rc = backend_list(r->be, BACKEND_KEY, each_one, &l, &own);

	if (rc < 0 && own.code) {
		err_prefix(&own, "list keys");
		err_copy(err, &own);
	}
	return rc;
}

/* What was stored, as the next run will find it. */
static int prove(struct repo *r, const struct id *id, const void *pass, size_t n, struct err *err)
{
	struct repo_key k = {0};
	struct buf config;
	int rc = repo_key_try(r->be, id, pass, n, &k, err);

	buf_init(&config, REPO_SMALL_MAX);
	if (!rc)
		rc = repo_config_get(r->be, &config, err);
	if (rc > 0 || (!rc && !repo_key_opens(&k.master, &config)))
		rc = err_set(err, ERR_INVALID, "it does not open the repository");
	buf_release(&config);
	repo_key_release(&k);
	return rc;
}

int keys_add(struct repo *r, const struct repo_owner *who, const struct kdf_params *cost,
	const void *pass, size_t n, struct id *id, struct err *err)
{
	struct err own = {0}, gone = {0};
	struct repo_key k;
	bool put = false;
	int rc = repo_key_wrap(r->env, &r->master, who, cost, pass, n, &k, &own);

	*id = k.id;
	if (!rc) {
		put = true;
		rc = backend_put(r->be, BACKEND_KEY, id, k.file.p, k.file.len, &own);
	}
	if (!rc)
		rc = prove(r, id, pass, n, &own);
	repo_key_release(&k);
	if (!rc)
		return 0;
	err_prefix(&own, "new key");
	if (put && backend_remove(r->be, BACKEND_KEY, id, &gone)) {
		struct err what = own;

		err_set(&own, rc, "%.700s; it may be there, and could not be removed: %s", what.msg,
			id_hex(id).s);
	}
	return err_copy(err, &own);
}

int keys_remove(struct repo *r, const struct id *id, struct err *err)
{
	struct err own = {0};

	if (id_equal(id, &r->key_id))
		return err_set(err, ERR_USAGE,
			"key %s is the one that this command has opened the repository with: "
			"remove it with the password of another one",
			id_short(id).s);
	if (!backend_remove(r->be, BACKEND_KEY, id, &own))
		return 0;
	err_prefix(&own, "remove key %s", id_short(id).s);
	return err_copy(err, &own);
}

int keys_replace(struct repo *r, const struct id *by, struct err *err)
{
	struct id old = r->key_id;
	int rc;

	r->key_id = *by;
	rc = keys_remove(r, &old, err);
	if (rc)
		r->key_id = old;
	return rc;
}
