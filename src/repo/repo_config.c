/* repo_config: is there a repository, and what its config holds as it is stored. */
#include "repo/repo_priv.h"

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

int repo_config_get(struct backend *be, struct buf *stored, struct err *err)
{
	struct err own = {0};
	int rc;

	buf_reset(stored);
	rc = backend_get(be, BACKEND_CONFIG, NULL, stored, &own);
	if (rc == ERR_NOTFOUND)
		return no_repo(err);
	if (rc) {
		err_prefix(&own, "load config");
		err_copy(err, &own);
	}
	return rc;
}
