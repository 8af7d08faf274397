#include "base/mem.h"
#include "format/keyfile.h"
#include "repo/repo_priv.h"

#define TRIES_MAX       20 /* as restic: each costs half a second of scrypt */
#define CALIBRATE_MS    500
#define CALIBRATE_MIB   60
#define MASTER_JSON_MAX 4096

/* A name that no key has opened yet is no error: 1 = the password does not fit this key. */
static int key_unwrap(const struct keyfile *k, const void *pass, size_t n, struct seal_key *master, struct err *err)
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

static int key_load(struct backend *be, const struct id *id, struct keyfile *k, struct err *err)
{
	struct buf json;
	int rc = 0;

	buf_init(&json, REPO_SMALL_MAX);
	for (int attempt = 0; attempt < 2; attempt++) {
		buf_reset(&json);
		rc = backend_get(be, BACKEND_KEY, id, &json, err);
		if (rc)
			goto out;
		rc = repo_file_hash(id, json.p, json.len, err);
		if (!rc)
			break;
	}
	if (!rc)
		rc = keyfile_parse(k, json.p, json.len, err);
out:
	buf_release(&json);
	return rc;
}

/* 0, 1 (the password is not this key's) or an error. */
static int key_try(struct backend *be, const struct id *id, const void *pass, size_t n, struct seal_key *master, struct err *err)
{
	struct keyfile k = {0};
	struct err own = {0};
	int rc = key_load(be, id, &k, &own);

	if (!rc)
		rc = key_unwrap(&k, pass, n, master, &own);
	keyfile_release(&k);
	if (rc < 0) {
		err_prefix(&own, "key %s", id_short(id).s);
		err_copy(err, &own);
	}
	return rc;
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
	return l->n == TRIES_MAX + 1; /* one more than is tried: then we know that there are too many */
}

int repo_key_find(struct backend *be, const struct env *env, const char *hint, const void *pass, size_t n, struct seal_key *master,
	struct id *key_id, struct err *err)
{
	struct names keys = {0};
	struct err ignored = {0};
	int rc;

	if (hint && *hint && !repo_prefix_be(be, BACKEND_KEY, hint, key_id, &ignored)) {
		if (!key_try(be, key_id, pass, n, master, &ignored))
			return 0;
		log_msg(&env->log, LOG_DEBUG, "the hinted key %s does not fit: %s", id_short(key_id).s, ignored.msg);
	}
	rc = backend_list(be, BACKEND_KEY, remember, &keys, err);
	if (rc < 0)
		return err_prefix(err, "list keys");
	for (size_t i = 0; i < keys.n && i < TRIES_MAX; i++) {
		rc = key_try(be, &keys.id[i], pass, n, master, err);
		if (!rc)
			*key_id = keys.id[i];
		if (rc <= 0)
			return rc;
	}
	if (keys.n > TRIES_MAX)
		return err_set(err, ERR_USAGE,
			"none of the first %d keys fits the password, and there are more: name the right one with --key-hint", TRIES_MAX);
	return err_set(err, ERR_PASSWORD, "wrong password or no key found");
}

int repo_key_create(struct backend *be, const struct env *env, const struct repo_owner *who, const void *pass, size_t n,
	struct seal_key *master, struct id *key_id, struct err *err)
{
	struct keyfile k = {.created = clock_now(env->clock)};
	struct seal_key user = {0};
	struct seal *s = NULL;
	struct hash *h = hash_new();
	uint8_t iv[SEAL_IV];
	struct buf json, file;
	int rc;

	buf_init(&json, MASTER_JSON_MAX);
	buf_init(&file, REPO_SMALL_MAX);
	buf_init(&k.data, MASTER_JSON_MAX + SEAL_OVERHEAD);
	k.username = mem_strdup(who->username ? who->username : "");
	k.hostname = mem_strdup(who->hostname ? who->hostname : "");
	rnd_fill(env->rnd, k.salt, sizeof(k.salt));
	rnd_fill(env->rnd, iv, sizeof(iv));
	rnd_fill(env->rnd, master, sizeof(*master));
	if (!seal_key_valid(master)) {
		rc = err_set(err, ERR_IO, "the system's random numbers are not random");
		goto out;
	}
	kdf_calibrate(env->clock, CALIBRATE_MS, CALIBRATE_MIB, &k.kdf);
	rc = kdf_derive(&k.kdf, k.salt, pass, n, &user, err);
	if (rc)
		goto out;
	s = seal_new(&user);
	masterkey_write(master, &json);
	buf_reserve(&k.data, json.len + SEAL_OVERHEAD);
	seal_put(s, iv, json.p, json.len, k.data.p);
	k.data.len = json.len + SEAL_OVERHEAD;
	keyfile_write(&k, env->zone, &file);
	hash_once(h, file.p, file.len, key_id);
	rc = backend_put(be, BACKEND_KEY, key_id, file.p, file.len, err);
	if (rc)
		err_prefix(err, "save key");
out:
	hash_free(h);
	seal_free(s);
	mem_wipe(&user, sizeof(user));
	buf_wipe(&json);
	buf_release(&file);
	keyfile_release(&k);
	return rc;
}
