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
