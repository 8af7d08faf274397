#include "base/mem.h"
#include "format/keyfile.h"
#include "format/snapshot.h"
#include "repo/repo_priv.h"

#define TRIES_MAX       20 /* as restic: each costs half a second of scrypt */
#define CALIBRATE_MS    500
#define CALIBRATE_MIB   60
#define MASTER_JSON_MAX 4096

/* A name that no key has opened yet is no error: 1 = the password does not fit this key. */
static int key_unwrap(const struct keyfile *k, const void *pass, size_t n, struct seal_key *master,
	struct err *err)
{
	struct seal_key user = {0};
	struct seal *s = NULL;
	struct buf json;
	int rc;

	buf_init(&json, MASTER_JSON_MAX);
	if (k->data.len < SEAL_OVERHEAD || k->data.len - SEAL_OVERHEAD > MASTER_JSON_MAX) {
		rc = err_set(err, ERR_INVALID, "the master key in it has an impossible length");
		goto out;
	}
	rc = kdf_derive(&k->kdf, k->salt, pass, n, &user, err);
	if (rc)
		goto out;
	s = seal_new(&user);
	buf_reserve(&json, MASTER_JSON_MAX);
	if (seal_open(s, k->data.p, k->data.len, json.p)) {
		rc = 1;
		goto out;
	}
	json.len = k->data.len - SEAL_OVERHEAD;
	rc = masterkey_parse(master, json.p, json.len, err);
out:
	seal_free(s);
	mem_wipe(&user, sizeof(user));
	buf_wipe(&json);
	return rc;
}

int repo_key_load(struct backend *be, const struct id *id, struct buf *json, struct err *err)
{
	int rc = 0;

	buf_init(json, REPO_SMALL_MAX);
	for (int attempt = 0; attempt < 2; attempt++) {
		buf_reset(json);
		rc = backend_get(be, BACKEND_KEY, id, json, err);
		if (rc)
			return rc;
		rc = repo_file_hash(id, json->p, json->len, err);
		if (!rc)
			break;
	}
	return rc;
}

void repo_key_release(struct repo_key *k)
{
	buf_release(&k->file);
	mem_wipe(k, sizeof(*k));
}

int repo_key_try(struct backend *be, const struct id *id, const void *pass, size_t n,
	struct repo_key *k, struct err *err)
{
	struct keyfile f = {0};
	struct err own = {0};
	int rc;

	*k = (struct repo_key){.id = *id};
	rc = repo_key_load(be, id, &k->file, &own);
	if (!rc)
		rc = keyfile_parse(&f, k->file.p, k->file.len, &own);
	if (!rc)
		rc = key_unwrap(&f, pass, n, &k->master, &own);
	keyfile_release(&f);
	if (rc < 0) {
		err_prefix(&own, "key %s", id_short(id).s);
		err_copy(err, &own);
	}
	if (rc)
		repo_key_release(k);
	return rc;
}

bool repo_key_opens(const struct seal_key *master, const struct buf *config)
{
	struct seal *s;
	struct buf json;
	bool opens;

	if (config->len < SEAL_OVERHEAD || config->len > REPO_SMALL_MAX)
		return false;
	buf_init(&json, REPO_SMALL_MAX);
	buf_reserve(&json, config->len);
	s = seal_new(master);
	opens = !seal_open(s, config->p, config->len, json.p);
	seal_free(s);
	buf_release(&json);
	return opens;
}

bool repo_key_store_fails(int rc)
{
	return rc == ERR_IO || rc == ERR_ODD || rc == ERR_CANCELLED;
}

struct names {
	struct id id[TRIES_MAX + 1];
	size_t n;
};

static int remember(void *arg, const struct id *name, uint64_t size)
{
	struct names *l = arg;

	(void)size;
	l->id[l->n++] = *name;
	return l->n ==
	       TRIES_MAX + 1; /* one more than is tried: then we know that there are too many */
}

struct absent {
	const struct id *id;
	size_t n;
	const struct id *found;
};

static int still_listed(void *arg, const struct id *name, uint64_t size)
{
	struct absent *a = arg;

	(void)size;
	for (size_t i = 0; i < a->n && !a->found; i++) {
		if (id_equal(&a->id[i], name))
			a->found = &a->id[i];
	}
	return a->found ? 1 : 0;
}

/* Gateways answer 404 when their own storage fails.  Who removes a key takes it from the listing
 * too. */
int repo_key_lost(struct backend *be, const struct id *id, size_t n, struct err *err)
{
	struct absent a = {.id = id, .n = n};
	int rc = n ? backend_list(be, BACKEND_KEY, still_listed, &a, err) : 0;

	if (rc < 0)
		return err_prefix(err, "list keys");
	return a.found ? err_set(err, ERR_IO, "key %s is listed, but not found",
				 id_short(a.found).s)
		       : 0;
}

/* What became of the keys that do not open the repository. */
struct tried {
	bool refused;          /* one is another password's */
	struct err foreign;    /* one is this password's, but not this config's */
	struct err bad;        /* the first that cannot be read */
	struct strlist passed; /* a sentence for each of the latter two */
	struct names absent;   /* listed, and then not found */
};

/* 0: this is the key.  1: it is not.  An error: the store fails, so that others need not be tried.
 */
