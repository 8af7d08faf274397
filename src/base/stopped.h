/* stopped: the flag that a signal handler sets, or the program itself, as all threads look at it.
 */
#ifndef BASE_STOPPED_H
#define BASE_STOPPED_H
#include <stdbool.h>
#include <stddef.h>

/* Values of the flag, each stronger than the one before. */
enum stopped_how {
	STOPPED_NOT,
	STOPPED_EARLY,  /* end in good order: there is some time */
	STOPPED_SIGNAL, /* end: there is a limit */
	STOPPED_FAIL,   /* likewise, because the program cannot go on */
	STOPPED_LOST    /* likewise, and publish nothing any more: the lock is gone */
};

/* stopped_how, stopped_set: flag may be NULL: nobody can stop it.  Any thread. */
static inline enum stopped_how stopped_how(const volatile int *flag)
{
	return flag ? (enum stopped_how)__atomic_load_n(flag, __ATOMIC_RELAXED) : STOPPED_NOT;
}

static inline bool stopped_set(const volatile int *flag)
{
	return stopped_how(flag) != STOPPED_NOT;
}

#endif
