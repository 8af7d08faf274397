#include "engine/join.h"
#include "dist/ranks.h"
#include "lib/ranks.h"
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
