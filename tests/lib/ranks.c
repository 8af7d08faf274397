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
	env_init(env);
	env_start(env, workers, workers, (size_t)64 << 20);
	env->log = (struct log){.max = LOG_WARN, .fn = print};
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
	env_release(&env);
	return rc;
}

int ranks_test(int n, uint64_t seed, ranks_fn *fn, void *arg)
{
	return ranks_run(n, run, &(struct ranks){fn, arg, seed});
}
