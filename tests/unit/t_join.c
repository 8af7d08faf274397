#include "lib/stores.h"
#include "engine/join.h"
#include "ranks/ranks.h"
#include "lib/ranks.h"
#include "lib/rig.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

#define RANKS 5

struct joined {
	struct backend *be;
	struct config config;
	struct seal_key key;
	bool fail;
	int code[RANKS];
	char msg[RANKS][256];
};

static int one_rank(void *arg, struct comm *c, const struct env *env)
{
	struct joined *j = arg;
	struct router *r = router_new(c, env);
	struct agree *a = agree_new(r);
	struct repo *repo = NULL;
	struct err e = {0};
	int rc;

	if (c->rank == 0 && j->fail)
		err_set(&e, ERR_PASSWORD, "no key fits");
	else if (c->rank == 0)
		repo = repo_adopt(j->be, env, &j->config, &j->key);
	rc = join_repo(a, r, j->be, env, &repo, &e);
	j->code[c->rank] = rc;
	snprintf(j->msg[c->rank], sizeof(j->msg[0]), "%.255s", e.msg);
	CHECK_EQ(e.code, rc);
	if (rc == 0) {
		CHECK(repo && repo->be == j->be && repo->env == env);
		CHECK_EQ(repo->config.version, 1);
		CHECK_EQ(repo->config.polynomial, j->config.polynomial);
		CHECK(id_equal(&repo->config.id, &j->config.id));
		CHECK_MEM(&repo->master, &j->key, sizeof(j->key));
	} else {
		CHECK(repo == NULL);
	}
	repo_close(repo);
	agree_free(a);
	router_free(r);
	return 0;
}

static void run(struct joined *j, int ranks, uint64_t seed)
{
	j->be = backend_mem_new();
	CHECK_EQ(ranks_test(ranks, seed, one_rank, j), 0);
	backend_free(j->be);
}

TEST(all_ranks_get_config_and_key)
{
	struct joined j = {.config = {.version = 1, .polynomial = 0x3da3358b4dc173}};

	memset(&j.config.id, 0xab, sizeof(j.config.id));
	for (size_t i = 0; i < sizeof(j.key); i++)
		((uint8_t *)&j.key)[i] = (uint8_t)(i * 7 + 1);
	for (int n = 1; n <= RANKS; n++)
		run(&j, n, (uint64_t)n);
}

TEST(an_error_reaches_all)
{
	struct joined j = {.fail = true};

	for (int n = 1; n <= RANKS; n++) {
		run(&j, n, (uint64_t)n);
		for (int i = 0; i < n; i++) {
			CHECK_EQ(j.code[i], ERR_PASSWORD);
			CHECK_STR(j.msg[i], "no key fits");
		}
	}
}

/* ---- is it the same repository? ---- */

struct same {
	struct backend *be[RANKS]; /* each rank's way */
	struct repo *repo;         /* rank 0's */
	bool no_lock;
	int code[RANKS];
	char msg[RANKS][512];
};

static void no_sleep(void *arg, int64_t ns)
{
	(void)arg;
	(void)ns;
}

static int look_alike(void *arg, struct comm *c, const struct env *given)
{
	struct same *t = arg;
	struct clock quick = *clock_real();
	struct env env = *given;
	struct lock_owner who = {.hostname = "h", .username = "u", .pid = 1};
	struct router *r;
	struct agree *a;
	struct repo *repo = NULL;
	struct lock *lock = NULL;
	struct err e = {0};
	char name[16];

	snprintf(name, sizeof(name), "n%d", c->rank);
	env.node = name;
	quick.sleep_ns = no_sleep;
	env.clock = &quick;
	r = router_new(c, &env);
	a = agree_new(r);
	if (c->rank == 0) {
		CHECK_EQ(repo_open(t->be[0], &env, "x", 1, NULL, &repo, &e), 0);
		if (!t->no_lock)
			CHECK_EQ(lock_acquire(repo, &who, false, 0, &lock_timing_default, NULL,
					 NULL, &lock, &e),
				0);
	}
	CHECK_EQ(join_repo(a, r, t->be[c->rank], &env, &repo, &e), 0);
	t->code[c->rank] = join_same(a, r, repo, lock, "the place", &e);
	CHECK_EQ(e.code, t->code[c->rank]);
	snprintf(t->msg[c->rank], sizeof(t->msg[0]), "%.511s", e.msg);
	lock_release(lock);
	repo_close(repo);
	agree_free(a);
	router_free(r);
	return 0;
}

/* All ranks end alike; with this in the message (NULL: well). */
static void same(struct same *t, int ranks, const char *const *want)
{
	CHECK_EQ(ranks_test(ranks, 7, look_alike, t), 0);
	for (int i = 0; i < ranks; i++) {
		CHECK_EQ(t->code[i], want ? ERR_INVALID : 0);
		for (const char *const *w = want; w && *w; w++)
			CHECK(strstr(t->msg[i], *w) != NULL);
	}
}

TEST(every_way_leads_to_one_repository)
{
	static const char *const none[] = {"rank 2: node n2: the place is not", "no config", NULL};
	static const char *const other[] = {"rank 2: node n2: the place is not", "another config",
		NULL};
	static const char *const copy[] = {"rank 2: node n2: the place is not",
		"lock of this run is not there", NULL};
	struct backend *be = backend_mem_new(), *two = backend_mem_new(),
		       *three = backend_mem_new();
	struct same t = {.be = {be, be, two, be, be}};
	struct buf config;

	rig_init_repo(be, 0x3da3358b4dc173);
	same(&t, 3, none);
	rig_init_repo(three, 0x3da3358b4dc173);
	t.be[2] = three;
	same(&t, 3, other);
	buf_init(&config, 1 << 20);
	REQUIRE(backend_get(be, BACKEND_CONFIG, NULL, &config, NULL) == 0 &&
		backend_put(two, BACKEND_CONFIG, NULL, config.p, config.len, NULL) == 0);
	t.be[2] = two;
	same(&t, 3, copy);
	/* Nothing is stored without a lock; then the config is all there is to be compared. */
	t.no_lock = true;
	same(&t, 3, NULL);
	t.be[2] = three;
	same(&t, 3, other);
	t.no_lock = false;
	t.be[2] = be;
	for (int n = 1; n <= RANKS; n++)
		same(&t, n, NULL);
	buf_release(&config);
	backend_free(be);
	backend_free(two);
	backend_free(three);
}
