#include "backend/swift_token.h"
#include "base/mem.h"
#include <pthread.h>
#include <string.h>

#define SECOND     INT64_C(1000000000)
#define VALUE_MAX  16384 /* bytes of a token; the largest kind in use, PKI, has some 8000 */
#define URL_MAX    2048
#define NEWS       (30 * SECOND) /* for so long a store may not have heard of a new token */
#define HOLD_FIRST (5 * SECOND)
#define HOLD_MAX                                                                                   \
	(60 * SECOND) /* between questions to a login server that refuses: many wrong passwords    \
			 lock accounts */

static bool is_visible(const char *s, size_t max)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 0x7f)
			return false;
	}
	return n > 0 && n <= max;
}

int swift_token_new(const char *value, const char *storage_url, const struct ts *now,
	const struct ts *expires, struct swift_token **out, struct err *err)
{
	struct swift_token *t;
	size_t n = strlen(storage_url);

	*out = NULL;
	if (!is_visible(value, VALUE_MAX))
		return err_set(err, ERR_INVALID,
			"the Swift token is empty, too long or has strange characters");
	if (!is_visible(storage_url, URL_MAX) || strpbrk(storage_url, "?#") ||
		(strncmp(storage_url, "http://", 7) && strncmp(storage_url, "https://", 8)))
		return err_set(err, ERR_INVALID,
			"the Swift storage URL is not an http:// or https:// URL");
	while (n && storage_url[n - 1] == '/')
		n--;
	t = mem_zalloc(sizeof(*t));
	atomic_init(&t->refs, 1);
	atomic_init(&t->good, false);
	t->value = mem_strdup(value);
	t->storage_url = mem_strndup(storage_url, n);
	t->got = *now;
	if (expires)
		t->expires = *expires;
	*out = t;
	return 0;
}

struct swift_token *swift_token_ref(struct swift_token *t)
{
	atomic_fetch_add(&t->refs, 1);
	return t;
}

void swift_token_drop(struct swift_token *t)
{
	if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	mem_wipe(t->value, strlen(t->value));
	mem_free(t->value);
	mem_free(t->storage_url);
	mem_free(t);
}

struct swift_keeper {
	struct swift_token_source *src;
	const struct env *env;
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t idle;
	struct swift_token *cur;
	struct swift_wait *waiting, **last;
	bool asking;
	int64_t ask_after; /* monotonic: a failed renewal ahead of time is not repeated before */
	int64_t hold;  /* how long a login server that refused is left alone; 0: the last question
			  was not refused */
	bool accepted; /* the store has accepted a token of ours before the present one */
	struct err never; /* code != 0: the source will never have another */
	struct err why;   /* why the last question failed */
	atomic_uint did;  /* bits of methods; not under the lock */
};

/* What rights tell apart: to read, to write, to delete. */
static unsigned method_bit(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD") ? 1
	       : !strcmp(method, "DELETE")                       ? 2
								 : 4;
}

void swift_keeper_did(struct swift_keeper *k, const char *method)
{
	atomic_fetch_or(&k->did, method_bit(method));
}

bool swift_keeper_does(const struct swift_keeper *k, const char *method)
{
	return atomic_load(&k->did) & method_bit(method);
}

static int64_t life_left(const struct swift_keeper *k, const struct swift_token *t)
{
	struct ts now = clock_now(k->env->clock);
	int64_t left = t->expires.sec - now.sec;

	if (!t->expires.sec || left > INT32_MAX)
		return INT64_MAX;
	return left < INT32_MIN ? INT32_MIN * SECOND : left * SECOND + t->expires.nsec - now.nsec;
}

/* min(most, lifetime / part): ahead of its end by so much a token counts as old.  Tokens of seconds
 * (tests, odd sites) must not be old at birth. */
static int64_t margin(const struct swift_token *t, int64_t most, int part)
{
	int64_t life = t->expires.sec - t->got.sec;

	if (life < 0)
		return 0;
	return life > 36000 || life * SECOND / part > most ? most : life * SECOND / part;
}

struct swift_keeper *swift_keeper_new(struct swift_token_source *src, const struct env *env)
{
	struct swift_keeper *k = mem_zalloc(sizeof(*k));

	k->src = src;
	k->env = env;
	k->last = &k->waiting;
	k->ask_after = INT64_MIN;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->idle, NULL);
	return k;
}

void swift_keeper_free(struct swift_keeper *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	while (k->asking)
		pthread_cond_wait(&k->idle, &k->lock);
	pthread_mutex_unlock(&k->lock);
	k->src->free(k->src);
	swift_token_drop(k->cur);
	pthread_cond_destroy(&k->idle);
	pthread_mutex_destroy(&k->lock);
	mem_free(k);
}

/*
 * A login that worked once proves the user and the server: what fails afterwards is a server that
 * is restarted, a balancer, a catalog that is not there yet, and passes.  So `e` becomes an error
 * that may pass.
 */
static void failed(struct swift_keeper *k, struct err *e)
{
	bool logged_in = k->cur && !k->cur->inherited && !k->cur->last,
	     final = err_permanent(e->code) && e->code != ERR_CANCELLED;

	k->hold = !logged_in || !final     ? 0
		  : !k->hold               ? HOLD_FIRST
		  : 2 * k->hold < HOLD_MAX ? 2 * k->hold
					   : HOLD_MAX;
	k->ask_after = clock_mono(k->env->clock) + (k->hold ? k->hold : HOLD_FIRST);
	if (k->hold)
		e->code = ERR_IO;
	else if (e->code == ERR_DENIED || e->code == ERR_USAGE || e->code == ERR_UNSUPPORTED ||
		 e->code == ERR_ODD)
		k->never = *e;
	k->why = *e;
}

