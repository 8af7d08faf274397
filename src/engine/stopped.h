/* stopped: the flag that a signal handler sets, as all threads of the engine look at it. */
#ifndef ENGINE_STOPPED_H
#define ENGINE_STOPPED_H
#include <stdbool.h>
#include <stddef.h>

/* engine_stopped: stop may be NULL: nobody can stop it. */
static inline bool engine_stopped(const volatile int *stop)
{
	return stop && __atomic_load_n(stop, __ATOMIC_RELAXED);
}

#endif
