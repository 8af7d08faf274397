#include "backend/swift_auth.h"
#include "backend/swift_login.h"
#include "base/mem.h"

/* One question to the source. */
struct login_source {
	struct swift_token_source s;
	struct swift_creds c;
	struct swift_wire wire;
	const struct env *env;
	char *url; /* of the first login; NULL: there was none.  One question is open at a time */
};

struct question {
	struct login_source *src;
	struct swift_login login;
	struct ts began;
	swift_token_fn *done;
	void *arg;
};

/* After done() nothing of the source may be touched: it may be freed. */
static void question_end(struct question *q, struct swift_token *t, const struct err *e)
{
	swift_token_fn *done = q->done;
	void *arg = q->arg;

	swift_login_release(&q->login);
	mem_free(q);
	done(arg, t, t ? NULL : e);
}

static void login_done(struct http_req *r)
{
	struct question *q = r->arg;
	struct swift_token *t = NULL;
	struct err e = {0};

	swift_login_answer(&q->login, &q->src->c, q->src->url, &q->began, &t, &e);
	if (t)
		log_msg(&q->src->env->log, LOG_DEBUG, "swift: logged in");
	if (t && q->login.choice.len)
		log_msg(&q->src->env->log, LOG_WARN, "%s", buf_str(&q->login.choice));
	if (t && !q->src->url)
		q->src->url = mem_strdup(t->storage_url);
	question_end(q, t, &e);
}

static void question_login(struct question *q)
{
	struct err e = {0};

	q->began = clock_now(q->src->env->clock);
	if (swift_login_init(&q->login, &q->src->c, &e)) {
		question_end(q, NULL, &e);
		return;
	}
	q->login.req.done = login_done;
	q->login.req.arg = q;
	q->src->wire.start(q->src->wire.arg, &q->login.req);
}

/* The token of the environment, with what is known of its end. */
static void question_inherited(struct question *q, const struct ts *expires)
{
	struct swift_token *t = NULL;
	struct err e = {0};

	if (!swift_token_new(q->src->c.token, q->src->c.storage_url, &q->began, expires, &t, &e)) {
		t->inherited = true;
		t->last = !swift_creds_can_login(&q->src->c);
	} else {
		e.code = ERR_USAGE;
	}
	question_end(q, t, &e);
}

/*
 * What Keystone says about the environment's token.  Keystone may be out of reach from a compute
 * node where the store is not: then the store will judge.  A token whose end is known not to be far
 * is still taken: the keeper renews it.
 */
static void check_done(struct http_req *r)
{
	struct question *q = r->arg;
	struct ts end;
	bool alive = swift_login_answer_check(&q->login, &end);

	swift_login_release(&q->login);
	if (!alive && swift_creds_can_login(&q->src->c))
		question_login(q);
	else
		question_inherited(q, &end);
}

static void login_get(struct swift_token_source *s, const struct swift_token *stale,
	swift_token_fn *done, void *arg)
{
	struct login_source *src = (struct login_source *)(void *)s;
	const struct swift_creds *c = &src->c;
	struct question *q = mem_zalloc(sizeof(*q));
	struct err e = {0};

	q->src = src;
	q->done = done;
	q->arg = arg;
	q->began = clock_now(src->env->clock);
	if (!stale && c->token && c->storage_url) {
		if (!swift_login_init_check(&q->login, c)) {
			q->login.req.done = check_done;
			q->login.req.arg = q;
			src->wire.start(src->wire.arg, &q->login.req);
		} else {
			question_inherited(q, NULL);
		}
	} else if (swift_creds_can_login(c)) {
		question_login(q);
	} else {
		err_set(&e, ERR_DENIED,
			"the Swift token is not accepted any more, and there is no password to get "
			"another one. " SWIFT_GO_ON);
		question_end(q, NULL, &e);
	}
}

static void login_free(struct swift_token_source *s)
{
	struct login_source *src = (struct login_source *)(void *)s;

	swift_creds_release(&src->c);
	mem_free(src->url);
	mem_free(src);
}

struct swift_token_source *swift_login_source_new(struct swift_creds *c, const struct swift_wire *w,
	const struct env *env)
{
	struct login_source *src = mem_zalloc(sizeof(*src));

	src->s.get = login_get;
	src->s.free = login_free;
	src->c = *c;
	*c = (struct swift_creds){0};
	src->wire = *w;
	src->env = env;
	return &src->s;
}
