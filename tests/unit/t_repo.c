#include "lib/stores.h"
#include "repo/repo.h"
#include "format/index.h"
#include "format/keyfile.h"
#include "lib/gate.h"
#include "unit/repo_fixture.h"
#include <stdio.h>

#define PASS "correct horse"

/* A store with a repository, made once: deriving its key takes half a second. */
static struct backend *made;
static struct config made_config;

/* Keys that cost nothing, unless a test wants what a user gets. */
static const struct kdf_params cheap = {.n = 2, .r = 1, .p = 1};

static int create_as(struct backend *be, struct fixture *f, unsigned version, uint64_t polynomial,
	const struct kdf_params *cost, struct repo **r, struct err *err)
{
	struct repo_spec what = {.version = version,
		.polynomial = polynomial,
		.who = {"user", "host"},
		.cost = cost};
	bool mine = false;
	int rc = repo_create(be, &f->env, &what, PASS, strlen(PASS), r, &mine, err);

	CHECK_EQ(rc == 0, *r != NULL);
	return rc ? rc : mine ? 0 : ERR_EXISTS;
}

static int create(struct backend *be, struct fixture *f, struct repo **r, struct err *err)
{
	return create_as(be, f, 2, 0, &cheap, r, err);
}

static struct backend *store(struct fixture *f)
{
	struct repo *r;
	struct err err = {0};

	if (!made) {
		made = backend_mem_new();
		REQUIRE(create_as(made, f, 2, 0, NULL, &r, &err) == 0);
		made_config = r->config;
		repo_close(r);
	}
	return made;
}

TEST(create_then_open)
{
	struct fixture f;
	struct repo *r;
	struct err err = {0};
	struct backend *be;

	fixture_env(&f);
	be = store(&f);
	CHECK_EQ(repo_probe(be, &err), 0);
	REQUIRE(repo_open(be, &f.env, PASS, strlen(PASS), NULL, &r, &err) == 0);
	CHECK_EQ(r->config.version, 2);
	CHECK(id_equal(&r->config.id, &made_config.id));
	CHECK(r->config.polynomial == made_config.polynomial && made_config.polynomial >> 53 == 1);
	CHECK(!id_is_zero(&r->key_id));
	CHECK(r->verify && r->compress_data);
	repo_close(r);
	CHECK_EQ(repo_open(be, &f.env, "wrong", 5, NULL, &r, &err), ERR_PASSWORD);
	CHECK(!r);
	/* What is there is opened, not made again. */
	CHECK_EQ(create(be, &f, &r, &err), ERR_EXISTS);
	REQUIRE(r && id_equal(&r->config.id, &made_config.id));
	repo_close(r);
	CHECK_EQ(fixture_count(be, BACKEND_KEY), 1);
	fixture_release(&f);
}

TEST(no_repository)
{
	struct backend *be = backend_mem_new();
	struct fixture f;
	struct repo *r;
	struct err err = {0};

	fixture_env(&f);
	CHECK_EQ(repo_probe(be, &err), ERR_NOREPO);
	CHECK_EQ(repo_open(be, &f.env, PASS, strlen(PASS), NULL, &r, &err), ERR_NOREPO);
	backend_free(be);
	fixture_release(&f);
}

TEST(create_refuses_what_looks_like_a_damaged_repository)
{
	static const enum backend_type t[] = {BACKEND_SNAPSHOT, BACKEND_INDEX, BACKEND_LOCK,
		BACKEND_PACK};

	for (int i = 0; i < 4; i++) {
		struct backend *be = backend_mem_new();
		enum repo_state state;
		struct fixture f;
		struct repo *r;
		struct err err = {0};
		struct id id = fixture_id(1);

		fixture_env(&f);
		CHECK_EQ(repo_look(be, &state, &err), 0);
		CHECK_EQ(state, REPO_NONE);
		REQUIRE(backend_put(be, t[i], &id, "x", 1, NULL) == 0);
		CHECK_EQ(create(be, &f, &r, &err), ERR_EXISTS);
		CHECK_EQ(repo_probe(be, NULL), ERR_NOREPO);
		CHECK_EQ(fixture_count(be, BACKEND_KEY), 0);
		REQUIRE(backend_put(be, BACKEND_KEY, &id, "x", 1, NULL) == 0);
		CHECK_EQ(create(be, &f, &r, &err), ERR_EXISTS);
		CHECK_EQ(repo_look(be, &state, &err), 0);
		CHECK_EQ(state, REPO_LOST);
		CHECK(strstr(err.msg, backend_type_name(t[i])));
		backend_free(be);
		fixture_release(&f);
	}
}

