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

/* "Not found" is no proof: some servers say so of whatever their own storage fails to do.  But it
 * is waited for as well. */
static bool is_not(int rc)
{
	return rc == ERR_NOREPO || rc == ERR_INVALID;
}

struct others {
	const struct id *ours;
	bool any;
};

static int is_other(void *arg, const struct id *name, uint64_t size)
{
	struct others *o = arg;

	(void)size;
	o->any |= !id_equal(name, o->ours);
	return 0;
}

/*
 * A key that fits the password, but not the config, would keep restic out; the only key there is
 * was not made for another config, whatever the store says of that. While the key was away another
 * run may have come to need it.
 */
static int withdraw(struct repo *r, struct err *err)
{
	struct others o = {.ours = &r->key_id};
	struct err why = {0};
	int rc = backend_list(r->be, BACKEND_KEY, is_other, &o, &why);

	if (!rc && o.any)
		rc = backend_remove(r->be, BACKEND_KEY, &r->key_id, &why);
	if (rc || !o.any) {
		log_msg(&r->env->log, LOG_WARN, "key %s, which this run made, stays: %s",
			id_short(&r->key_id).s, rc ? why.msg : "there is no other");
		return ERR_INVALID;
	}
	rc = is_ours(r, err);
	if (rc != ERR_INVALID &&
		backend_put(r->be, BACKEND_KEY, &r->key_id, r->own_key.p, r->own_key.len, &why))
		rc = err_copy(err, &why);
	atomic_store(&r->replaced, rc == ERR_INVALID);
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
	if (rc == ERR_INVALID && !atomic_exchange(&r->replaced, true) && r->own_key.len)
		rc = withdraw(r, &own);
	if (rc == ERR_INVALID)
		return err_set(err, ERR_NOTFOUND,
			"the repository was made anew by another run while this one was under way, "
			"so nothing that this one has stored can "
			"be "
			"read, and it saves no snapshot; start it again");
	if (rc)
		rc = err_set(err, rc == ERR_NOREPO ? ERR_IO : rc,
			"look whether the repository is still the same: %.900s", own.msg);
	return rc;
}
