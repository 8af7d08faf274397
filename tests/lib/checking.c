#include "lib/checking.h"
#include "lib/ranks.h"
#include "ranks/agree.h"
#include "unit/check.h"

static int one(void *arg, struct comm *comm, const struct env *env)
{
	struct checking *k = arg;
	struct router *r = router_new(comm, env);
	struct agree *a = agree_new(r);
	struct repo *repo = repo_adopt(k->be, env, &k->repo->config, &k->repo->master);
	struct check_events none = {.error = NULL};
	struct check_result res;
	struct err e = {0};
	int rc = check_run(r, a, repo, env, &k->opt, comm->rank ? &none : k->ev, k->stop, &res, &e);

	CHECK_EQ(rc, e.code);
	if (comm->rank == 0) {
		k->res = res;
		k->code = rc;
		k->err = e;
	} else {
		CHECK_EQ(res.errors + res.hints + res.n_broken + res.packs_read, 0);
		check_result_release(&res);
	}
	CHECK_EQ(budget_used(env->budget), 0);
	repo_close(repo);
	agree_free(a);
	router_free(r);
	return -rc;
}

void checking_run(struct checking *k)
{
	int worst = ranks_test(k->ranks ? k->ranks : 1, k->seed, one, k);

	CHECK_EQ(worst, -k->code);
}