TEST(create_refuses_bad_configs)
{
	struct backend *be = backend_mem_new();
	struct fixture f;
	struct repo *r;
	struct err err = {0};

	fixture_env(&f);
	CHECK(create_as(be, &f, 3, 0, &cheap, &r, &err) < 0);
	CHECK(create_as(be, &f, 2, 0x3da3358b4dc171, &cheap, &r, &err) < 0); /* reducible */
	CHECK_EQ(fixture_count(be, BACKEND_KEY), 0);
	backend_free(be);
	fixture_release(&f);
}

/* A key file with the cheapest scrypt there is, around a fresh master key or the one given. */
static struct id put_key(struct backend *be, const char *pass, const struct seal_key *master,
	const char *spoil)
{
	struct keyfile k = {.kdf = {.n = 2, .r = 1, .p = 1}};
	struct seal_key user;
	struct seal *s;
	struct buf json, file;
	uint8_t iv[SEAL_IV] = {1};
	struct id id;

	buf_init(&json, 4096);
	buf_init(&file, 1 << 20);
	buf_init(&k.data, 4096);
	k.username = mem_strdup("u");
	k.hostname = mem_strdup("h");
	rnd_fill(rnd_real(), k.salt, sizeof(k.salt));
	REQUIRE(kdf_derive(&k.kdf, k.salt, pass, strlen(pass), &user, NULL) == 0);
	s = seal_new(&user);
	masterkey_write(master, &json);
	buf_reserve(&k.data, json.len + SEAL_OVERHEAD);
	seal_put(s, iv, json.p, json.len, k.data.p);
	k.data.len = json.len + SEAL_OVERHEAD;
	keyfile_write(&k, NULL, &file);
	if (spoil) {
		char *at = strstr((char *)buf_str(&file), "scrypt");

		REQUIRE(at != NULL);
		memcpy(at, spoil, 6);
	}
	id = fixture_hash(file.p, file.len);
	REQUIRE(backend_put(be, BACKEND_KEY, &id, file.p, file.len, NULL) == 0);
	seal_free(s);
	buf_release(&json);
	buf_release(&file);
	keyfile_release(&k);
	return id;
}

struct keys {
	struct fixture f;
	struct backend *be;
	struct seal_key master;
};

/* A repository whose keys the test makes. */
static void keys_init(struct keys *k)
{
	struct config config = {.version = 2, .polynomial = 0x3da3358b4dc173, .id = {{1}}};
	struct buf json;
	struct repo *r;

	fixture_env(&k->f);
	k->be = backend_mem_new();
	rnd_fill(rnd_real(), &k->master, sizeof(k->master));
	r = repo_adopt(k->be, &k->f.env, &config, &k->master);
	buf_init(&json, 4096);
	config_write(&config, &json);
	REQUIRE(repo_save(r, BACKEND_CONFIG, json.p, json.len, NULL, NULL) == 0);
	buf_release(&json);
	repo_close(r);
}

static int keys_open(struct keys *k, const char *pass, const char *hint, struct id *used,
	struct err *err)
{
	struct repo *r;
	int rc;

	err_clear(err);
	rc = repo_open(k->be, &k->f.env, pass, strlen(pass), hint, &r, err);
	CHECK((rc == 0) == (r != NULL));
	CHECK_EQ(err->code, rc);
	if (r && used)
		*used = r->key_id;
	repo_close(r);
	return rc;
}

