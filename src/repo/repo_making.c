#include "repo/repo_making.h"
#include "base/mem.h"

bool making_stopped(const struct making *m)
{
	return m->what->stop && __atomic_load_n(m->what->stop, __ATOMIC_RELAXED);
}

static int see_key(void *arg, const struct id *name, uint64_t size)
{
	struct making *m = arg;

	(void)size;
	for (size_t i = 0; i < m->n; i++) {
		if (id_equal(&m->known[i].key.id, name)) {
			m->known[i].listed = true;
			return 0;
		}
	}
	if (m->n < MAKING_KEYS)
		m->known[m->n++] = (struct making_key){.key = {.id = *name}, .listed = true};
	return 0;
}

int making_list_keys(struct making *m, struct err *err)
{
	int rc;

	for (size_t i = 0; i < m->n; i++)
		m->known[i].listed = false;
	rc = backend_list(m->be, BACKEND_KEY, see_key, m, err);
	return rc ? err_prefix(err, "list keys") : 0;
}

/* The password on what is listed and was not tried.  A key that cannot be read fits nothing; one
 * that is not found is tried again as long as it is listed. */
int making_try_keys(struct making *m, struct err *err)
{
	for (size_t i = 0; i < m->n; i++) {
		struct making_key *k = &m->known[i];
		struct err e = {0};
		struct id id = k->key.id;
		int rc;

		if (k->tried || !k->listed)
			continue;
		rc = repo_key_try(m->be, &id, m->pass, m->pass_n, &k->key, &e);
		k->key.id = id;
		if (repo_key_store_fails(rc))
			return err_copy(err, &e);
		k->absent = rc == ERR_NOTFOUND;
		if (rc < 0 && rc != ERR_NOTFOUND)
			log_msg(&m->env->log, LOG_WARN, "%s (passed over)", e.msg);
		k->tried = !k->absent;
		k->fits = !rc;
	}
	return 0;
}

/* No key fits.  One that could not be got may be the one that does. */
int making_none_fits(struct making *m, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < m->n && !rc; i++) {
		if (m->known[i].listed && m->known[i].absent)
			rc = repo_key_lost(m->be, &m->known[i].key.id, 1, err);
	}
	return rc;
}

/* Our config, sealed with the master key of that one. */
int making_put_config(struct making *m, size_t key, bool fresh, struct err *err)
{
	struct config config;
	struct err own = {0};
	struct repo *r = NULL;
	struct buf stored;
	struct id name;
	int rc = config_parse(&config, m->json.p, m->json.len, &own);

	buf_init(&stored, REPO_SMALL_MAX);
	if (!rc) {
		r = repo_adopt(m->be, m->env, &config, &m->known[key].key.master);
		rc = repo_seal_file(r, BACKEND_CONFIG, m->json.p, m->json.len, &stored, &name,
			&own);
	}
	if (!rc)
		rc = (fresh ? backend_put_fresh : backend_put)(m->be, BACKEND_CONFIG, NULL,
			stored.p, stored.len, &own);
	if (rc) {
		err_prefix(&own, "save config");
		err_copy(err, &own);
	}
	repo_close(r);
	buf_release(&stored);
	return rc;
}

/* A key that this run did not write, and that is there: the first that fits (fits), or that may. */
size_t making_rival(const struct making *m, bool fits)
{
	for (size_t i = 0; i < m->n; i++) {
		if (i != m->mine && m->known[i].listed &&
			(m->known[i].fits || (!fits && !m->known[i].tried)))
			return i;
	}
	return MAKING_NONE;
}