/* The source's answer.  `asking` falls last, under the lock: swift_keeper_free may free k at once
 * then. */
static void answered(void *arg, struct swift_token *t, const struct err *said)
{
	struct swift_keeper *k = arg;
	struct err own = {0}, *e = &own;
	struct swift_wait *w;
	struct swift_token *old = NULL;

	if (t)
		log_msg(&k->env->log, LOG_DEBUG, "swift: a new token");
	else
		own = *said;
	pthread_mutex_lock(&k->lock);
	if (t) {
		old = k->cur;
		k->accepted |= old && atomic_load(&old->good);
		k->cur = swift_token_ref(t);
		k->hold = 0;
	} else {
		failed(k, e);
	}
	w = k->waiting;
	k->waiting = NULL;
	k->last = &k->waiting;
	if (!t && !w && e->code != ERR_CANCELLED)
		log_msg(&k->env->log, LOG_WARN, "swift: cannot renew the token: %s", e->msg);
	k->asking = false;
	pthread_cond_broadcast(&k->idle);
	pthread_mutex_unlock(&k->lock);

	swift_token_drop(old);
	while (w) {
		struct swift_wait *next = w->next;

		w->done(w, t ? swift_token_ref(t) : NULL, e);
		w = next;
	}
	swift_token_drop(t);
}

static void push(struct swift_keeper *k, struct swift_wait *w)
{
	w->next = NULL;
	*k->last = w;
	k->last = &w->next;
}

/* Lock held; true: the caller must call ask() after unlocking. */
static bool begin(struct swift_keeper *k)
{
	bool mine = !k->asking;

	k->asking = true;
	return mine;
}

static void ask(struct swift_keeper *k, struct swift_token *stale)
{
	k->src->get(k->src, stale, answered, k);
	swift_token_drop(stale);
}

/* The login server has just refused, and is not to be asked. */
static bool is_held(const struct swift_keeper *k)
{
	return k->hold && !k->asking && clock_mono(k->env->clock) < k->ask_after;
}

void swift_keeper_get(struct swift_keeper *k, struct swift_wait *w)
{
	struct swift_token *t = NULL, *stale = NULL;
	struct err e = {0};
	bool mine = false;

	pthread_mutex_lock(&k->lock);
	if (k->cur) {
		int64_t left = life_left(k, k->cur);
		bool hope = !k->never.code && !k->cur->last;
		bool old = hope && left <= margin(k->cur, 60 * SECOND, 4);

		/* Without hope for another one, let the store judge this one: its clock counts. */
		if (!hope || left > margin(k->cur, 10 * SECOND, 10))
			t = swift_token_ref(k->cur);
		if (!t && is_held(k))
			e = k->why;
		else if (!t)
			push(k, w);
		if (old && ((!t && !e.code) || clock_mono(k->env->clock) >= k->ask_after))
			mine = begin(k);
	} else if (k->never.code) {
		e = k->never;
	} else {
		push(k, w);
		mine = begin(k);
	}
	if (mine && k->cur)
		stale = swift_token_ref(k->cur);
	pthread_mutex_unlock(&k->lock);

	if (mine)
		ask(k, stale);
	if (t || e.code)
		w->done(w, t, t ? NULL : &e);
}

/* New, and not about to die: that the store refuses it is no matter of its end. */
static bool is_no_good(const struct swift_keeper *k, const struct swift_token *t)
{
	return !atomic_load(&t->good) && !t->inherited &&
	       life_left(k, t) > margin(t, 60 * SECOND, 4);
}

/* So new that the store may not have heard of it: servers behind a balancer learn of a token, or of
 * the keys it is made with, one after the other. */
static bool is_news(const struct swift_keeper *k, const struct swift_token *t)
{
	struct ts now = clock_now(k->env->clock);

	return k->accepted && now.sec - t->got.sec < NEWS / SECOND;
}

static void other(struct swift_keeper *k, struct swift_token *t, bool judge, struct swift_wait *w)
{
	struct swift_token *now = NULL, *stale = NULL;
	struct err e = {0};
	bool mine = false;

	pthread_mutex_lock(&k->lock);
	if (k->cur != t && k->cur) {
		now = swift_token_ref(k->cur);
	} else if (judge && is_no_good(k, t) && is_news(k, t)) {
		err_set(&e, ERR_IO, "the store does not accept the new token yet");
	} else if (judge && is_no_good(k, t) && !k->accepted) {
		err_set(&e, ERR_DENIED, "the store refuses this user: a new token does not help");
	} else if (k->never.code) {
		e = k->never;
	} else if (is_held(k)) {
		e = k->why;
	} else if (!judge && !k->asking && clock_mono(k->env->clock) < k->ask_after) {
		err_set(&e, ERR_IO, "the login server gives no token at the moment");
	} else {
		push(k, w);
		mine = begin(k);
		stale = mine ? swift_token_ref(t) : NULL;
	}
	pthread_mutex_unlock(&k->lock);

	if (mine)
		ask(k, stale);
	if (now || e.code)
		w->done(w, now, now ? NULL : &e);
}

void swift_keeper_refused(struct swift_keeper *k, struct swift_token *t, struct swift_wait *w)
{
	other(k, t, true, w);
}

void swift_keeper_other(struct swift_keeper *k, struct swift_token *t, struct swift_wait *w)
{
	other(k, t, false, w);
}

bool swift_keeper_end(struct swift_keeper *k, struct ts *got, struct ts *end)
{
	bool last;

	pthread_mutex_lock(&k->lock);
	last = k->cur && k->cur->last && k->cur->expires.sec;
	if (last) {
		*got = k->cur->got;
		*end = k->cur->expires;
	}
	pthread_mutex_unlock(&k->lock);
	return last;
}
