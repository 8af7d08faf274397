#include "ranks/tokens.h"
#include "base/mem.h"
#include "ranks/wire_err.h"
#include <pthread.h>
#include <string.h>

#define UNKNOWN INT64_MAX /* of a token's end */

/* NEED: each -> rank 0: a token, please.  TOKEN: rank 0 -> asker. */
enum message { NEED, TOKEN, TAGS };

struct tokens {
	struct router *r;
	unsigned tag; /* of the first message */
	struct swift_token
		*cur;    /* the last one given: by rank 0 to all, or to this rank's keeper */
	uint32_t number; /* its number, from 1: names it in questions */
	struct swift_keeper *keeper;
	/* ranks > 0 */
	struct swift_token_source source;
	pthread_mutex_t lock; /* for all below, and for cur and number on these ranks */
	struct task ask;
	swift_token_fn *done; /* an open question */
	void *arg;
	uint32_t stale;
	bool stopped;
};

/* Rank 0: a rank that waits for an answer of the keeper. */
struct asker {
	struct swift_wait w;
	struct task task;
	struct tokens *t;
	int rank;
	struct swift_token *token;
	struct err err;
};

/* ---- rank 0 ---- */

/* Clocks of nodes differ, so times travel as milliseconds from now. */
static int64_t ms_until(const struct ts *t, const struct ts *now)
{
	return (t->sec - now->sec) * 1000 + (t->nsec - now->nsec) / 1000000;
}

static void answer(struct tokens *t, int rank, struct swift_token *token, const struct err *e)
{
	struct ts now = clock_now(router_env(t->r)->clock);
	struct err none = {0};
	struct buf m;

	buf_init(&m, COMM_MAX);
	wire_put_err(&m, token ? &none : e);
	if (token) {
		if (token != t->cur) {
			swift_token_drop(t->cur);
			t->cur = swift_token_ref(token);
			t->number++;
		}
		wire_put_u32(&m, t->number);
		wire_put_bytes(&m, token->value, strlen(token->value));
		wire_put_bytes(&m, token->storage_url, strlen(token->storage_url));
		wire_put_u64(&m, (uint64_t)ms_until(&token->got, &now));
		wire_put_u64(&m,
			(uint64_t)(token->expires.sec ? ms_until(&token->expires, &now) : UNKNOWN));
		wire_put_u8(&m, token->inherited);
	}
	router_send(t->r, rank, t->tag + TOKEN, &m);
}

static void asker_answer(struct task *task)
{
	struct asker *a = task_of(task, struct asker, task);

	if (!a->t->stopped)
		answer(a->t, a->rank, a->token, &a->err);
	swift_token_drop(a->token);
	mem_free(a);
}

/* The keeper's answer, on any thread. */
static void asker_done(struct swift_wait *w, struct swift_token *t, const struct err *e)
{
	struct asker *a = (struct asker *)(void *)w;

	a->token = t;
	if (!t)
		a->err = *e;
	a->task.done = asker_answer;
	loop_post(router_loop(a->t->r), &a->task);
}

static void on_need(void *arg, struct comm_msg *m)
{
	struct tokens *t = arg;
	struct wire_in w;
	struct asker *a;
	uint32_t stale;

	wire_in_init(&w, m->data.p, m->data.len);
	stale = wire_u32(&w);
	if (t->stopped)
		return;
	a = mem_zalloc(sizeof(*a));
	a->t = t;
	a->rank = m->from;
	a->w.done = asker_done;
	if (!t->keeper) {
		struct err e = {0};

		err_set(&e, ERR_UNSUPPORTED, "rank 0 has no Swift store");
		asker_done(&a->w, NULL, &e);
	} else if (stale && stale == t->number) {
		swift_keeper_other(t->keeper, t->cur, &a->w);
	} else {
		swift_keeper_get(t->keeper, &a->w);
	}
}

/* ---- the others ---- */

/* Ends the open question, if there is one.  Takes the token. */
static void question_end(struct tokens *t, struct swift_token *token, const struct err *e)
{
	swift_token_fn *done;
	void *arg;

	pthread_mutex_lock(&t->lock);
	done = t->done;
	arg = t->arg;
	t->done = NULL;
	pthread_mutex_unlock(&t->lock);
	if (done)
		done(arg, token, token ? NULL : e);
	else
		swift_token_drop(token);
}

static struct ts ts_at(const struct ts *now, int64_t ms)
{
	int64_t sec = ms / 1000, nsec = now->nsec + ms % 1000 * 1000000;

