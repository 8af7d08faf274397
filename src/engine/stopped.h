/* stopped: the flag that a signal handler sets, as all threads of the engine look at it. */
#ifndef ENGINE_STOPPED_H
#define ENGINE_STOPPED_H
#include <stdbool.h>
#include <stddef.h>

/* Values of the flag: end at once; or: end, but store what is under way, for there is some time. */
enum engine_stop { ENGINE_STOP = 1, ENGINE_WIND_UP = 2 };

/* engine_stopped: stop may be NULL: nobody can stop it. */
static inline bool engine_stopped(const volatile int *stop)
{
	return stop && __atomic_load_n(stop, __ATOMIC_RELAXED);
}

static inline bool engine_winds_up(const volatile int *stop)
{
	return stop && __atomic_load_n(stop, __ATOMIC_RELAXED) == ENGINE_WIND_UP;
}

#endif
