/*
 * stop: a run that must end early: a signal came, the lock was lost, or access to the store ends
 * soon.  One per process.
 *
 * The flag is set in the signal handler; a watcher thread then does what a handler may not.  At
 * once it wakes the loops and cuts short the waits of the backends: in most cases the
 * run ends by itself; a backup stores what it has begun first (stop_drain_ns).  Where that takes
 * too long (a read or a store that hangs, a reader of standard output that stands still) it gives
 * up, in steps, within the limit:
 *
 *     uploads and downloads under way end with an error, after which most runs end by themselves
 *     then a rescue (base/rescue.h) on a thread of its own: the index of what is acknowledged is
 *     saved, the lock removed, and the process ends, whatever its threads do
 *     where even that hangs, the process ends
 *
 * Some ends are asked for in good time (stop_early): a command that can drain has until then for
 * it, and only from then on the limit counts.
 *
 * A second SIGINT or SIGTERM, 2 s or more after the first, begins with these steps at once, and
 * all of them take less than 5 s; a third ends the process at once.
 */
#ifndef CMD_STOP_H
#define CMD_STOP_H
#include "backend/backend.h"
#include "base/loop.h"

/* Why a run is to end early; the first one counts. */
enum stop_why {
	STOP_NOT,
	STOP_ASKED, /* SIGUSR1 or SIGUSR2 */
	STOP_TIME,  /* its time, or its job's, ends */
	STOP_TOKEN  /* access to the store ends */
};

struct stop;
struct stop *stop_new(void); /* no signal is caught yet */
/*
 * stop_catch: from now on SIGINT, SIGTERM and SIGHUP, and of the other signals that ask for an end
 * (QUIT, USR1, USR2, XCPU, ALRM, VTALRM, PROF, PWR, IO, the real-time ones) those that nobody else
 * has a use for.  An ignored one stays ignored.  Once.
 */
void stop_catch(struct stop *s);
void stop_free(struct stop *s);                      /* default actions again; NULL is fine */
const volatile int *stop_flag(const struct stop *s); /* enum stopped_how (base/stopped.h) */
bool stop_requested(const struct stop *s);           /* the flag is set */
bool stop_signalled(const struct stop *s);           /* it was a signal: exit code 130 */
void stop_request(struct stop *s);                   /* by the program itself: any thread */
void stop_told(struct stop *s); /* another rank was stopped: as if the signal had come here, unless
				   this one is stopped already */
void stop_lost(struct stop *s); /* likewise, because the lock is gone: any thread */
/* stop_early: end in good order: there are left_ns for what is under way; a stop of the other kinds
 * is stronger.  stop_early_ns: how long there was then, for struct run_ops. */
void stop_early(struct stop *s, enum stop_why why, int64_t left_ns);
const int64_t *stop_early_ns(const struct stop *s);
enum stop_why stop_why(const struct stop *s);
/*
 * stop_drains: this command can drain: from now on SIGUSR2 is a stop_early with so much time, and
 * so is SIGUSR1 in a job (where Slurm sends it some time before the end).  Elsewhere SIGUSR1 asks
 * how far it is, as restic's users expect: stop_asks is true, once.
 */
#define STOP_DRAIN ((int64_t)60 * 1000000000) /* --drain-time, unless it is given */
void stop_drains(struct stop *s, int64_t ns, bool in_job);
bool stop_asks(struct stop *s);
bool stop_sleep(struct stop *s, int64_t ns); /* true: cut short by a stop */

#define STOP_LIMIT ((int64_t)20 * 1000000000)
void stop_limit(struct stop *s,
	int64_t ns); /* how long an end may take; default STOP_LIMIT, at least 1 s.  Any thread */
/* stop_drain_ns: for so long after a signal what is begun may still be stored (ranks/run.h); then
 * there is as much time again before transfers are given up. */
int64_t stop_drain_ns(const struct stop *s);
/* stop_follow: this process is one of several and not the one that leads: it gives up last, for a
 * launcher ends the others when one is gone. */
void stop_follow(struct stop *s);
/*
 * stop_exhausted: there is no memory for the calling thread, which may hold any lock: it waits here
 * until the process has ended by a rescue, within 5 s; at once if there is nothing to rescue here.
 */
void stop_exhausted(struct stop *s) __attribute__((noreturn));
/* stop_last_words: what to say when the process ends by a rescue; on any thread, and must not wait.
 */
void stop_last_words(struct stop *s, void (*say)(void *arg, int exit_code), void *arg);
struct rescue *stop_rescue(struct stop *s); /* where to register what must be put in order */

/* What is to be woken; each must be taken out before it is freed.  NULL is fine. */
void stop_add_loop(struct stop *s, struct loop *l);
void stop_drop_loop(struct stop *s, struct loop *l);
void stop_add_backend(struct stop *s, struct backend *b);
void stop_drop_backend(struct stop *s, struct backend *b);

#endif
