#include "repo/keys.h"
#include "lib/gate.h"
#include "unit/repo_fixture.h"

/* Keys that cost nothing. */
static const struct kdf_params cheap = {.n = 2, .r = 1, .p = 1};
static const struct repo_owner who = {"user", "host"};

struct world {
	struct fixture f;
	struct backend *store, *be;
	struct repo *r;
};

static void world_init(struct world *w,
	int (*hook)(void *arg, const struct backend_op *op, enum backend_type t), void *arg)
{
	struct repo_spec what = {.version = 2, .who = who, .cost = &cheap};
	struct err err = {0};
	bool mine;

	fixture_env(&w->f);
	w->store = backend_mem_new();
	REQUIRE(repo_create(w->store, &w->f.env, &what, "old", 3, &w->r, &mine, &err) == 0);
	repo_close(w->r);
	w->be = hook ? gate_new(backend_share(w->store), hook, arg) : backend_share(w->store);
	REQUIRE(repo_open(w->be, &w->f.env, "old", 3, NULL, &w->r, &err) == 0);
}

static void world_release(struct world *w)
{
	repo_close(w->r);
	backend_free(w->be);
	backend_free(w->store);
	fixture_release(&w->f);
}

static bool opens(struct world *w, const char *pass)
{
	struct repo *r = NULL;
	int rc = repo_open(w->store, &w->f.env, pass, strlen(pass), NULL, &r, NULL);

	repo_close(r);
	return !rc;
}

struct seen {
	size_t n, bad;
	char names[64];
};

static int see(void *arg, const struct id *id, const struct keyfile *k, const struct err *e)
{
	struct seen *s = arg;

	(void)id;
	s->n++;
	if (!k) {
		s->bad++;
		CHECK(e->code != 0 && *e->msg);
	} else {
		strcat(s->names, k->username);
	}
	return 0;
}

TEST(add_list_and_remove)
{
	struct repo_owner other = {"u2", "h2"};
	struct world w;
	struct id first, id;
	struct err err = {0};
	struct seen s = {0};

	world_init(&w, NULL, NULL);
	first = w.r->key_id;
	REQUIRE(!keys_add(w.r, &other, &cheap, "new", 3, &id, &err));
	CHECK(opens(&w, "old") && opens(&w, "new") && !opens(&w, "else"));
	CHECK_EQ(keys_each(w.r, see, &s, &err), 0);
	CHECK_EQ(s.n, 2);
	CHECK(strstr(s.names, "user") && strstr(s.names, "u2"));

	/* The one in use stays, whatever it is called. */
	CHECK_EQ(keys_remove(w.r, &first, &err), ERR_USAGE);
	CHECK(opens(&w, "old"));
	REQUIRE(!keys_remove(w.r, &id, &err));
	CHECK(!opens(&w, "new"));
	CHECK_EQ(keys_remove(w.r, &id, &err), 0); /* as removing is everywhere */
	world_release(&w);
}

TEST(replace)
{
	struct world w;
	struct id first, id;
	struct err err = {0};

	world_init(&w, NULL, NULL);
	first = w.r->key_id;
	REQUIRE(!keys_add(w.r, &who, &cheap, "new", 3, &id, &err));
	REQUIRE(!keys_replace(w.r, &id, &err));
	CHECK(!opens(&w, "old") && opens(&w, "new"));
	CHECK(id_equal(&w.r->key_id, &id) && !id_equal(&id, &first));
	CHECK_EQ(keys_remove(w.r, &id, &err), ERR_USAGE);
	world_release(&w);
}

/* A key that cannot be read is told of, and the others are listed. */
TEST(a_damaged_key)
{
	struct world w;
	struct id id;
	struct err err = {0};
	struct seen s = {0};

	world_init(&w, NULL, NULL);
	REQUIRE(!keys_add(w.r, &who, &cheap, "new", 3, &id, &err));
	fixture_spoil(w.store, BACKEND_KEY, &id, false);
	CHECK_EQ(keys_each(w.r, see, &s, &err), 0);
	CHECK_EQ(s.n, 2);
	CHECK_EQ(s.bad, 1);
	world_release(&w);
}

struct faults {
	enum backend_verb verb;
	int after; /* so many of these operations are right */
	int code;
};

static int fail(void *arg, const struct backend_op *op, enum backend_type t)
{
	struct faults *f = arg;

	if (!op || t != BACKEND_KEY || op->verb != f->verb || !f->code)
		return 0;
	return f->after-- > 0 ? 0 : f->code;
}

/* What could not be stored, or not be read back, is no key: it is gone, or named. */
TEST(a_new_key_that_does_not_open)
{
	struct faults f = {.verb = BACKEND_PUT};
	struct world w;
	struct id id;
	struct err err = {0};

	world_init(&w, fail, &f);
	f.code = ERR_DENIED;
	CHECK_EQ(keys_add(w.r, &who, &cheap, "new", 3, &id, &err), ERR_DENIED);
	CHECK_EQ(fixture_count(w.store, BACKEND_KEY), 1);
	f = (struct faults){.verb = BACKEND_GET, .code = ERR_DENIED};
	CHECK_EQ(keys_add(w.r, &who, &cheap, "new", 3, &id, &err), ERR_DENIED);
	CHECK_EQ(fixture_count(w.store, BACKEND_KEY), 1);
	CHECK(opens(&w, "old") && !opens(&w, "new"));
	world_release(&w);
}

TEST(a_new_key_that_cannot_be_removed)
{
	struct faults f = {.verb = BACKEND_REMOVE};
	struct world w;
	struct id id;
	struct err err = {0};

	world_init(&w, fail, &f);
	REQUIRE(!keys_add(w.r, &who, &cheap, "new", 3, &id, &err));
	f.code = ERR_DENIED;
	/* The old one counts as the one in use again. */
	CHECK_EQ(keys_replace(w.r, &id, &err), ERR_DENIED);
	CHECK(opens(&w, "old") && opens(&w, "new"));
	f.code = 0;
	REQUIRE(!keys_remove(w.r, &id, &err));
	CHECK(opens(&w, "old") && !opens(&w, "new"));
	world_release(&w);
}
