#include "repo/repo_priv.h"
#include <assert.h>

void repo_guard(struct repo *r, int (*may)(void *arg, struct err *err), void *arg)
{
	assert(r->guards < REPO_GUARDS);
	r->guard[r->guards++] = (struct repo_guard){may, arg};
}

void repo_unguard(struct repo *r, const void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->guards; i++)
		if (r->guard[i].arg != arg)
			r->guard[kept++] = r->guard[i];
	r->guards = kept;
}

int repo_guards_ask(struct repo *r, bool *gone, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < r->guards && !rc; i++)
		rc = r->guard[i].may(r->guard[i].arg, err);
	*gone = rc == ERR_NOTFOUND;
	/* For who saves a file, "not found" would be another story. */
	return *gone ? err->code = ERR_IO : rc;
}

int repo_file_put(struct repo *r, enum backend_type t, const struct id *id, const uint8_t *stored,
	size_t n, struct err *err)
{
	bool guarded = t == BACKEND_INDEX || t == BACKEND_SNAPSHOT, gone = false;
	int rc = guarded ? repo_guards_ask(r, &gone, err) : 0;
	struct err why = {0}, left = {0};

	if (!rc)
		rc = backend_put(r->be, t, t == BACKEND_CONFIG ? NULL : id, stored, n, err);
	if (rc || !guarded)
		return rc;
	/* The process may have been stopped, or the upload tried for long, since the guards were
	 * asked. */
	repo_guards_ask(r, &gone, &why);
	if (!gone)
		return 0;
	if (backend_remove(r->be, t, id, &left))
		log_msg(&r->env->log, LOG_ERROR,
			"%s %s was stored too late and cannot be removed: %s", backend_type_name(t),
			id_short(id).s, left.msg);
	return err_copy(err, &why);
}
