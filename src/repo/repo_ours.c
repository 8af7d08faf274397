#include "repo/repo_priv.h"
#include <stdatomic.h>

#define PATIENCE    20 /* pauses: longer than repo_create waits before it gives way */
#define PATIENCE_NS INT64_C(500000000)

/* 0: it is; ERR_NOREPO, ERR_INVALID: it is not; other errors: nobody knows. */
static int is_ours(struct repo *r, struct err *err)
{
	struct buf stored;
	int rc;

	buf_init(&stored, REPO_SMALL_MAX);
	rc = repo_config_get(r->be, &stored, err);
	if (!rc && !repo_key_opens(&r->master, &stored))
		rc = err_set(err, ERR_INVALID, "its config was replaced");
	buf_release(&stored);
	return rc;
}

static bool is_not(int rc)
{
	return rc == ERR_NOREPO || rc == ERR_INVALID;
}

/* A key that fits the password, but not the config, would keep restic out.  But while it was away another run may have come to need it. */
static int withdraw(struct repo *r, struct err *err)
{
	struct err why = {0};
	int rc;

	if (backend_remove(r->be, BACKEND_KEY, &r->key_id, &why)) {
		log_msg(&r->env->log, LOG_WARN, "key %s of this run is of no use any more and cannot be removed: %s",
			id_short(&r->key_id).s, why.msg);
		return ERR_INVALID;
	}
	rc = is_ours(r, err);
	if (!is_not(rc) && backend_put(r->be, BACKEND_KEY, &r->key_id, r->own_key.p, r->own_key.len, &why))
		rc = err_copy(err, &why);
	atomic_store(&r->replaced, is_not(rc));
	return rc;
}

int repo_still_ours(void *arg, struct err *err)
{
	struct repo *r = arg;
	struct err own = {0};
	int rc = atomic_load(&r->replaced) ? ERR_INVALID : is_ours(r, &own);

	for (int i = 0; is_not(rc) && i < PATIENCE && !atomic_load(&r->replaced); i++) {
		clock_sleep(r->env->clock, PATIENCE_NS);
		rc = is_ours(r, &own);
	}
	if (is_not(rc) && !atomic_exchange(&r->replaced, true) && r->own_key.len)
		rc = withdraw(r, &own);
	if (is_not(rc))
		return err_set(err, ERR_NOTFOUND,
			"the repository was made anew by another run while this one was under way, so nothing that this one has stored can "
			"be "
			"read, and it saves no snapshot; start it again");
	if (rc) {
		err_prefix(&own, "look whether the repository is still the same");
		err_copy(err, &own);
	}
	return rc;
}
