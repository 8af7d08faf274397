/*
 * repo_create: a new repository, also where several runs make one at the same moment.
 *
 * Each writes its key and then the config; one config stays, and keys that do not open it must go:
 * restic would try such a key, find that the password fits, and
 * give up.  Where the store creates conditionally the first config stays.  Swift's API cannot, nor
 * can some servers: there the last one stays, and may come when the other
 * run has read its own back, has ended, or has stored a whole snapshot.  So after its config each
 * run looks at what is there, until one look finds nothing to do (settle):
 *
 *   the config is opened by  | and                              | then
 *   -------------------------+----------------------------------+-----------------------------
 *   a key that is not listed |                                  | it was removed when it seemed to
 *                            |                                  | be of no use: it is put back
 *   another's key            | ours is listed                   | we have lost: ours is removed;
 *                            |                                  | looked at again
 *   our key                  | there are keys that came later   | their runs are about to lose:
 *                            |                                  | they are waited for.  If one
 *                            |                                  | stays, its run has ended in
 *                            |                                  | the belief that the repository
 *                            |                                  | is its own: the config is sealed
 *                            |                                  | for that key instead;
 *                            |                                  | of another password's we cannot:
 *                            |                                  | this run says so and fails
 *   none that we can open    |                                  | another password's: ours is
 *                            |                                  | removed, and we have lost
 *   nothing: no config       | ours could not be stored         | ours is removed; looked at again
 *
 * A run that goes on looks once more before it saves an index file or a snapshot
 * (repo_still_ours), and waits longer than is waited here.
 */
#include "base/mem.h"
#include "kern/poly.h"
#include "repo/repo_priv.h"

#define CONFIG_MAX 4096
#define KEYS_MAX   20 /* of other runs, that are looked into */
#define ROUNDS     60 /* looks; each does one thing */
#define PATIENCE   6  /* of them, pauses */
#define PAUSE_NS   INT64_C(500000000)
#define FILES_MAX  100          /* of each type, that are looked into */
#define FILE_MAX   (256u << 20) /* bytes */
#define NONE       SIZE_MAX
#define AGAIN      1

/* A key at this place. */
struct known {
	struct repo_key key;
	bool listed; /* at the last look */
	bool early;  /* before we wrote anything */
	bool absent; /* listed, and then not found */
	bool tried;  /* with the password */
	bool fits;
};

struct making {
	struct backend *be;
	const struct env *env;
	const struct repo_spec *what;
	const void *pass;
	size_t pass_n;
	struct buf json; /* our config */
	struct id id;    /* … and what is in it */
	struct known known[KEYS_MAX];
	size_t n;
	size_t mine;    /* the key that this run wrote, or NONE */
	bool stored;    /* the store has acknowledged it */
	bool gone;      /* it has been removed, or cannot be */
	size_t use;     /* whose master key seals our config */
	struct err put; /* why our config is not stored */
	unsigned pauses;
	bool replaced; /* our config has come over another repository's */
};

static int exists(void *arg, const struct id *name, uint64_t size)
{
	(void)name;
	(void)size;
	*(bool *)arg = true;
	return AGAIN;
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

static bool stopped(const struct making *m)
{
	return m->what->stop && __atomic_load_n(m->what->stop, __ATOMIC_RELAXED);
}

/* False: enough was waited. */
static bool wait_for_others(struct making *m)
{
	if (m->pauses >= PATIENCE || stopped(m))
		return false;
	m->pauses++;
	clock_sleep(m->env->clock, PAUSE_NS);
	return true;
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
	if (m->n < KEYS_MAX)
		m->known[m->n++] = (struct known){.key = {.id = *name}, .listed = true};
	return 0;
}

static int list_keys(struct making *m, struct err *err)
{
	int rc;

	for (size_t i = 0; i < m->n; i++)
		m->known[i].listed = false;
	rc = backend_list(m->be, BACKEND_KEY, see_key, m, err);
	return rc ? err_prefix(err, "list keys") : 0;
}

/* The password on what is listed and was not tried.  A key that cannot be read fits nothing; one
 * that is not found is tried again as long as it is listed. */
static int try_keys(struct making *m, struct err *err)
{
	for (size_t i = 0; i < m->n; i++) {
		struct known *k = &m->known[i];
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
static int none_fits(struct making *m, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < m->n && !rc; i++) {
		if (m->known[i].listed && m->known[i].absent)
			rc = repo_key_lost(m->be, &m->known[i].key.id, 1, err);
	}
	return rc;
}

/* Our config, sealed with the master key of that one. */
static int put_config(struct making *m, size_t key, bool fresh, struct err *err)
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

static void remove_mine(struct making *m)
{
	const struct id *id = &m->known[m->mine].key.id;
	struct err e = {0};

	m->gone = true;
	if (backend_remove(m->be, BACKEND_KEY, id, &e))
		log_msg(&m->env->log, LOG_WARN,
			"key %s of this run is of no use and cannot be removed: %s", id_short(id).s,
			e.msg);
}

static size_t opener(const struct making *m, const struct buf *config)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->known[i].fits && repo_key_opens(&m->known[i].key.master, config))
			return i;
	}
	return NONE;
}

