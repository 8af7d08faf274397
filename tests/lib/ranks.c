#include "lib/ranks.h"
#include "ranks/ranks.h"
#include "lib/jitter.h"
#include <stdio.h>

static void print(void *arg, enum log_level level, const char *msg)
{
	(void)arg;
	(void)level;
	fprintf(stderr, "log: %s\n", msg);
}

void ranks_env_init(struct env *env, unsigned workers)
{
	*env = (struct env){.clock = clock_real(),
		.rnd = rnd_real(),
		.log = {.max = LOG_WARN, .fn = print}};
	env->loop = loop_new();
	env->cpu = jobs_new(workers, env->loop, "cpu");
	env->readers = jobs_new(workers, env->loop, "read");
	env->budget = budget_new((size_t)64 << 20);
}

void ranks_env_release(struct env *env)
{
	jobs_free(env->cpu);
	jobs_free(env->readers);
	budget_free(env->budget);
	loop_free(env->loop);
}

struct ranks {
	ranks_fn *fn;
	void *arg;
	uint64_t seed;
};

static int run(void *arg, struct comm *c)
{
	struct ranks *r = arg;
	struct comm *j = r->seed ? jitter_new(c, r->seed) : NULL;
	struct env env;
	int rc;

	ranks_env_init(&env, 2);
	rc = r->fn(r->arg, j ? j : c, &env);
	comm_free(j);
	ranks_env_release(&env);
	return rc;
}

int ranks_test(int n, uint64_t seed, ranks_fn *fn, void *arg)
{
	return ranks_run(n, run, &(struct ranks){fn, arg, seed});
}
