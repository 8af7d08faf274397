#include "ranks/tokens.h"
#include "base/mem.h"
#include "ranks/agree.h"
#include "lib/ranks.h"
#include "unit/check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define RANKS 5

/* Rank 0's login server: answers on a thread of its own, as transfers do. */
struct server {
	struct swift_token_source s;
	const struct env *env;
	pthread_t thread;
	bool running;
	atomic_uint logins;
	atomic_int fail; /* a code: so are all answers */
	atomic_bool mute;
	swift_token_fn *done;
	void *arg;
};

static void *server_main(void *arg)
{
	struct server *s = arg;
	struct ts now = clock_now(s->env->clock), end = {.sec = now.sec + 3600, .nsec = now.nsec};
	unsigned n = atomic_fetch_add(&s->logins, 1) + 1;
	struct swift_token *t = NULL;
	struct err e = {0};
	char value[16];

	snprintf(value, sizeof(value), "t%u", n);
	if (atomic_load(&s->fail))
		err_set(&e, atomic_load(&s->fail), "no more tokens");
	else
		CHECK_EQ(swift_token_new(value, "http://store/v1/", &now, &end, &t, NULL), 0);
	s->done(s->arg, t, &e);
	return NULL;
}

static void server_join(struct server *s)
{
	if (s->running)
		pthread_join(s->thread, NULL);
	s->running = false;
}

static void server_get(struct swift_token_source *src, const struct swift_token *stale,
	swift_token_fn *done, void *arg)
{
	struct server *s = (struct server *)(void *)src;

	(void)stale;
	s->done = done;
	s->arg = arg;
	if (atomic_load(&s->mute))
		return;
	server_join(s);
	s->running = !pthread_create(&s->thread, NULL, server_main, s);
	CHECK(s->running);
}

static void server_free(struct swift_token_source *src)
{
	(void)src;
}

/* One rank, and what it asked for last. */
struct rank {
	struct server *server;
	struct comm *comm;
	struct router *router;
	struct agree *agree;
	struct tokens *tokens;
	struct swift_keeper *keeper;
	struct swift_wait w;
	struct task task;
	const struct env *env;
	bool answered;
	struct swift_token *token;
	struct err err;
};

static void on_loop(struct task *t)
{
	task_of(t, struct rank, task)->answered = true;
}

static void has_answer(struct swift_wait *w, struct swift_token *t, const struct err *e)
{
	struct rank *k = task_of(w, struct rank, w);

	swift_token_drop(k->token);
	k->token = t;
	k->err = t ? (struct err){0} : *e;
	k->task.done = on_loop;
	loop_post(k->env->loop, &k->task);
}

static void begin(struct rank *k, struct server *server, struct comm *c, const struct env *env)
{
	*k = (struct rank){.server = server, .comm = c, .env = env, .w.done = has_answer};
	k->router = router_new(c, env);
	k->agree = agree_new(k->router);
	k->tokens = tokens_new(k->router);
	if (c->rank == 0) {
		server->s = (struct swift_token_source){.get = server_get, .free = server_free};
		server->env = env;
	}
	k->keeper = swift_keeper_new(c->rank ? tokens_source(k->tokens) : &server->s, env);
	if (c->rank == 0)
		tokens_serve(k->tokens, k->keeper);
}

/* As a session ends: nobody answers any more, the store goes, then the loop's last turn. */
static void end(struct rank *k)
{
	tokens_stop(k->tokens);
	if (k->comm->rank == 0 && atomic_load(&k->server->mute)) {
		struct err e = {0};

		err_set(&e, ERR_CANCELLED, "cancelled");
		k->server->done(k->server->arg, NULL, &e);
	}
	swift_keeper_free(k->keeper);
	if (k->comm->rank == 0)
		server_join(k->server);
	loop_run(k->env->loop);
	swift_token_drop(k->token);
	tokens_free(k->tokens);
	agree_free(k->agree);
	router_free(k->router);
}

static void meet(struct rank *k)
{
	struct err none = {0};

	CHECK_EQ(agree_all(k->agree, &none), 0);
}

static void get(struct rank *k)
{
	k->answered = false;
	swift_keeper_get(k->keeper, &k->w);
	loop_until(k->env->loop, &k->answered);
}

