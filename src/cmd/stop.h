/*
 * stop: a run that must end early: a signal came, the lock was lost, or access to the store ends soon.  One per process.
 *
 * The flag is set in the signal handler; a watcher thread then does what a handler may not: it wakes the loops and cuts short the waits of the backends.
 * A second SIGINT, a second or more after the first, ends the process at once.
 */
#ifndef CMD_STOP_H
#define CMD_STOP_H
#include "backend/backend.h"
#include "base/loop.h"

struct stop;
struct stop *stop_new(void);                         /* no signal is caught yet */
void stop_catch(struct stop *s);                     /* SIGINT, SIGTERM and SIGHUP from now on; an ignored one stays ignored.  Once */
void stop_free(struct stop *s);                      /* default actions again; NULL is fine */
const volatile int *stop_flag(const struct stop *s); /* enum engine_stop; for __atomic_load_n */
bool stop_requested(const struct stop *s);           /* the flag is set */
bool stop_signalled(const struct stop *s);           /* it was a signal: exit code 130 */
void stop_request(struct stop *s);                   /* by the program itself: any thread */
void stop_wind_up(struct stop *s); /* likewise, but there is time to store what is under way; a stop of the other kinds is stronger */
bool stop_sleep(struct stop *s, int64_t ns); /* true: cut short by a stop */

/* What is to be woken; each must be taken out before it is freed.  NULL is fine. */
void stop_add_loop(struct stop *s, struct loop *l);
void stop_drop_loop(struct stop *s, struct loop *l);
void stop_add_backend(struct stop *s, struct backend *b);
void stop_drop_backend(struct stop *s, struct backend *b);

#endif