/* A key that this run did not write, and that is there: the first that fits (fits), or that may. */
static size_t rival(const struct making *m, bool fits)
{
	for (size_t i = 0; i < m->n; i++) {
		if (i != m->mine && m->known[i].listed &&
			(m->known[i].fits || (!fits && !m->known[i].tried)))
			return i;
	}
	return NONE;
}

/* No config.  A store that does not list the key that it took knows nothing of a config either. */
static int settle_absent(struct making *m, struct err *err)
{
	bool mine = m->mine != NONE && !m->gone;

	if (!m->put.code || (mine && m->stored && !m->known[m->mine].listed))
		return wait_for_others(m)
			       ? AGAIN
			       : err_set(err, ERR_IO,
					 "the store does not deliver what it has stored");
	if (m->put.code == ERR_EXISTS && wait_for_others(m)) {
		err_clear(&m->put);
		put_config(m, m->use, true, &m->put);
		return AGAIN;
	}
	if (!mine)
		return err_copy(err, &m->put);
	remove_mine(m);
	return AGAIN;
}

/* A config that no key opens for us. */
static int settle_stranger(struct making *m, struct err *err)
{
	if (m->mine != NONE && !m->gone)
		remove_mine(m);
	else if (!wait_for_others(m))
		return err_set(err, ERR_PASSWORD,
			"another run has just made the repository, and this password does not open "
			"it");
	return AGAIN;
}

/* The config is opened by key `by`.  0: and that is how it stays. */
static int settle_opened(struct making *m, size_t by, struct err *err)
{
	const struct repo_key *k = &m->known[by].key;
	struct err e = {0};
	uint64_t size;
	size_t other;
	int rc;

	if ((by == m->mine && m->gone) ||
		(!m->known[by].listed && backend_stat(m->be, BACKEND_KEY, &k->id, &size, &e))) {
		rc = backend_put(m->be, BACKEND_KEY, &k->id, k->file.p, k->file.len, err);
		if (by == m->mine)
			m->gone = false;
		return rc ? err_prefix(err, "save key") : AGAIN;
	}
	if (m->mine != NONE && by != m->mine && !m->gone) {
		remove_mine(m);
		return AGAIN;
	}
	if (by != m->mine || rival(m, false) == NONE)
		return 0;
	if (wait_for_others(m))
		return AGAIN;
	rc = try_keys(m, err);
	other = rival(m, true);
	if (rc || other == NONE)
		return rc;
	rc = put_config(m, other, false, err);
	return rc ? rc : AGAIN;
}

/* A key of another password; late: that was not there before we wrote anything. */
static const struct repo_key *stranger(const struct making *m, bool late)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct known *k = &m->known[i];

		if (k->listed && k->tried && !k->fits && !(late && k->early))
			return &k->key;
	}
	return NULL;
}

struct some {
	struct id id[FILES_MAX];
	size_t n;
};

static int take_some(void *arg, const struct id *name, uint64_t size)
{
	struct some *s = arg;

	(void)size;
	s->id[s->n++] = *name;
	return s->n == FILES_MAX ? 1 : 0;
}

/* *found: there are files that belong to another repository. */
static int find_foreign(struct repo *r, enum backend_type t, bool *found, struct err *err)
{
	struct some *s = mem_zalloc(sizeof(*s));
	int rc = backend_list(r->be, t, take_some, s, err);
	struct buf plain;

	buf_init(&plain, FILE_MAX);
	if (rc > 0)
		rc = 0;
	for (size_t i = 0; i < s->n && !rc && !*found; i++) {
		struct err e = {0};

		rc = repo_load(r, t, &s->id[i], &plain, &e);
		*found = rc == ERR_INVALID;
		if (*found || rc == ERR_NOTFOUND)
			rc = 0;
		if (rc)
			err_copy(err, &e);
	}
	buf_wipe(&plain);
	mem_free(s);
	return rc;
}

/*
 * The config is this run's.  Where the store cannot create conditionally it may have replaced that
 * of a run with another password, which has ended and believes its backups safe. Its config cannot
 * be made again from what is here, so this must not end well.
 */
