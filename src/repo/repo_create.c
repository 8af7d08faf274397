/*
 * repo_create: a new repository, also where several runs make one at the same moment.
 *
 * Each writes its key and then the config; one config stays, and keys that do not open it must go:
 * restic would try such a key, find that the password fits, and give up.  What happens after the
 * config is in repo_settle.c.
 */
#include "base/mem.h"
#include "kern/poly.h"
#include "repo/repo_making.h"

#define CONFIG_MAX 4096
#define FOUND      1

static int exists(void *arg, const struct id *name, uint64_t size)
{
	(void)name;
	(void)size;
	*(bool *)arg = true;
	return FOUND;
}

int repo_look(struct backend *be, enum repo_state *state, struct err *err)
{
	/* Anything that could belong to a repository whose config was lost must not be made
	 * unreadable by a new one. */
	static const enum backend_type type[] = {BACKEND_SNAPSHOT, BACKEND_INDEX, BACKEND_LOCK,
		BACKEND_PACK, BACKEND_KEY};
	struct err own = {0};
	int rc = repo_probe(be, &own);

	*state = REPO_THERE;
	if (!rc)
		return 0;
	*state = REPO_NONE;
	if (rc != ERR_NOREPO)
		return err_copy(err, &own);
	for (size_t i = 0; i < sizeof(type) / sizeof(*type) && *state == REPO_NONE; i++) {
		bool found = false;

		rc = backend_list(be, type[i], exists, &found, &own);
		if (found && type[i] == BACKEND_KEY) {
			*state = REPO_BEGUN;
		} else if (found) {
			/* Another run may have made the repository since, and filled it. */
			rc = repo_probe(be, &own);
			*state = rc ? REPO_LOST : REPO_THERE;
			if (rc && rc != ERR_NOREPO)
				return err_copy(err, &own);
			if (rc)
				err_set(err, 0,
					"there is no config, but there is a %s: not overwriting "
					"what may be a damaged repository",
					backend_type_name(type[i]));
		} else if (rc) {
			err_prefix(&own, "list %s files", backend_type_name(type[i]));
			return err_copy(err, &own);
		}
	}
	return 0;
}

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

/* A key to seal the config with: one that is there, or a new one, which is stored. */
static int get_key(struct making *m, bool begun, struct err *err)
{
	struct making_key *k;
	int rc = begun ? making_list_keys(m, err) : 0;

	for (size_t i = 0; i < m->n; i++)
		m->known[i].early = true;
	if (!rc)
		rc = making_try_keys(m, err);
	m->use = making_rival(m, true);
	if (!rc && m->use == MAKING_NONE)
		rc = making_none_fits(m, err);
	if (rc || m->use != MAKING_NONE)
		return rc;
	if (m->n == MAKING_KEYS)
		return err_set(err, ERR_EXISTS,
			"there is no config, but there are many keys, none of which this password "
			"opens");
	k = &m->known[m->n];
	rc = repo_key_make(m->env, m->what, m->pass, m->pass_n, &k->key, err);
	if (!rc && making_stopped(m))
		rc = err_set(err, ERR_CANCELLED, "stopped by a signal");
	if (rc) {
		repo_key_release(&k->key);
		return rc;
	}
	k->tried = k->fits = true;
	m->use = m->mine = m->n++;
	m->stored = !backend_put(m->be, BACKEND_KEY, &k->key.id, k->key.file.p, k->key.file.len,
		&m->put);
	if (!m->stored)
		err_prefix(&m->put, "save key");
	return 0;
}

static int make(struct making *m, struct repo **out, struct err *err)
{
	enum repo_state state;
	int rc = backend_create(m->be, err);

	if (!rc)
		rc = repo_look(m->be, &state, err);
	if (rc)
		return rc;
	if (state == REPO_THERE)
		return repo_open(m->be, m->env, m->pass, m->pass_n, NULL, out, err);
	if (state == REPO_LOST) {
		err->code = ERR_EXISTS;
		return ERR_EXISTS;
	}
	rc = get_key(m, state == REPO_BEGUN, err);
	if (rc)
		return rc;
	if (!m->put.code && making_stopped(m))
		err_set(&m->put, ERR_CANCELLED, "stopped by a signal");
	if (!m->put.code)
		making_put_config(m, m->use, true, &m->put);
	return making_settle(m, out, err);
}

int repo_create(struct backend *be, const struct env *env, const struct repo_spec *what,
	const void *pass, size_t n, struct repo **out, bool *made, struct err *err)
{
	struct making *m = mem_zalloc(sizeof(*m));
	struct config config = {.version = what->version, .polynomial = what->polynomial}, check;
	int rc;

	*out = NULL;
	m->be = be;
	m->env = env;
	m->what = what;
	m->pass = pass;
	m->pass_n = n;
	m->mine = MAKING_NONE;
	buf_init(&m->json, CONFIG_MAX);
	rnd_fill(env->rnd, &config.id, sizeof(config.id));
	if (!what->polynomial)
		config.polynomial = poly_random(env->rnd);
	m->id = config.id;
	config_write(&config, &m->json);
	rc = config_parse(&check, m->json.p, m->json.len, err);
	if (!rc)
		rc = make(m, out, err);
	*made = !rc && id_equal(&(*out)->config.id, &m->id);
	for (size_t i = 0; i < m->n; i++)
		repo_key_release(&m->known[i].key);
	buf_release(&m->json);
	mem_wipe(m, sizeof(*m));
	mem_free(m);
	return rc;
}