static void keys_release(struct keys *k)
{
	backend_free(k->be);
	fixture_release(&k->f);
}

TEST(several_keys)
{
	struct keys k;
	struct err err;
	struct id a, b, used;

	keys_init(&k);
	CHECK_EQ(keys_open(&k, "a", NULL, NULL, &err), ERR_PASSWORD); /* none at all */
	a = put_key(k.be, "a", &k.master, NULL);
	b = put_key(k.be, "b", &k.master, NULL);
	CHECK_EQ(keys_open(&k, "a", NULL, &used, &err), 0);
	CHECK(id_equal(&used, &a));
	CHECK_EQ(keys_open(&k, "b", NULL, &used, &err), 0);
	CHECK(id_equal(&used, &b));
	CHECK_EQ(keys_open(&k, "c", NULL, NULL, &err), ERR_PASSWORD);
	/* a hint that does not help is ignored */
	CHECK_EQ(keys_open(&k, "b", id_hex(&a).s, &used, &err), 0);
	CHECK(id_equal(&used, &b));
	CHECK_EQ(keys_open(&k, "b", "xyz", &used, &err), 0);
	keys_release(&k);
}

/* A gateway whose storage fails; arg: or another run that removes the key at this moment. */
static int lose_key(void *arg, const struct backend_op *op, enum backend_type t)
{
	if (!op || op->verb != BACKEND_GET || t != BACKEND_KEY)
		return 0;
	if (arg)
		REQUIRE(backend_remove(arg, BACKEND_KEY, &op->name, NULL) == 0);
	return ERR_NOTFOUND;
}

TEST(a_key_that_is_listed_and_not_found)
{
	for (int removed = 0; removed < 2; removed++) {
		struct backend *inner;
		struct err err = {0};
		struct keys k;
		struct id id;

		keys_init(&k);
		id = put_key(k.be, "a", &k.master, NULL);
		inner = k.be;
		k.be = gate_new(backend_share(inner), lose_key, removed ? inner : NULL);
		CHECK_EQ(keys_open(&k, "a", NULL, NULL, &err), removed ? ERR_PASSWORD : ERR_IO);
		CHECK(removed || (strstr(err.msg, "is listed, but not found") &&
					 strstr(err.msg, id_short(&id).s)));
		CHECK_EQ(keys_open(&k, "a", id_short(&id).s, NULL, &err),
			removed ? ERR_PASSWORD : ERR_IO);
		keys_release(&k);
		backend_free(inner);
	}
}

TEST(the_twenty_first_key_needs_a_hint)
{
	struct keys k;
	struct err err;
	struct id last = {0};

	keys_init(&k);
	for (int i = 0; i < 20; i++)
		put_key(k.be, "other", &k.master, NULL);
	CHECK_EQ(keys_open(&k, "mine", NULL, NULL, &err), ERR_PASSWORD);
	for (int i = 0; i < 40; i++)
		put_key(k.be, "other", &k.master, NULL);
	CHECK_EQ(keys_open(&k, "mine", NULL, NULL, &err), ERR_USAGE);
	CHECK(strstr(err.msg, "--key-hint") != NULL);
	last = put_key(k.be, "mine", &k.master, NULL);
	CHECK_EQ(keys_open(&k, "mine", id_short(&last).s, NULL, &err), 0);
	keys_release(&k);
}

TEST(of_twenty_one_keys_twenty_are_tried)
{
	struct keys k;
	struct err err;
	char pass[2] = "a";
	int good = 0;

	keys_init(&k);
	for (pass[0] = 'a'; pass[0] < 'a' + 21; pass[0]++)
		put_key(k.be, pass, &k.master, NULL);
	for (pass[0] = 'a'; pass[0] < 'a' + 21; pass[0]++)
		good += keys_open(&k, pass, NULL, NULL, &err) == 0;
	CHECK_EQ(good, 20);
	keys_release(&k);
}

