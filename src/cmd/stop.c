#include "cmd/stop.h"
#include "base/mem.h"
#include "base/rescue.h"
#include "base/stopped.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND    INT64_C(1000000000)
#define SIGNALS   65           /* and one more than the largest number of a signal */
#define GIVING_UP (5 * SECOND) /* for all steps of giving up; less where the limit is short */
#define AGAIN                                                                                      \
	(2 * SECOND) /* between the first signal and one that is a second thought, not an echo */
#define AT_ONCE      (1 * SECOND) /* likewise, to the third */
#define EXIT_STOPPED 130
#define STACK        ((size_t)1 << 20) /* of a rescue: there may be little room */

enum step { STEP_NONE, STEP_GIVE_UP, STEP_RESCUE, STEP_UNLOCK, STEP_EXIT, STEPS };

struct stop {
	volatile int flag; /* enum stopped_how; set by the handler or any thread, read by any:
			      __atomic_* */
	volatile sig_atomic_t signalled;
	/* CLOCK_MONOTONIC, 0: not yet; by the handler or any thread: __atomic_* */
	int64_t stopped_at; /* from when on the limit counts: now, or when an early end has had its
			       time */
	int64_t early_ns, drain_ns;
	int why; /* enum stop_why */
	bool drains, in_job;
	volatile sig_atomic_t asks;
	int64_t asked_at; /* the first INT or TERM */
	int64_t urged_at; /* the second */
	int64_t limit;
	int wake; /* an eventfd: written by the handler and by stop_request */
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	pthread_t watcher;
	bool quit, caught, follows;
	enum step done; /* the watcher's */
	bool rescuing;  /* under lock: a thread is, and will end the process */
	struct rescue *rescue;
	void (*say)(void *arg, int exit_code);
	void *say_arg;
	atomic_bool said;
	bool was_caught[SIGNALS];
	struct loop **loop;
	size_t loops;
	struct backend **backend;
	size_t backends;
};

