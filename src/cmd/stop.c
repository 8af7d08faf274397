#include "cmd/stop.h"
#include "base/mem.h"
#include "engine/stopped.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
#define STOP_SIGNALS (sizeof(stop_signals) / sizeof(stop_signals[0]))

struct stop {
	volatile int flag; /* enum engine_stop; set by the handler or any thread, read by any: __atomic_* */
	volatile sig_atomic_t signalled;
	volatile sig_atomic_t first_sec; /* of CLOCK_MONOTONIC, when the first signal came */
	sem_t wake;                      /* posted by the handler and by stop_request */
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	pthread_t watcher;
	bool quit, caught;
	bool was_caught[STOP_SIGNALS];
	struct loop **loop;
	size_t loops;
	struct backend **backend;
	size_t backends;
};

static struct stop *stop_current; /* for the handler, which gets no argument */

static void on_signal(int sig)
{
	struct stop *s = stop_current;
	struct timespec now;
	int e = errno;

	if (!s)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (s->signalled && sig == SIGINT && now.tv_sec - s->first_sec > 1)
		_exit(130);
	if (!s->signalled)
		s->first_sec = (sig_atomic_t)now.tv_sec;
	s->signalled = 1;
	__atomic_store_n(&s->flag, ENGINE_STOP, __ATOMIC_RELAXED);
	sem_post(&s->wake);
	errno = e;
}

static void *watch(void *arg)
{
	struct stop *s = arg;

	for (;;) {
		while (sem_wait(&s->wake) && errno == EINTR)
			;
		pthread_mutex_lock(&s->lock);
		if (s->quit) {
			pthread_mutex_unlock(&s->lock);
			return NULL;
		}
		for (size_t i = 0; i < s->backends && !engine_winds_up(&s->flag); i++)
			backend_retry_cancel(s->backend[i]);
		for (size_t i = 0; i < s->loops; i++)
			loop_poke(s->loop[i]);
		pthread_cond_broadcast(&s->stopped);
		pthread_mutex_unlock(&s->lock);
	}
}

struct stop *stop_new(void)
{
	struct stop *s = mem_zalloc(sizeof(*s));
	pthread_condattr_t attr;

	sem_init(&s->wake, 0, 0);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->stopped, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

void stop_catch(struct stop *s)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;

	if (s->caught || pthread_create(&s->watcher, NULL, watch, s))
		return;
	s->caught = true;
	stop_current = s;
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < STOP_SIGNALS; i++) {
		/* nohup and background jobs of old shells ignore signals on purpose. */
		if (sigaction(stop_signals[i], NULL, &old) || old.sa_handler == SIG_IGN)
			continue;
		s->was_caught[i] = !sigaction(stop_signals[i], &act, NULL);
	}
}

void stop_free(struct stop *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < STOP_SIGNALS; i++) {
		if (s->was_caught[i])
			signal(stop_signals[i], SIG_DFL);
	}
	if (s->caught) {
		stop_current = NULL;
		pthread_mutex_lock(&s->lock);
		s->quit = true;
		pthread_mutex_unlock(&s->lock);
		sem_post(&s->wake);
		pthread_join(s->watcher, NULL);
	}
	sem_destroy(&s->wake);
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
	__atomic_store_n(&s->flag, ENGINE_STOP, __ATOMIC_RELAXED);
	sem_post(&s->wake);
}

void stop_wind_up(struct stop *s)
{
	int none = 0;

	if (__atomic_compare_exchange_n(&s->flag, &none, ENGINE_WIND_UP, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		sem_post(&s->wake);
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
	while (!stop_requested(s) && pthread_cond_timedwait(&s->stopped, &s->lock, &until) != ETIMEDOUT)
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
	if (stop_requested(s) && !engine_winds_up(&s->flag))
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
