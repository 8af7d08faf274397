#include "lib/pruning.h"
#include "format/pack.h"
#include "lib/ranks.h"
#include "ranks/agree.h"
#include "unit/check.h"

static int one(void *arg, struct comm *comm, const struct env *env)
{
	static const volatile int never;
	static const struct prune_events none;
	struct pruning *k = arg;
	struct router *r = router_new(comm, env);
	struct agree *a = agree_new(r);
	struct repo *repo = repo_adopt(k->be, env, &k->repo->config, &k->repo->master);
	struct prune_options opt = k->opt;
	struct prune_result res;
	struct err e = {0};
	int rc;

	if (!opt.pack_size)
		opt.pack_size = PACK_SIZE_MIN;
	if (!opt.rules.max_repack)
		opt.rules.max_repack = UINT64_MAX;
	if (comm->rank == 0 && k->lock)
		opt.lock = k->lock(k, repo);
	rc = prune_run(r, a, repo, env, &opt, comm->rank || !k->ev ? &none : k->ev,
		k->stop ? k->stop : &never, &res, &e);
	CHECK_EQ(rc, e.code);
	lock_release(opt.lock);
	if (comm->rank == 0) {
		k->res = res;
		k->code = rc;
		k->err = e;
	}
	CHECK_EQ(budget_used(env->budget), 0);
	repo_close(repo);
	agree_free(a);
	router_free(r);
	return -rc;
}

void pruning_run(struct pruning *k)
{
	int worst = ranks_test(k->ranks ? k->ranks : 1, k->seed, one, k);

	CHECK_EQ(worst, -k->code);
}