TEST(a_key_under_a_wrong_name)
{
	struct keys k;
	struct err err;
	struct buf b;
	struct id good, other = fixture_id(1);

	keys_init(&k);
	good = put_key(k.be, "pw", &k.master, NULL);
	buf_init(&b, 10000);
	REQUIRE(backend_get(k.be, BACKEND_KEY, &good, &b, NULL) == 0);
	REQUIRE(backend_put(k.be, BACKEND_KEY, &other, b.p, b.len, NULL) == 0);
	REQUIRE(backend_remove(k.be, BACKEND_KEY, &good, NULL) == 0);
	CHECK_EQ(keys_open(&k, "pw", NULL, NULL, &err), ERR_INVALID);
	buf_release(&b);
	keys_release(&k);
}

TEST(a_damaged_key_file)
{
	struct keys k;
	struct err err;
	struct id good, bad = fixture_id(1);
	static const char *const json = "{\"created\":\"";

	keys_init(&k);
	good = put_key(k.be, "pw", &k.master, NULL);
	CHECK_EQ(keys_open(&k, "pw", NULL, NULL, &err), 0);
	REQUIRE(backend_remove(k.be, BACKEND_KEY, &good, NULL) == 0);

	/* Alone, so that the order of the listing does not matter. */
	REQUIRE(backend_put(k.be, BACKEND_KEY, &bad, json, strlen(json), NULL) == 0);
	CHECK_EQ(keys_open(&k, "pw", NULL, NULL, &err), ERR_INVALID); /* a wrong hash */
	CHECK(strstr(err.msg, id_short(&bad).s) != NULL);
	REQUIRE(backend_remove(k.be, BACKEND_KEY, &bad, NULL) == 0);
	bad = fixture_hash(json, strlen(json));
	REQUIRE(backend_put(k.be, BACKEND_KEY, &bad, json, strlen(json), NULL) == 0);
	CHECK_EQ(keys_open(&k, "pw", NULL, NULL, &err), ERR_INVALID); /* no JSON */
	CHECK_EQ(atomic_load(&k.f.warnings), 0);
	good = put_key(k.be, "pw", &k.master, NULL);
	CHECK_EQ(keys_open(&k, "pw", id_short(&good).s, NULL, &err), 0);
	CHECK_EQ(keys_open(&k, "pw", NULL, NULL, &err), 0);
	CHECK_EQ(keys_open(&k, "other", NULL, NULL, &err), ERR_PASSWORD);
	CHECK_EQ(atomic_load(&k.f.warnings) > 0, true);
	REQUIRE(backend_remove(k.be, BACKEND_KEY, &bad, NULL) == 0);
	REQUIRE(backend_remove(k.be, BACKEND_KEY, &good, NULL) == 0);
	put_key(k.be, "pw", &k.master, "argon2");
	CHECK_EQ(keys_open(&k, "pw", NULL, NULL, &err), ERR_UNSUPPORTED);
	keys_release(&k);
}

TEST(an_invalid_master_key_is_refused)
{
	struct keys k;
	struct err err;

	keys_init(&k);
	memset(k.master.mac_k, 0, sizeof(k.master.mac_k));
	put_key(k.be, "pw", &k.master, NULL);
	CHECK_EQ(keys_open(&k, "pw", NULL, NULL, &err), ERR_INVALID);
	keys_release(&k);
}

TEST(a_damaged_config)
{
	struct keys k;
	struct err err;
	struct seal_key other;

	keys_init(&k);
	rnd_fill(rnd_real(), &other, sizeof(other));
	put_key(k.be, "pw", &k.master, NULL);
	put_key(k.be, "other", &other, NULL); /* of another repository */
	CHECK_EQ(keys_open(&k, "other", NULL, NULL, &err), ERR_INVALID);
	CHECK(strstr(err.msg, "config") != NULL);
	CHECK_EQ(keys_open(&k, "pw", NULL, NULL, &err), 0);
	REQUIRE(backend_put(k.be, BACKEND_CONFIG, NULL, "short", 5, NULL) == 0);
	CHECK_EQ(keys_open(&k, "pw", NULL, NULL, &err), ERR_INVALID);
	keys_release(&k);
}