static void refuse(struct rank *k)
{
	struct swift_token *t = swift_token_ref(k->token);

	k->answered = false;
	swift_keeper_refused(k->keeper, t, &k->w);
	loop_until(k->env->loop, &k->answered);
	swift_token_drop(t);
}

static void has(struct rank *k, const char *value)
{
	CHECK_STR(k->err.msg, "");
	REQUIRE(k->token);
	CHECK_STR(k->token->value, value);
	CHECK_STR(k->token->storage_url, "http://store/v1");
	atomic_store(&k->token->good, true);
}

static int share(void *arg, struct comm *c, const struct env *env)
{
	struct server *s = arg;
	bool late = c->rank == c->size - 1;
	struct ts now = clock_now(env->clock);
	struct rank k;

	begin(&k, s, c, env);
	get(&k);
	has(&k, "t1");
	CHECK(k.token->expires.sec > now.sec + 3000 && k.token->expires.sec < now.sec + 7000);
	meet(&k);
	CHECK_EQ(atomic_load(&s->logins), 1);
	meet(&k);
	/* All but one are refused at once; that one later, when there is a newer token for it
	 * already. */
	if (!late || c->size == 1)
		refuse(&k);
	meet(&k);
	if (late && c->size > 1)
		refuse(&k);
	has(&k, "t2");
	meet(&k);
	CHECK_EQ(atomic_load(&s->logins), 2);
	meet(&k);
	if (late) {
		refuse(&k);
		has(&k, "t3");
	}
	meet(&k);
	end(&k);
	return 0;
}

TEST(one_login_for_all)
{
	for (int n = 1; n <= RANKS; n++) {
		for (uint64_t seed = 0; seed < 4; seed++) {
			struct server s = {0};

			CHECK_EQ(ranks_test(n, seed, share, &s), 0);
			CHECK_EQ(atomic_load(&s.logins), 3);
		}
	}
}

static int refused(void *arg, struct comm *c, const struct env *env)
{
	struct rank k;

	begin(&k, arg, c, env);
	get(&k);
	CHECK(!k.token);
	CHECK_EQ(k.err.code, ERR_DENIED);
	CHECK_STR(k.err.msg, "no more tokens");
	meet(&k);
	end(&k);
	return 0;
}

TEST(a_refusal_reaches_all)
{
	struct server s = {.fail = ERR_DENIED};

	CHECK_EQ(ranks_test(RANKS, 1, refused, &s), 0);
	CHECK_EQ(atomic_load(&s.logins), 1);
}

/* A login server in trouble gets one login in a while, not one from each rank each time. */
static int troubled(void *arg, struct comm *c, const struct env *env)
{
	struct server *s = arg;
	struct rank k;

	begin(&k, s, c, env);
	get(&k);
	has(&k, "t1");
	meet(&k);
	atomic_store(&s->fail, ERR_IO);
	meet(&k);
	for (int i = 0; i < 3 && c->rank; i++) {
		struct swift_token *t = swift_token_ref(k.token);

		k.answered = false;
		swift_keeper_refused(k.keeper, t, &k.w);
		loop_until(k.env->loop, &k.answered);
		CHECK_EQ(k.err.code, ERR_IO);
		k.token = t;
	}
	meet(&k);
	end(&k);
	return 0;
}

TEST(a_server_in_trouble_is_left_alone)
{
	struct server s = {0};

	CHECK_EQ(ranks_test(RANKS, 2, troubled, &s), 0);
	CHECK_EQ(atomic_load(&s.logins), 2);
}

/* Questions that nobody will answer do not keep a rank from leaving. */
static int leave(void *arg, struct comm *c, const struct env *env)
{
	struct rank k;

	begin(&k, arg, c, env);
	swift_keeper_get(k.keeper, &k.w);
	for (int i = 0; i < 5; i++)
		router_turn(k.router);
	meet(&k);
	end(&k);
	CHECK_EQ(k.err.code, ERR_CANCELLED);
	return 0;
}

TEST(nobody_waits_for_ever)
{
	struct server s = {.mute = true};

	for (uint64_t seed = 0; seed < 4; seed++)
		CHECK_EQ(ranks_test(RANKS, seed, leave, &s), 0);
}
