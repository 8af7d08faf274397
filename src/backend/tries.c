#include "backend/tries.h"

#define SECOND INT64_C(1000000000)

int64_t tries_wait(const struct tries *t, const struct backend_retry_policy *p,
	const struct env *env, int64_t pause)
{
	int64_t step = p->first_ns, left = p->total_ns - (clock_mono(env->clock) - t->began), own,
		some, wait;
	uint64_t dice;

	for (unsigned i = 1; i < t->n && step < p->max_ns; i++)
		step *= 2;
	if (step > p->max_ns)
		step = p->max_ns;
	rnd_fill(env->rnd, &dice, sizeof(dice));
	some = (int64_t)(dice % (uint64_t)(step + 1));
	own = wait = step / 2 + some;
	if (pause > p->total_ns / 3)
		pause = p->total_ns / 3;
	if (wait < pause)
		wait = pause + some;
	if (t->n > 1 && wait > left)
		wait = own > left ? -1 : left;
	return wait;
}

int64_t tries_failed(const struct tries *t, const struct backend_retry_policy *p,
	const struct env *env, const char *what, bool again, int64_t pause, struct err *e)
{
	int64_t wait = again ? tries_wait(t, p, env, pause) : -1;

	if (wait >= 0) {
		log_msg(&env->log, LOG_WARN, "%s: %s; trying again in %lld.%lld s", what, e->msg,
			(long long)(wait / SECOND), (long long)(wait % SECOND / (SECOND / 10)));
	} else if (t->n > 1) {
		struct err last = *e;

		err_set(e, last.code, "%s (after %u tries)", last.msg, t->n);
	}
	return wait;
}