/* Of many keys some are damaged, cut off, or another repository's although the password opens them:
 * whatever comes first in the listing. */
TEST(keys_that_are_passed_over)
{
	struct keys k;
	struct err err;
	struct seal_key foreign;
	struct id good, used;

	keys_init(&k);
	rnd_fill(rnd_real(), &foreign, sizeof(foreign));
	good = put_key(k.be, "pw", &k.master, NULL);
	for (unsigned i = 0; i < 12; i++) {
		struct id id = fixture_id(i);

		if (i % 3 == 0)
			REQUIRE(backend_put(k.be, BACKEND_KEY, &id, "{\"created", i, NULL) == 0);
		else if (i % 3 == 1)
			put_key(k.be, "pw", &foreign, NULL);
		else
			put_key(k.be, "pw", &k.master, "argon2");
		CHECK_EQ(keys_open(&k, "pw", NULL, &used, &err), 0);
		CHECK(id_equal(&used, &good));
	}
	/* It is not always the first. */
	for (int i = 0; i < 100 && !atomic_load(&k.f.warnings); i++) {
		REQUIRE(backend_remove(k.be, BACKEND_KEY, &good, NULL) == 0);
		good = put_key(k.be, "pw", &k.master, NULL);
		CHECK_EQ(keys_open(&k, "pw", NULL, &used, &err), 0);
		CHECK(id_equal(&used, &good));
	}
	CHECK(atomic_load(&k.f.warnings) > 0);
	/* The hinted key is the wrong one. */
	used = put_key(k.be, "pw", &foreign, NULL);
	CHECK_EQ(keys_open(&k, "pw", id_hex(&used).s, &used, &err), 0);
	CHECK(id_equal(&used, &good));
	keys_release(&k);
}

TEST(prefix)
{
	struct fixture f;
	struct id id[3] = {fixture_id(1), fixture_id(1), fixture_id(2)}, got;
	struct err err = {0};
	char s[80];

	fixture_init(&f, 2);
	id[1].b[4] ^= 1; /* the 10th digit */
	for (int i = 0; i < 3; i++)
		REQUIRE(backend_put(f.be, BACKEND_SNAPSHOT, &id[i], "x", 1, NULL) == 0);
	snprintf(s, sizeof(s), "%.10s", id_hex(&id[1]).s);
	CHECK_EQ(repo_prefix(f.repo, BACKEND_SNAPSHOT, s, &got, &err), 0);
	CHECK(id_equal(&got, &id[1]));
	s[9] = 0;
	CHECK_EQ(repo_prefix(f.repo, BACKEND_SNAPSHOT, s, &got, &err), ERR_USAGE);
	CHECK_EQ(repo_prefix(f.repo, BACKEND_SNAPSHOT, id_short(&id[2]).s, &got, &err), 0);
	CHECK_EQ(repo_prefix(f.repo, BACKEND_INDEX, id_short(&id[2]).s, &got, &err), ERR_NOTFOUND);
	CHECK_EQ(repo_prefix(f.repo, BACKEND_SNAPSHOT, "", &got, &err), ERR_USAGE);
	CHECK_EQ(repo_prefix(f.repo, BACKEND_SNAPSHOT, "AB", &got, &err), ERR_USAGE);
	CHECK_EQ(repo_prefix(f.repo, BACKEND_SNAPSHOT, id_hex(&id[0]).s, &got, &err), 0);
	CHECK(id_equal(&got, &id[0]));
	/* a full name is not looked up */
	CHECK_EQ(repo_prefix(f.repo, BACKEND_INDEX, id_hex(&id[0]).s, &got, &err), 0);
	fixture_release(&f);
}

TEST(the_end)
{
	backend_free(made);
	made = NULL;
}