static struct stop *stop_current; /* for the handler, which gets no argument */

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void set_once(int64_t *at, int64_t now)
{
	int64_t none = 0;

	__atomic_compare_exchange_n(at, &none, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void set_sooner(int64_t *at, int64_t then)
{
	int64_t old = __atomic_load_n(at, __ATOMIC_RELAXED);

	while ((!old || old > then) && !__atomic_compare_exchange_n(at, &old, then, false,
					       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* Async-signal-safe. */
static void wake(struct stop *s)
{
	static const uint64_t one = 1;

	while (write(s->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* Async-signal-safe. */
static void raise_flag(struct stop *s, enum stopped_how how)
{
	int old = __atomic_load_n(&s->flag, __ATOMIC_RELAXED);

	while (old < (int)how && !__atomic_compare_exchange_n(&s->flag, &old, (int)how, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* The run is to end within the limit. */
static void end_within_limit(struct stop *s, enum stopped_how how)
{
	set_sooner(&s->stopped_at, now_ns());
	raise_flag(s, how);
	wake(s);
}

/* Async-signal-safe. */
void stop_early(struct stop *s, enum stop_why why, int64_t left_ns)
{
	int none = STOP_NOT;

	if (!__atomic_compare_exchange_n(&s->why, &none, (int)why, false, __ATOMIC_RELAXED,
		    __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&s->early_ns, left_ns > 0 ? left_ns : 0, __ATOMIC_RELAXED);
	set_sooner(&s->stopped_at, now_ns() + (left_ns > 0 ? left_ns : 0));
	raise_flag(s, STOPPED_EARLY);
	wake(s);
}

/* Async-signal-safe.  True: it is no order to end at once. */
static bool usr_signal(struct stop *s, int sig)
{
	if (!s->drains || (sig != SIGUSR1 && sig != SIGUSR2))
		return false;
	if (sig == SIGUSR1 && !s->in_job)
		s->asks = 1;
	else
		stop_early(s, STOP_ASKED, s->drain_ns);
	return true;
}

static void on_signal(int sig)
{
	struct stop *s = stop_current;
	enum stopped_how how = STOPPED_SIGNAL;
	int64_t now, asked, urged;
	int e = errno;

	if (!s)
		return;
	if (usr_signal(s, sig)) {
		errno = e;
		return;
	}
	now = now_ns();
	if (sig == SIGINT || sig == SIGTERM) {
		asked = __atomic_load_n(&s->asked_at, __ATOMIC_RELAXED);
		urged = __atomic_load_n(&s->urged_at, __ATOMIC_RELAXED);
		if (urged && now - urged >= AT_ONCE)
			_exit(EXIT_STOPPED);
		if (asked && now - asked >= AGAIN) {
			set_once(&s->urged_at, now);
			how = STOPPED_FAIL;
		}
		set_once(&s->asked_at, now);
	}
	s->signalled = 1;
	end_within_limit(s, how);
	errno = e;
}

/* ---- giving up ---- */

static int exit_code(const struct stop *s)
{
	return s->signalled ? EXIT_STOPPED : 1;
}

static _Noreturn void end_process(struct stop *s)
{
	if (s->say && !atomic_exchange(&s->said, true))
		s->say(s->say_arg, exit_code(s));
	_exit(exit_code(s));
}

static void *rescue_main(void *arg)
{
	struct stop *s = arg;

	rescue_run(s->rescue, RESCUE_INDEX);
	rescue_run(s->rescue, RESCUE_LOCK);
	end_process(s);
}

/* Where saving the index hangs, the lock is removed all the same; not before it must be, for
 * nothing is published without it. */
static void *unlock_main(void *arg)
{
	struct stop *s = arg;

	if (rescue_run(s->rescue, RESCUE_LOCK))
		end_process(s);
	return NULL;
}

static void start_thread(struct stop *s, void *(*fn)(void *arg))
{
	pthread_attr_t attr;
	pthread_t t;

	/* The watcher blocks all signals, and so does what it starts.  Nobody waits for it: it may
	 * end the process before this function returns. */
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_create(&t, &attr, fn, s);
	pthread_attr_destroy(&attr);
}

/* How much of the limit the steps have. */
static int64_t steps_ns(int64_t limit)
{
	return limit < 2 * GIVING_UP ? limit / 2 : GIVING_UP;
}

/* When a step is due. */
static int64_t step_at(const struct stop *s, enum step step)
{
	static const int part[STEPS] =
		{[STEP_GIVE_UP] = 0, [STEP_RESCUE] = 30, [STEP_UNLOCK] = 80, [STEP_EXIT] = 95};
	int64_t limit = __atomic_load_n(&s->limit, __ATOMIC_RELAXED),
		at = __atomic_load_n(&s->stopped_at, __ATOMIC_RELAXED);
	int64_t steps = steps_ns(limit), urged = __atomic_load_n(&s->urged_at, __ATOMIC_RELAXED);

	at += limit - steps;
	if (urged && urged < at)
		at = urged;
	/* Only rank 0 has an index and a lock to rescue. */
	return at + (s->follows && step > STEP_GIVE_UP ? steps : steps * part[step] / 100);
}

/* Under the lock. */
static void step_do(struct stop *s, enum step step)
{
	switch (step) {
	case STEP_GIVE_UP:
		for (size_t i = 0; i < s->backends; i++)
			backend_give_up(s->backend[i]);
		break;
	case STEP_RESCUE:
		s->rescuing = !s->follows;
		if (s->rescuing)
			start_thread(s, rescue_main);
		break;
	case STEP_UNLOCK:
		if (s->rescuing)
			start_thread(s, unlock_main);
		break;
	default:
		end_process(s);
	}
}

/* Does what is due; milliseconds until the next step, -1: none is to come.  Under the lock. */
static int steps_due(struct stop *s)
{
	int64_t left = 0;

	if (!__atomic_load_n(&s->stopped_at, __ATOMIC_RELAXED))
		return -1;
	while (s->done < STEP_EXIT && (left = step_at(s, s->done + 1) - now_ns()) <= 0)
		step_do(s, ++s->done);
	return s->done < STEP_EXIT ? (int)(left / 1000000) + 1 : -1;
}

/* Requests that failed are not tried again for long. */
static bool at_once(const struct stop *s)
{
	return stopped_how(&s->flag) > STOPPED_EARLY;
}

static void *watch(void *arg)
{
	struct stop *s = arg;
	struct pollfd p = {.fd = s->wake, .events = POLLIN};
	int pause = -1;
	uint64_t n;
	bool quit;

	do {
		poll(&p, 1, pause);
		if (read(s->wake, &n, sizeof(n)) < 0)
			n = 0;
		pthread_mutex_lock(&s->lock);
		quit = s->quit;
		for (size_t i = 0; i < s->backends && at_once(s) && n && !quit; i++)
			backend_retry_cancel(s->backend[i]);
		pause = quit ? -1 : steps_due(s);
		for (size_t i = 0; i < s->loops && !quit; i++)
			loop_poke(s->loop[i]);
		pthread_cond_broadcast(&s->stopped);
		pthread_mutex_unlock(&s->lock);
	} while (!quit);
	return NULL;
}

/* ---- life ---- */

struct stop *stop_new(void)
{
	struct stop *s = mem_zalloc(sizeof(*s));
	pthread_condattr_t attr;

	s->limit = STOP_LIMIT;
	s->rescue = rescue_new();
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->stopped, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

static bool wanted(int sig)
{
	static const int named[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU,
		SIGALRM, SIGVTALRM, SIGPROF, SIGPWR, SIGIO};

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (sig == named[i])
			return true;
	return sig >= SIGRTMIN && sig <= SIGRTMAX;
}

/* nohup and background jobs of old shells ignore signals on purpose; libraries (MPI, profilers) may
 * use some for themselves. */
static bool is_free(int sig)
{
	bool ours = sig == SIGINT || sig == SIGTERM || sig == SIGHUP;
	struct sigaction old;

	return !sigaction(sig, NULL, &old) &&
	       (old.sa_handler == SIG_DFL || (ours && old.sa_handler != SIG_IGN));
}

void stop_catch(struct stop *s)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigset_t all, before;
	int rc;

	if (s->caught)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->watcher, NULL, watch, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return;
	s->caught = true;
	stop_current = s;
	sigfillset(&act.sa_mask);
	for (int sig = 1; sig < SIGNALS; sig++)
		s->was_caught[sig] = wanted(sig) && is_free(sig) && !sigaction(sig, &act, NULL);
}

void stop_free(struct stop *s)
{
	bool rescuing;

	if (!s)
		return;
	for (int sig = 1; sig < SIGNALS; sig++) {
		if (s->was_caught[sig])
			signal(sig, SIG_DFL);
	}
	if (s->caught) {
		stop_current = NULL;
		pthread_mutex_lock(&s->lock);
		s->quit = true;
		rescuing = s->rescuing;
		pthread_mutex_unlock(&s->lock);
		/* It ends the process, soon. */
		while (rescuing)
			pause();
		wake(s);
		pthread_join(s->watcher, NULL);
	}
	close(s->wake);
	rescue_free(s->rescue);
	pthread_cond_destroy(&s->stopped);
	pthread_mutex_destroy(&s->lock);
	mem_free(s->loop);
	mem_free(s->backend);
	mem_free(s);
}

const volatile int *stop_flag(const struct stop *s)
{
	return &s->flag;
}

bool stop_requested(const struct stop *s)
{
	return __atomic_load_n(&s->flag, __ATOMIC_RELAXED);
}

bool stop_signalled(const struct stop *s)
{
	return s->signalled;
}

void stop_request(struct stop *s)
{
	end_within_limit(s, STOPPED_FAIL);
}

void stop_lost(struct stop *s)
{
	end_within_limit(s, STOPPED_LOST);
}

void stop_exhausted(struct stop *s)
{
	struct timespec left = {.tv_sec = GIVING_UP / SECOND + 1};
	int64_t now = now_ns();

	if (s->caught && !s->follows && !rescue_empty(s->rescue)) {
		set_once(&s->urged_at, now);
		stop_request(s);
		while (nanosleep(&left, &left) && errno == EINTR)
			;
	}
	end_process(s);
}

void stop_told(struct stop *s)
{
	if (stopped_how(&s->flag) > STOPPED_EARLY)
		return;
	s->signalled = 1;
	end_within_limit(s, STOPPED_SIGNAL);
}

void stop_limit(struct stop *s, int64_t ns)
{
	__atomic_store_n(&s->limit, ns > SECOND ? ns : SECOND, __ATOMIC_RELAXED);
}

void stop_follow(struct stop *s)
{
	s->follows = true;
}

void stop_last_words(struct stop *s, void (*say)(void *arg, int exit_code), void *arg)
{
	s->say = say;
	s->say_arg = arg;
}

struct rescue *stop_rescue(struct stop *s)
{
	return s->rescue;
}

const int64_t *stop_early_ns(const struct stop *s)
{
	return &s->early_ns;
}

enum stop_why stop_why(const struct stop *s)
{
	return (enum stop_why)__atomic_load_n(&s->why, __ATOMIC_RELAXED);
}

void stop_drains(struct stop *s, int64_t ns, bool in_job)
{
	s->drain_ns = ns;
	s->in_job = in_job;
	s->drains = true;
}

bool stop_asks(struct stop *s)
{
	bool asks = s->asks;

	s->asks = 0;
	return asks;
}

int64_t stop_drain_ns(const struct stop *s)
{
	int64_t limit = __atomic_load_n(&s->limit, __ATOMIC_RELAXED);

	return (limit - steps_ns(limit)) / 2;
}

bool stop_sleep(struct stop *s, int64_t ns)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ns / 1000000000;
	until.tv_nsec += ns % 1000000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&s->lock);
	while (!stop_requested(s) &&
		pthread_cond_timedwait(&s->stopped, &s->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&s->lock);
	return stop_requested(s);
}

void stop_add_loop(struct stop *s, struct loop *l)
{
	pthread_mutex_lock(&s->lock);
	s->loop = mem_regrow(s->loop, s->loops + 1, sizeof(*s->loop));
	s->loop[s->loops++] = l;
	pthread_mutex_unlock(&s->lock);
}

void stop_drop_loop(struct stop *s, struct loop *l)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->loops; i++) {
		if (s->loop[i] == l)
			s->loop[i--] = s->loop[--s->loops];
	}
	pthread_mutex_unlock(&s->lock);
}

void stop_add_backend(struct stop *s, struct backend *b)
{
	pthread_mutex_lock(&s->lock);
	s->backend = mem_regrow(s->backend, s->backends + 1, sizeof(*s->backend));
	s->backend[s->backends++] = b;
	if (at_once(s))
		backend_retry_cancel(b);
	pthread_mutex_unlock(&s->lock);
}

void stop_drop_backend(struct stop *s, struct backend *b)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->backends; i++) {
		if (s->backend[i] == b)
			s->backend[i--] = s->backend[--s->backends];
	}
	pthread_mutex_unlock(&s->lock);
}
