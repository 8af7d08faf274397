#include "base/env.h"

void env_init(struct env *e)
{
	*e = (struct env){.clock = clock_real(), .rnd = rnd_real(), .loop = loop_new()};
}

void env_start(struct env *e, size_t cpu, size_t readers, size_t bytes)
{
	e->cpu = jobs_new(cpu, e->loop, "cpu");
	e->readers = jobs_new(readers, e->loop, "read");
	e->budget = budget_new(bytes);
}

void env_stop(struct env *e)
{
	jobs_free(e->readers);
	jobs_free(e->cpu);
	e->readers = e->cpu = NULL;
	while (loop_run(e->loop))
		;
}

void env_release(struct env *e)
{
	if (!e->loop)
		return;
	env_stop(e);
	budget_free(e->budget);
	loop_free(e->loop);
	*e = (struct env){0};
}