	if (nsec < 0 || nsec >= 1000000000) {
		sec += nsec < 0 ? -1 : 1;
		nsec += nsec < 0 ? 1000000000 : -1000000000;
	}
	return (struct ts){.sec = now->sec + sec, .nsec = (int32_t)nsec};
}

static int token_read(struct tokens *t, struct wire_in *w, struct swift_token **out,
	struct err *err)
{
	struct ts now = clock_now(router_env(t->r)->clock), got, expires = {0};
	uint32_t number = wire_u32(w);
	char *value = wire_text(w), *url = wire_text(w);
	int64_t came = (int64_t)wire_u64(w), left = (int64_t)wire_u64(w);
	bool inherited = wire_u8(w);
	int code;

	got = ts_at(&now, came);
	if (left != UNKNOWN)
		expires = ts_at(&now, left);
	if (!wire_done(w))
		code = err_set(err, ERR_INVALID, "a damaged message from rank 0");
	else
		code = swift_token_new(value, url, &got, &expires, out, err);
	if (!code) {
		(*out)->inherited = inherited;
		pthread_mutex_lock(&t->lock);
		swift_token_drop(t->cur);
		t->cur = swift_token_ref(*out);
		t->number = number;
		pthread_mutex_unlock(&t->lock);
	}
	mem_wipe(value, strlen(value));
	mem_free(value);
	mem_free(url);
	return code;
}

static void on_token(void *arg, struct comm_msg *m)
{
	struct tokens *t = arg;
	struct swift_token *token = NULL;
	struct wire_in w;
	struct err e = {0};

	wire_in_init(&w, m->data.p, m->data.len);
	wire_err(&w, &e);
	if (!e.code)
		token_read(t, &w, &token, &e);
	buf_wipe(&m->data);
	question_end(t, token, &e);
}

static void ask_rank_0(struct task *task)
{
	struct tokens *t = task_of(task, struct tokens, ask);
	struct buf m;
	bool open;

	pthread_mutex_lock(&t->lock);
	open = t->done && !t->stopped;
	pthread_mutex_unlock(&t->lock);
	if (!open)
		return;
	buf_init(&m, 16);
	wire_put_u32(&m, t->stale);
	router_send(t->r, 0, t->tag + NEED, &m);
}

/* Any thread. */
static void source_get(struct swift_token_source *s, const struct swift_token *stale,
	swift_token_fn *done, void *arg)
{
	struct tokens *t = task_of(s, struct tokens, source);
	struct err e = {0};
	bool stopped;

	pthread_mutex_lock(&t->lock);
	stopped = t->stopped;
	if (!stopped) {
		t->done = done;
		t->arg = arg;
		t->stale = stale && stale == t->cur ? t->number : 0;
		t->ask.done = ask_rank_0;
	}
	pthread_mutex_unlock(&t->lock);
	if (stopped) {
		err_set(&e, ERR_CANCELLED, "cancelled: the run has ended");
		done(arg, NULL, &e);
	} else {
		loop_post(router_loop(t->r), &t->ask);
	}
}

static void source_free(struct swift_token_source *s)
{
	(void)s; /* a part of struct tokens */
}

/* ---- life ---- */

struct tokens *tokens_new(struct router *r)
{
	struct tokens *t = mem_zalloc(sizeof(*t));

	t->r = r;
	t->source = (struct swift_token_source){.get = source_get, .free = source_free};
	pthread_mutex_init(&t->lock, NULL);
	t->tag = router_tags(r, TAGS);
	router_open(r, t->tag + NEED, router_rank(r) ? NULL : on_need, t);
	router_open(r, t->tag + TOKEN, router_rank(r) ? on_token : NULL, t);
	return t;
}

void tokens_serve(struct tokens *t, struct swift_keeper *k)
{
	t->keeper = k;
}

struct swift_token_source *tokens_source(void *arg)
{
	return &((struct tokens *)arg)->source;
}

void tokens_stop(struct tokens *t)
{
	struct err e = {0};

	pthread_mutex_lock(&t->lock);
	t->stopped = true;
	t->keeper = NULL;
	pthread_mutex_unlock(&t->lock);
	err_set(&e, ERR_CANCELLED, "cancelled: the run has ended");
	question_end(t, NULL, &e);
}

void tokens_free(struct tokens *t)
{
	if (!t)
		return;
	router_close(t->r, t->tag + NEED);
	router_close(t->r, t->tag + TOKEN);
	router_tags_free(t->r, t->tag, TAGS);
	swift_token_drop(t->cur);
	pthread_mutex_destroy(&t->lock);
	mem_free(t);
}
