/*
 * A store that fails while a repository is made, and what it leaves; places where one was begun; a
 * config that is replaced.  Several at the same moment: tests/sim/s_first.c.
 */
#include "lib/stores.h"
#include "lib/gate.h"
#include "repo/repo.h"
#include "unit/repo_fixture.h"
#include <stdio.h>

#define PASS "correct horse"

static const struct kdf_params cheap = {.n = 2, .r = 1, .p = 1};

/* A place, the store as a run sees it, and the wish what shall happen there. */
struct at {
	struct fixture f;
	struct clock clock;
	struct backend *place;
	struct backend *be;
	struct repo *repo;
	bool made;
	struct err err;
	char log[4096];
	/* the gate */
	unsigned op;                /* requests so far */
	unsigned fails_from, fails; /* the first that fails, and how many; 0: none */
	int code;                   /* … with this code */
	bool passes;                /* … though the store does what it was asked for */
	void (*before)(struct at *a, const struct backend_op *op, enum backend_type t);
	unsigned slept;
	volatile int stop;
};

static int ask(void *arg, const struct backend_op *op, enum backend_type t)
{
	struct at *a = arg;

	a->op++;
	if (a->before)
		a->before(a, op, t);
	if (!a->fails || a->op < a->fails_from || a->op >= a->fails_from + a->fails)
		return 0;
	if (a->passes && op && op->verb == BACKEND_PUT)
		backend_put(a->place, op->type, &op->name, op->data, op->size, NULL);
	return a->code;
}

static void no_sleep(void *arg, int64_t ns)
{
	(void)ns;
	((struct at *)arg)->slept++;
}

static struct ts at_now(void *arg)
{
	(void)arg;
	return clock_now(clock_real());
}

static int64_t at_mono(void *arg)
{
	(void)arg;
	return clock_mono(clock_real());
}

static void at_log(void *arg, enum log_level level, const char *msg)
{
	struct at *a = arg;
	size_t n = strlen(a->log);

	(void)level;
	snprintf(a->log + n, sizeof(a->log) - n, "%s\n", msg);
}

static void at_init(struct at *a)
{
	*a = (struct at){.code = ERR_IO};
	fixture_env(&a->f);
	a->f.env.log = (struct log){LOG_WARN, at_log, a};
	a->clock = (struct clock){at_now, at_mono, no_sleep, a};
	a->f.env.clock = &a->clock;
	a->place = backend_mem_new();
	a->be = gate_new(backend_share(a->place), ask, a);
}

static void at_release(struct at *a)
{
	repo_close(a->repo);
	backend_free(a->be);
	backend_free(a->place);
	fixture_release(&a->f);
}

static int create(struct at *a, const char *pass)
{
	struct repo_spec what = {.version = 2,
		.who = {"user", "host"},
		.cost = &cheap,
		.stop = &a->stop};

	a->op = 0;
	repo_close(a->repo);
	err_clear(&a->err);
	return repo_create(a->be, &a->f.env, &what, pass, strlen(pass), &a->repo, &a->made,
		&a->err);
}

static bool opens(struct at *a, const char *pass)
{
	struct repo *r;
	bool yes = !repo_open(a->place, &a->f.env, pass, strlen(pass), NULL, &r, NULL);

	repo_close(r);
	return yes;
}

static size_t keys(const struct at *a)
{
	return fixture_count(a->place, BACKEND_KEY);
}

/* How many requests one creation takes. */
static unsigned requests(void)
{
	struct at a;

	at_init(&a);
	CHECK_EQ(create(&a, PASS), 0);
	CHECK(a.made && !a.slept);
	CHECK_EQ(keys(&a), 1);
	CHECK(a.repo->own_key.len > 0);
	CHECK_EQ(repo_still_ours(a.repo, &a.err), 0);
	at_release(&a);
	return a.op;
}

static bool names_key(const struct at *a)
{
	struct id id = fixture_first(a->place, BACKEND_KEY);
	struct id_hex hex = id_hex(&id);

	hex.s[8] = 0;
	return strstr(a->err.msg, hex.s) || strstr(a->log, hex.s);
}

/* So many requests from the k-th on fail; passes: though they are done. */
static int create_failing(struct at *a, unsigned k, unsigned many, int code, bool passes)
{
	at_init(a);
	a->fails_from = k;
	a->fails = many;
	a->code = code;
	a->passes = passes;
	return create(a, PASS);
}

