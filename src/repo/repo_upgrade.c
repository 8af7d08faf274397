/* repo_upgrade: a repository of version 1 becomes one of version 2: its config says so. */
#include "repo/repo_priv.h"

static int seal(struct repo *r, const struct config *c, struct buf *stored, struct err *err)
{
	struct buf json;
	struct id name;
	int rc;

	buf_init(&json, REPO_SMALL_MAX);
	config_write(c, &json);
	rc = repo_seal_file(r, BACKEND_CONFIG, json.p, json.len, stored, &name, err);
	buf_release(&json);
	return rc;
}

static int put(struct repo *r, const struct buf *stored, struct err *err)
{
	return backend_put(r->be, BACKEND_CONFIG, NULL, stored->p, stored->len, err);
}

/* Where nothing can be replaced (a REST server) the old one goes first; it comes back if the new
 * one cannot be stored. */
static int replace(struct repo *r, const struct buf *old, const struct buf *new, struct err *err)
{
	struct err first = {0}, again = {0};
	int rc = put(r, new, &first);

	if (rc != ERR_EXISTS && rc != ERR_DENIED)
		return rc ? err_copy(err, &first) : 0;
	if (backend_remove(r->be, BACKEND_CONFIG, NULL, err))
		return err_copy(err, &first);
	rc = put(r, new, err);
	if (rc && put(r, old, &again))
		err_prefix(err, "there is no config any more (%s)", again.msg);
	return rc;
}

int repo_upgrade(struct repo *r, struct err *err)
{
	struct config is, two = r->config;
	struct buf old, new, json;
	int rc;

	two.version = 2;
	buf_init(&old, REPO_SMALL_MAX);
	buf_init(&new, REPO_SMALL_MAX);
	buf_init(&json, REPO_SMALL_MAX);
	rc = repo_config_get(r->be, &old, err);
	if (!rc)
		rc = seal(r, &two, &new, err);
	if (!rc)
		rc = replace(r, &old, &new, err);
	if (!rc)
		rc = repo_load(r, BACKEND_CONFIG, NULL, &json, err);
	if (!rc)
		rc = config_parse(&is, json.p, json.len, err);
	if (!rc && (is.version != 2 || !id_equal(&is.id, &r->config.id)))
		rc = err_set(err, ERR_IO, "the store does not give the config that was stored");
	if (!rc)
		r->config.version = 2;
	buf_release(&old);
	buf_release(&new);
	buf_release(&json);
	return rc ? err_prefix(err, "upgrade the repository") : 0;
}
