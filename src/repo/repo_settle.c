/*
 * making_settle: what is left when several runs make a repository at one place.
 *
 * Where the store creates conditionally the first config stays.  Swift's API cannot, nor can some
 * servers: there the last one stays, and may come when the other run has read its own back, has
 * ended, or has stored a whole snapshot.  So after its config each run looks at what is there,
 * until one look finds nothing to do:
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
#include "repo/repo_making.h"

#define ROUNDS    60 /* looks; each does one thing */
#define PATIENCE  6  /* of them, pauses */
#define PAUSE_NS  INT64_C(500000000)
#define FILES_MAX 100          /* of each type, that are looked into */
#define FILE_MAX  (256u << 20) /* bytes */
#define AGAIN     1

/* False: enough was waited. */
static bool wait_for_others(struct making *m)
{
	if (m->pauses >= PATIENCE || making_stopped(m))
		return false;
	m->pauses++;
	clock_sleep(m->env->clock, PAUSE_NS);
	return true;
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
	return MAKING_NONE;
}

/* No config.  A store that does not list the key that it took knows nothing of a config either. */
static int settle_absent(struct making *m, struct err *err)
{
	bool mine = m->mine != MAKING_NONE && !m->gone;

	if (!m->put.code || (mine && m->stored && !m->known[m->mine].listed))
		return wait_for_others(m)
			       ? AGAIN
			       : err_set(err, ERR_IO,
					 "the store does not deliver what it has stored");
	if (m->put.code == ERR_EXISTS && wait_for_others(m)) {
		err_clear(&m->put);
		making_put_config(m, m->use, true, &m->put);
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
	if (m->mine != MAKING_NONE && !m->gone)
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
	if (m->mine != MAKING_NONE && by != m->mine && !m->gone) {
		remove_mine(m);
		return AGAIN;
	}
	if (by != m->mine || making_rival(m, false) == MAKING_NONE)
		return 0;
	if (wait_for_others(m))
		return AGAIN;
	rc = making_try_keys(m, err);
	other = making_rival(m, true);
	if (rc || other == MAKING_NONE)
		return rc;
	rc = making_put_config(m, other, false, err);
	return rc ? rc : AGAIN;
}

/* A key of another password; late: that was not there before we wrote anything. */
static const struct repo_key *stranger(const struct making *m, bool late)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct making_key *k = &m->known[i];

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
	int rc = making_try_keys(m, err);

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
		rc = making_list_keys(m, err);
	if (rc)
		goto out;
	if (got) {
		rc = settle_absent(m, err);
		goto out;
	}
	by = opener(m, &stored);
	if (by == MAKING_NONE) {
		rc = making_try_keys(m, err);
		by = opener(m, &stored);
	}
	if (!rc && by == MAKING_NONE)
		rc = making_none_fits(m, err);
	if (!rc)
		rc = by == MAKING_NONE ? settle_stranger(m, err) : settle_opened(m, by, err);
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
int making_settle(struct making *m, struct repo **out, struct err *err)
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
	if (rc && rc != ERR_PASSWORD && m->mine != MAKING_NONE && !m->gone) {
		struct err cause = own;

		err_set(&own, rc,
			"%.800s; it is not known whether the repository was made, so the key %s, "
			"which this run wrote, stays",
			cause.msg, id_short(&m->known[m->mine].key.id).s);
	}
	return rc ? err_copy(err, &own) : 0;
}