/* Whichever request fails, and all after it: no repository, or one that opens; a key that stays is
 * named. */
TEST(the_store_dies_at_each_request)
{
	for (unsigned n = requests(), k = 1; k <= n; k++) {
		for (int passes = 0; passes < 2; passes++) {
			struct at a;
			int rc = create_failing(&a, k, 1000, ERR_IO, passes);

			CHECK(rc == 0 || rc == ERR_IO);
			CHECK_EQ(a.err.code, rc);
			if (rc && keys(&a))
				CHECK(names_key(&a));
			/* The same again, when the store is well. */
			a.fails = 0;
			rc = create(&a, PASS);
			CHECK_EQ(rc, 0);
			CHECK(opens(&a, PASS));
			CHECK_EQ(keys(&a), 1);
			at_release(&a);
		}
	}
}

/* One request fails: then it is a repository, or nothing is left, or, if that could not be looked
 * at, the key is named. */
TEST(each_request_fails_once)
{
	for (unsigned n = requests(), k = 1; k <= n; k++) {
		for (int passes = 0; passes < 2; passes++) {
			struct at a;
			int rc = create_failing(&a, k, 1, ERR_NOSPACE, passes);

			CHECK(rc == 0 || rc == ERR_NOSPACE);
			if (rc && repo_probe(a.place, NULL) == ERR_NOREPO) {
				CHECK_EQ(keys(&a), 0);
			} else {
				CHECK(opens(&a, PASS));
				CHECK_EQ(keys(&a), 1);
				CHECK(!rc || names_key(&a));
			}
			at_release(&a);
		}
	}
}

/* The PUT of the config worked although it seemed to fail. */
static void fail_config_put(struct at *a, const struct backend_op *op, enum backend_type t)
{
	a->fails = op && op->verb == BACKEND_PUT && t == BACKEND_CONFIG ? 1 : 0;
	a->fails_from = a->op;
}

TEST(a_failed_put_of_config_is_read_back)
{
	struct at a;

	at_init(&a);
	a.before = fail_config_put;
	a.passes = true;
	CHECK_EQ(create(&a, PASS), 0);
	CHECK(a.made);
	CHECK_EQ(keys(&a), 1);
	CHECK(opens(&a, PASS));
	at_release(&a);

	at_init(&a);
	a.before = fail_config_put;
	CHECK_EQ(create(&a, PASS), ERR_IO);
	CHECK(strstr(a.err.msg, "save config"));
	CHECK_EQ(keys(&a), 0);
	at_release(&a);
}

/* init was killed, or the disk was full: there is a key and nothing else. */
static void begin(struct at *a, const char *pass)
{
	REQUIRE(create(a, pass) == 0);
	REQUIRE(backend_remove(a->place, BACKEND_CONFIG, NULL, NULL) == 0);
}

TEST(a_repository_that_was_begun_is_finished)
{
	enum repo_state state;
	struct at a;
	struct id id;

	at_init(&a);
	begin(&a, PASS);
	id = a.repo->key_id;
	CHECK_EQ(repo_look(a.place, &state, &a.err), 0);
	CHECK_EQ(state, REPO_BEGUN);
	CHECK_EQ(create(&a, PASS), 0);
	CHECK(a.made && id_equal(&a.repo->key_id, &id));
	CHECK_EQ(a.repo->own_key.len, 0); /* it was not written here, so it is never removed here */
	CHECK_EQ(keys(&a), 1);
	CHECK(opens(&a, PASS));
	CHECK_EQ(repo_look(a.place, &state, &a.err), 0);
	CHECK_EQ(state, REPO_THERE);
	CHECK_EQ(create(&a, PASS), 0);
	CHECK(!a.made && id_equal(&a.repo->key_id, &id));
	at_release(&a);
}