static int key_fits(struct backend *be, const struct id *id, const void *pass, size_t n,
	const struct buf *config, struct repo_key *k, struct tried *t)
{
	struct err e = {0};
	int rc = repo_key_try(be, id, pass, n, k, &e);

	if (!rc && repo_key_opens(&k->master, config))
		return 0;
	if (!rc) {
		repo_key_release(k);
		err_set(&t->foreign, ERR_INVALID,
			"config: the file is damaged or sealed with another key than %s, which is "
			"this password's: wrong MAC",
			id_short(id).s);
		strlist_add(&t->passed, t->foreign.msg);
	} else if (rc > 0) {
		t->refused = true;
	} else if (repo_key_store_fails(rc)) {
		err_copy(&t->bad, &e);
		return rc;
	} else if (rc == ERR_NOTFOUND) {
		t->absent.id[t->absent.n++] = *id;
	} else {
		if (!t->bad.code)
			err_copy(&t->bad, &e);
		strlist_add(&t->passed, e.msg);
	}
	return 1;
}

static void tell_passed(const struct tried *t, const struct env *env)
{
	for (size_t i = 0; i < t->passed.n; i++)
		log_msg(&env->log, LOG_WARN, "%s (passed over)", t->passed.s[i]);
}

static int tell_none(const struct tried *t, const struct env *env, bool more, struct err *err)
{
	if (t->foreign.code)
		return err_copy(err, &t->foreign);
	if (more)
		return err_set(err, ERR_USAGE,
			"none of the first %d keys fits the password, and there are more: name the "
			"right one with --key-hint",
			TRIES_MAX);
	if (t->bad.code && !t->refused)
		return err_copy(err, &t->bad);
	tell_passed(t, env);
	return err_set(err, ERR_PASSWORD, "wrong password or no key found");
}

static int find_listed(struct backend *be, const struct env *env, const void *pass, size_t n,
	const struct buf *config, struct repo_key *k, struct err *err)
{
	struct names keys = {0};
	struct tried t = {0};
	struct err lost = {0};
	int rc = backend_list(be, BACKEND_KEY, remember, &keys, err);

	if (rc < 0)
		return err_prefix(err, "list keys");
	rc = 1;
	for (size_t i = 0; i < keys.n && i < TRIES_MAX && rc == 1; i++)
		rc = key_fits(be, &keys.id[i], pass, n, config, k, &t);
	if (rc == 1 && repo_key_lost(be, t.absent.id, t.absent.n, &lost))
		rc = err_copy(&t.bad, &lost);
	if (!rc)
		tell_passed(&t, env);
	else
		rc = rc < 0 ? err_copy(err, &t.bad) : tell_none(&t, env, keys.n > TRIES_MAX, err);
	strlist_release(&t.passed);
	return rc;
}

int repo_key_find(struct backend *be, const struct env *env, const char *hint, const void *pass,
	size_t n, const struct buf *config, struct repo_key *k, struct err *err)
{
	struct err ignored = {0};
	struct tried t = {0};
	struct id id;
	int rc = 1;

	if (hint && *hint && !repo_prefix_be(be, BACKEND_KEY, hint, &id, &ignored)) {
		rc = key_fits(be, &id, pass, n, config, k, &t);
		if (rc)
			log_msg(&env->log, LOG_DEBUG, "the hinted key %s does not fit",
				id_short(&id).s);
		strlist_release(&t.passed);
	}
	return rc ? find_listed(be, env, pass, n, config, k, err) : 0;
}

/* Seals the master key in `key`, under the password, into a key file. */
static int wrap(const struct env *env, const struct repo_owner *who, const struct kdf_params *cost,
	const void *pass, size_t n, struct repo_key *key, struct err *err)
{
	struct keyfile k = {.created = clock_now(env->clock)};
	struct seal_key user = {0};
	struct seal *s = NULL;
	struct hash *h = hash_new();
	uint8_t iv[SEAL_IV];
	struct buf json;
	int rc;

	buf_init(&json, MASTER_JSON_MAX);
	buf_init(&key->file, REPO_SMALL_MAX);
	buf_init(&k.data, MASTER_JSON_MAX + SEAL_OVERHEAD);
	k.username = mem_strdup(who->username ? who->username : "");
	k.hostname = mem_strdup(who->hostname ? who->hostname : "");
	rnd_fill(env->rnd, k.salt, sizeof(k.salt));
	rnd_fill(env->rnd, iv, sizeof(iv));
	if (cost)
		k.kdf = *cost;
	else
		kdf_calibrate(env->clock, CALIBRATE_MS, CALIBRATE_MIB, &k.kdf);
	rc = kdf_derive(&k.kdf, k.salt, pass, n, &user, err);
	if (rc)
		goto out;
	s = seal_new(&user);
	masterkey_write(&key->master, &json);
	buf_reserve(&k.data, json.len + SEAL_OVERHEAD);
	seal_put(s, iv, json.p, json.len, k.data.p);
	k.data.len = json.len + SEAL_OVERHEAD;
	keyfile_write(&k, env->zone, &key->file);
	hash_once(h, key->file.p, key->file.len, &key->id);
out:
	hash_free(h);
	seal_free(s);
	mem_wipe(&user, sizeof(user));
	buf_wipe(&json);
	keyfile_release(&k);
	return rc;
}

int repo_key_make(const struct env *env, const struct repo_spec *what, const void *pass, size_t n,
	struct repo_key *key, struct err *err)
{
	*key = (struct repo_key){0};
	rnd_fill(env->rnd, &key->master, sizeof(key->master));
	if (!seal_key_valid(&key->master))
		return err_set(err, ERR_IO, "the system's random numbers are not random");
	return wrap(env, &what->who, what->cost, pass, n, key, err);
}

int repo_key_wrap(const struct env *env, const struct seal_key *master,
	const struct repo_owner *who, const struct kdf_params *cost, const void *pass, size_t n,
	struct repo_key *key, struct err *err)
{
	*key = (struct repo_key){.master = *master};
	return wrap(env, who, cost, pass, n, key, err);
}
