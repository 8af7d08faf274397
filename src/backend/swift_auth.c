#include "backend/swift_auth.h"
#include "base/mem.h"
#include <string.h>

/* The first variable with a value wins (docs/format.md 16.3). */
static const struct {
	size_t field;
	const char *names[3];
} variables[] = {
	{offsetof(struct swift_creds, user), {"OS_USERNAME", "ST_USER"}},
	{offsetof(struct swift_creds, user_id), {"OS_USER_ID"}},
	{offsetof(struct swift_creds, key), {"OS_PASSWORD", "ST_KEY"}},
	{offsetof(struct swift_creds, user_domain), {"OS_USER_DOMAIN_NAME"}},
	{offsetof(struct swift_creds, user_domain_id), {"OS_USER_DOMAIN_ID"}},
	{offsetof(struct swift_creds, project), {"OS_PROJECT_NAME", "OS_TENANT_NAME"}},
	{offsetof(struct swift_creds, project_id), {"OS_TENANT_ID", "OS_PROJECT_ID"}},
	{offsetof(struct swift_creds, project_domain), {"OS_PROJECT_DOMAIN_NAME"}},
	{offsetof(struct swift_creds, project_domain_id), {"OS_PROJECT_DOMAIN_ID"}},
	{offsetof(struct swift_creds, trust_id), {"OS_TRUST_ID"}},
	{offsetof(struct swift_creds, app_id), {"OS_APPLICATION_CREDENTIAL_ID"}},
	{offsetof(struct swift_creds, app_name), {"OS_APPLICATION_CREDENTIAL_NAME"}},
	{offsetof(struct swift_creds, app_secret), {"OS_APPLICATION_CREDENTIAL_SECRET"}},
	{offsetof(struct swift_creds, auth_url), {"OS_AUTH_URL", "ST_AUTH"}},
	{offsetof(struct swift_creds, region), {"OS_REGION_NAME"}},
	{offsetof(struct swift_creds, storage_url), {"OS_STORAGE_URL"}},
	{offsetof(struct swift_creds, token), {"OS_AUTH_TOKEN"}},
};
#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

static char **field(struct swift_creds *c, size_t i)
{
	return (char **)(void *)((char *)c + variables[i].field);
}

void swift_creds_release(struct swift_creds *c)
{
	for (size_t i = 0; i < VARIABLES; i++)
		mem_free_secret(*field(c, i));
	*c = (struct swift_creds){0};
}

int swift_creds_version(const struct swift_creds *c)
{
	static const char *const marks[] = {"v3", "v2", "v1"};

	for (int i = 0; c->auth_url && i < 3; i++) {
		if (strstr(c->auth_url, marks[i]))
			return 3 - i;
	}
	return 0;
}

static bool has_app(const struct swift_creds *c)
{
	return (c->app_id || c->app_name) && c->app_secret;
}

bool swift_creds_can_login(const struct swift_creds *c)
{
	switch (swift_creds_version(c)) {
	case 3:
		return has_app(c) || c->key;
	case 2:
	case 1:
		return c->user && c->key;
	default:
		return false;
	}
}

int swift_creds_read(struct swift_creds *c, const char *(*get)(const char *name), struct err *err)
{
	*c = (struct swift_creds){0};
	for (size_t i = 0; i < VARIABLES; i++) {
		for (size_t k = 0; k < 3 && variables[i].names[k] && !*field(c, i); k++) {
			const char *v = get(variables[i].names[k]);

			if (v && *v)
				*field(c, i) = mem_strdup(v);
		}
	}
	if ((c->token && c->storage_url) || swift_creds_can_login(c))
		return 0;
	if (c->auth_url && !swift_creds_version(c))
		return err_set(err, ERR_USAGE,
			"OS_AUTH_URL names no version: it must contain v3, v2 or v1");
	if (c->auth_url)
		return err_set(err, ERR_USAGE,
			"OS_AUTH_URL is set, but OS_USERNAME or OS_PASSWORD is missing (and there "
			"is no OS_AUTH_TOKEN with "
			"OS_STORAGE_URL)");
	return err_set(err, ERR_USAGE,
		"no Swift connection: neither OS_AUTH_TOKEN and OS_STORAGE_URL nor OS_AUTH_URL "
		"with a user and a password are in the "
		"environment");
}

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