TEST(a_key_that_was_not_written_here_stays)
{
	struct at a;

	/* Another password: another key. */
	at_init(&a);
	begin(&a, "somebody else's");
	CHECK_EQ(create(&a, PASS), 0);
	CHECK_EQ(a.slept, 0);
	CHECK_EQ(keys(&a), 2);
	CHECK(opens(&a, PASS) && !opens(&a, "somebody else's"));
	at_release(&a);

	/* A damaged key, and one that is used but whose config cannot be stored. */
	at_init(&a);
	begin(&a, PASS);
	fixture_spoil(a.place, BACKEND_KEY, &a.repo->key_id, false);
	CHECK_EQ(create(&a, PASS), 0);
	CHECK(strstr(a.log, "passed over"));
	CHECK_EQ(keys(&a), 2);
	CHECK(opens(&a, PASS));
	at_release(&a);

	at_init(&a);
	begin(&a, PASS);
	a.before = fail_config_put;
	CHECK_EQ(create(&a, PASS), ERR_IO);
	CHECK_EQ(keys(&a), 1);
	a.before = NULL;
	a.fails = 0;
	CHECK_EQ(create(&a, PASS), 0);
	CHECK_EQ(keys(&a), 1);
	at_release(&a);
}

static void stop_at_key(struct at *a, const struct backend_op *op, enum backend_type t)
{
	if (op && op->verb == BACKEND_PUT && t == BACKEND_KEY)
		a->stop = 1;
}

TEST(a_signal_leaves_nothing)
{
	struct at a;

	at_init(&a);
	a.stop = 1;
	CHECK_EQ(create(&a, PASS), ERR_CANCELLED);
	a.stop = 0;
	a.before = stop_at_key;
	CHECK_EQ(create(&a, PASS), ERR_CANCELLED);
	CHECK_EQ(keys(&a), 0);
	CHECK_EQ(repo_probe(a.place, NULL), ERR_NOREPO);
	at_release(&a);
}

/* Another repository's config and key. */
static struct id strangers;

static void replace_for(struct at *a, const char *pass)
{
	struct repo_spec what = {.version = 2, .cost = &cheap};
	struct backend *other = backend_mem_new();
	struct repo *r;
	struct buf b;
	struct id id;
	bool made;

	buf_init(&b, 10000);
	REQUIRE(repo_create(other, &a->f.env, &what, pass, strlen(pass), &r, &made, NULL) == 0);
	id = strangers = r->key_id;
	REQUIRE(backend_get(other, BACKEND_KEY, &id, &b, NULL) == 0);
	REQUIRE(backend_put(a->place, BACKEND_KEY, &id, b.p, b.len, NULL) == 0);
	REQUIRE(backend_get(other, BACKEND_CONFIG, NULL, &b, NULL) == 0);
	REQUIRE(backend_put(a->place, BACKEND_CONFIG, NULL, b.p, b.len, NULL) == 0);
	buf_release(&b);
	repo_close(r);
	backend_free(other);
}

/* Another's repository appears right before our config is written. */
static void other_first(struct at *a, const struct backend_op *op, enum backend_type t)
{
	if (op && op->verb == BACKEND_PUT && t == BACKEND_CONFIG) {
		a->before = NULL;
		replace_for(a, PASS);
	}
}

static void stranger_first(struct at *a, const struct backend_op *op, enum backend_type t)
{
	if (op && op->verb == BACKEND_PUT && t == BACKEND_CONFIG) {
		a->before = NULL;
		replace_for(a, "a stranger's");
	}
}

TEST(who_loses_goes_on_with_the_others_repository)
{
	struct at a;

	at_init(&a);
	a.before = other_first;
	CHECK_EQ(create(&a, PASS), 0);
	CHECK(!a.made);
	CHECK_EQ(a.repo->own_key.len, 0);
	CHECK_EQ(keys(&a), 1);
	CHECK(opens(&a, PASS));
	at_release(&a);

	at_init(&a);
	a.before = stranger_first;
	CHECK_EQ(create(&a, PASS), ERR_PASSWORD);
	CHECK(strstr(a.err.msg, "another run has just made"));
	CHECK_EQ(keys(&a), 1);
	CHECK(opens(&a, "a stranger's"));
	at_release(&a);
}

/* The other run made and filled its repository between our two looks. */
static void fill_at_listing(struct at *a, const struct backend_op *op, enum backend_type t)
{
	struct id id = fixture_id(1);

	if (!op && t == BACKEND_SNAPSHOT) {
		a->before = NULL;
		replace_for(a, PASS);
		REQUIRE(backend_put(a->place, BACKEND_SNAPSHOT, &id, "x", 1, NULL) == 0);
	}
}