static int settle_made(struct making *m, struct repo *r, size_t by, struct err *err)
{
	const struct repo_key *other;
	bool found = false;
	int rc = try_keys(m, err);

	if (rc)
		return rc;
	other = stranger(m, true);
	if (other && wait_for_others(m))
		return AGAIN;
	if (!other) {
		other = stranger(m, false);
		if (other)
			rc = find_foreign(r, BACKEND_SNAPSHOT, &found, err);
		if (other && !rc && !found)
			rc = find_foreign(r, BACKEND_INDEX, &found, err);
		if (rc || !found)
			return rc;
	}
	m->replaced = true;
	return err_set(err, ERR_EXISTS,
		"another run with another password, whose key is %s, has made a repository there "
		"at the same moment, and the config of "
		"this run, "
		"with the key %s, has replaced its config: what was backed up with %s cannot be "
		"opened now; both keys stay; who has a copy "
		"of the "
		"config of %s, put it back",
		id_short(&other->id).s, id_short(&m->known[by].key.id).s, id_short(&other->id).s,
		id_short(&other->id).s);
}

/* One look.  0: *out is open. */
static int settle_once(struct making *m, struct repo **out, struct err *err)
{
	struct buf stored;
	size_t by;
	int rc, got;

	buf_init(&stored, REPO_SMALL_MAX);
	rc = got = repo_config_get(m->be, &stored, err);
	if (!rc || rc == ERR_NOREPO)
		rc = list_keys(m, err);
	if (rc)
		goto out;
	if (got) {
		rc = settle_absent(m, err);
		goto out;
	}
	by = opener(m, &stored);
	if (by == NONE) {
		rc = try_keys(m, err);
		by = opener(m, &stored);
	}
	if (!rc && by == NONE)
		rc = none_fits(m, err);
	if (!rc)
		rc = by == NONE ? settle_stranger(m, err) : settle_opened(m, by, err);
	if (!rc)
		rc = repo_with(m->be, m->env, &m->known[by].key, &stored, out, err);
	if (!rc && id_equal(&(*out)->config.id, &m->id))
		rc = settle_made(m, *out, by, err);
	if (rc) {
		repo_close(*out);
		*out = NULL;
	}
	if (!rc && by == m->mine)
		buf_move(&(*out)->own_key, &m->known[by].key.file);
out:
	buf_release(&stored);
	return rc;
}

/* Our key lies at the place, or may, and our config, or not. */
static int settle(struct making *m, struct repo **out, struct err *err)
{
	struct err own = {0};
	int rc = AGAIN;

	for (int i = 0; i < ROUNDS && rc == AGAIN; i++) {
		err_clear(&own);
		rc = settle_once(m, out, &own);
	}
	if (rc == AGAIN)
		rc = err_set(&own, ERR_IO, "other runs make and remove it all the time");
	if (m->replaced)
		return err_copy(err, &own);
	if (rc && rc != ERR_PASSWORD && m->put.code && m->put.code != ERR_EXISTS)
		rc = err_copy(&own, &m->put);
	if (rc && rc != ERR_PASSWORD && m->mine != NONE && !m->gone) {
		struct err cause = own;

		err_set(&own, rc,
			"%.800s; it is not known whether the repository was made, so the key %s, "
			"which this run wrote, stays",
			cause.msg, id_short(&m->known[m->mine].key.id).s);
	}
	return rc ? err_copy(err, &own) : 0;
}

/* A key to seal the config with: one that is there, or a new one, which is stored. */
static int get_key(struct making *m, bool begun, struct err *err)
{
	struct known *k;
	int rc = begun ? list_keys(m, err) : 0;

	for (size_t i = 0; i < m->n; i++)
		m->known[i].early = true;
	if (!rc)
		rc = try_keys(m, err);
	m->use = rival(m, true);
	if (!rc && m->use == NONE)
		rc = none_fits(m, err);
	if (rc || m->use != NONE)
		return rc;
	if (m->n == KEYS_MAX)
		return err_set(err, ERR_EXISTS,
			"there is no config, but there are many keys, none of which this password "
			"opens");
	k = &m->known[m->n];
	rc = repo_key_make(m->env, m->what, m->pass, m->pass_n, &k->key, err);
	if (!rc && stopped(m))
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
	if (!m->put.code && stopped(m))
		err_set(&m->put, ERR_CANCELLED, "stopped by a signal");
	if (!m->put.code)
		put_config(m, m->use, true, &m->put);
	return settle(m, out, err);
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
	m->mine = NONE;
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