TEST(a_repository_that_comes_between_two_looks)
{
	struct at a;

	at_init(&a);
	a.before = fill_at_listing;
	CHECK_EQ(create(&a, PASS), 0);
	CHECK_STR(a.err.msg, "");
	CHECK(!a.made);
	CHECK_EQ(keys(&a), 1);
	at_release(&a);
}

/* Gateways say so when their storage fails. */
static void hide_keys(struct at *a, const struct backend_op *op, enum backend_type t)
{
	a->code = ERR_NOTFOUND;
	a->fails = op && op->verb == BACKEND_GET && t == BACKEND_KEY ? 1 : 0;
	a->fails_from = a->op;
}

static void hide_others(struct at *a, const struct backend_op *op, enum backend_type t)
{
	if (op && op->verb == BACKEND_PUT && t == BACKEND_CONFIG)
		replace_for(a, PASS);
	hide_keys(a, op, t);
}

TEST(a_key_that_is_listed_and_not_found)
{
	struct at a;

	at_init(&a);
	begin(&a, PASS);
	a.before = hide_keys;
	CHECK_EQ(create(&a, PASS), ERR_IO);
	CHECK(strstr(a.err.msg, "is listed, but not found"));
	CHECK_EQ(keys(&a), 1);
	at_release(&a);

	at_init(&a);
	a.before = hide_others;
	CHECK_EQ(create(&a, PASS), ERR_IO);
	CHECK(strstr(a.err.msg, "is listed, but not found"));
	CHECK(opens(&a, PASS));
	at_release(&a);
}

/* A store that cannot create conditionally, and another password's run that has stored all it had,
 * when our config arrives. */
static void replace_stranger(struct at *a, const struct backend_op *op, enum backend_type t)
{
	if (op && op->verb == BACKEND_PUT && t == BACKEND_CONFIG) {
		a->before = NULL;
		replace_for(a, "a stranger's");
		REQUIRE(backend_remove(a->place, BACKEND_CONFIG, NULL, NULL) == 0);
	}
}

/* Its key was there when we looked. */
static enum backend_type filled;

static void fill_stranger(struct at *a, const struct backend_op *op, enum backend_type t)
{
	struct id id = fixture_id(1);

	if (op && op->verb == BACKEND_PUT && t == BACKEND_CONFIG) {
		a->before = NULL;
		REQUIRE(backend_put(a->place, filled, &id, "x", 1, NULL) == 0);
		fixture_spoil(a->place, filled, &id, false);
	}
}

static void check_replaced(const struct at *a)
{
	CHECK_EQ(a->err.code, ERR_EXISTS);
	CHECK(strstr(a->err.msg, "has replaced its config"));
	CHECK(names_key(a));
	CHECK(a->repo == NULL);
	CHECK_EQ(keys(a), 2);
}

/* It goes on, and finds that it has lost. */
static void stranger_loses(struct at *a, const struct backend_op *op, enum backend_type t)
{
	(void)op;
	(void)t;
	if (a->slept >= 2) {
		a->before = NULL;
		REQUIRE(backend_remove(a->place, BACKEND_KEY, &strangers, NULL) == 0);
	}
}

static void stranger_begins(struct at *a, const struct backend_op *op, enum backend_type t)
{
	if (op && op->verb == BACKEND_PUT && t == BACKEND_CONFIG) {
		replace_stranger(a, op, t);
		a->before = stranger_loses;
	}
}

TEST(another_passwords_repository_that_was_replaced)
{
	struct at a;

	at_init(&a);
	a.before = replace_stranger;
	create(&a, PASS);
	check_replaced(&a);
	CHECK(a.slept);
	at_release(&a);

	for (int i = 0; i < 2; i++) {
		filled = i ? BACKEND_INDEX : BACKEND_SNAPSHOT;
		at_init(&a);
		begin(&a, "somebody else's");
		a.before = fill_stranger;
		create(&a, PASS);
		check_replaced(&a);
		at_release(&a);
	}

	at_init(&a);
	a.before = stranger_begins;
	CHECK_EQ(create(&a, PASS), 0);
	CHECK(a.made && !a.before);
	CHECK_EQ(keys(&a), 1);
	at_release(&a);
}

/* Whose key another run has come to use, and who believed it of no use and took it away. */
static void take_key_away(struct at *a, const struct backend_op *op, enum backend_type t)
{
	if (op && op->verb == BACKEND_GET && t == BACKEND_CONFIG) {
		struct id id = fixture_first(a->place, BACKEND_KEY);

		a->before = NULL;
		REQUIRE(backend_remove(a->place, BACKEND_KEY, &id, NULL) == 0);
	}
}

TEST(a_key_that_is_needed_is_put_back)
{
	struct at a;

	at_init(&a);
	a.before = take_key_away;
	CHECK_EQ(create(&a, PASS), 0);
	CHECK_EQ(keys(&a), 1);
	CHECK(opens(&a, PASS));
	at_release(&a);
}

/* While our key is away, the other run gives way to it. */
static struct buf kept_config;

static void give_way(struct at *a, const struct backend_op *op, enum backend_type t)
{
	if (op && op->verb == BACKEND_REMOVE && t == BACKEND_KEY) {
		a->before = NULL;
		REQUIRE(backend_put(a->place, BACKEND_CONFIG, NULL, kept_config.p, kept_config.len,
				NULL) == 0);
	}
}

TEST(a_withdrawn_key_that_is_needed_is_put_back)
{
	struct at a;

	at_init(&a);
	buf_init(&kept_config, 10000);
	REQUIRE(create(&a, PASS) == 0);
	REQUIRE(backend_get(a.place, BACKEND_CONFIG, NULL, &kept_config, NULL) == 0);
	replace_for(&a, "a stranger's");
	a.before = give_way;
	CHECK_EQ(repo_still_ours(a.repo, &a.err), 0);
	CHECK(a.before == NULL && a.slept >= 10);
	CHECK_EQ(keys(&a), 2);
	CHECK(opens(&a, PASS));
	CHECK_EQ(repo_still_ours(a.repo, &a.err), 0);
	buf_release(&kept_config);
	at_release(&a);
}

TEST(a_config_that_was_replaced)
{
	struct repo *opened;
	struct at a;

	at_init(&a);
	REQUIRE(create(&a, PASS) == 0);
	REQUIRE(repo_open(a.place, &a.f.env, PASS, strlen(PASS), NULL, &opened, NULL) == 0);
	replace_for(&a, PASS);
	/* Who opened it removes nothing; who made it removes the key that is of no use. */
	CHECK_EQ(repo_still_ours(opened, &a.err), ERR_NOTFOUND);
	CHECK(strstr(a.err.msg, "made anew by another run"));
	CHECK_EQ(repo_save(opened, BACKEND_SNAPSHOT, "{}", 2, NULL, &a.err), ERR_IO);
	CHECK_EQ(fixture_count(a.place, BACKEND_SNAPSHOT), 0);
	CHECK(a.slept >= 10);
	CHECK_EQ(keys(&a), 2);
	CHECK_EQ(repo_still_ours(a.repo, &a.err), ERR_NOTFOUND);
	CHECK_EQ(keys(&a), 1);
	CHECK(opens(&a, PASS));
	a.slept = 0;
	CHECK_EQ(repo_still_ours(a.repo, &a.err), ERR_NOTFOUND); /* once is enough */
	CHECK_EQ(a.slept, 0);
	repo_close(opened);
	at_release(&a);

	at_init(&a);
	REQUIRE(create(&a, PASS) == 0);
	REQUIRE(backend_remove(a.place, BACKEND_CONFIG, NULL, NULL) == 0);
	CHECK_EQ(repo_still_ours(a.repo, &a.err), ERR_IO);
	CHECK(strstr(a.err.msg, "still the same"));
	CHECK_EQ(keys(&a), 1);
	/* Something that is no config, and nobody's key: the only one stays. */
	REQUIRE(backend_put(a.place, BACKEND_CONFIG, NULL, "<html>", 6, NULL) == 0);
	CHECK_EQ(repo_still_ours(a.repo, &a.err), ERR_NOTFOUND);
	CHECK_EQ(keys(&a), 1);
	CHECK(names_key(&a));
	at_release(&a);

	/* A store that does not answer proves nothing. */
	at_init(&a);
	REQUIRE(create(&a, PASS) == 0);
	a.fails_from = 1;
	a.fails = 1000;
	CHECK_EQ(repo_still_ours(a.repo, &a.err), ERR_IO);
	CHECK_EQ(keys(&a), 1);
	a.fails = 0;
	CHECK_EQ(repo_still_ours(a.repo, &a.err), 0);
	at_release(&a);
}
