#include "backend/swift_call.h"
#include "backend/object.h"
#include "base/latch.h"
#include "base/mem.h"
#include <string.h>

#define HEADERS (sizeof(((struct swift_call *)0)->header) / sizeof(char *))

void swift_call_init(struct swift_call *c, const char *method, size_t max)
{
	*c = (struct swift_call){.req = {.method = method}, .max = max};
	buf_init(&c->req.out, max);
}

static void forget_auth(struct swift_call *c)
{
	if (c->auth)
		mem_wipe(c->auth, strlen(c->auth));
	mem_free(c->auth);
	c->auth = NULL;
	swift_token_drop(c->token);
	c->token = NULL;
	mem_free(c->url);
	mem_free(c->probe_url);
	c->url = c->probe_url = NULL;
}

void swift_call_release(struct swift_call *c)
{
	forget_auth(c);
	http_req_release(&c->req);
	mem_free(c->path);
	c->path = NULL;
	for (size_t i = 0; i < HEADERS; i++) {
		mem_free(c->header[i]);
		c->header[i] = NULL;
	}
}

static bool body_says(const struct http_req *r, const char *word)
{
	return r->out.len &&
	       memmem(r->out.p, r->out.len < 4096 ? r->out.len : 4096, word, strlen(word));
}

static bool is_quota(const struct http_req *r)
{
	return r->status == 413 || r->status == 507 ||
	       ((r->status == 403 || r->status == 409) && body_says(r, "QuotaExceeded"));
}

/* Ceph calls a body that did not arrive a bad request. */
static bool may_pass(const struct http_req *r)
{
	return body_says(r, "RequestTimeout") || body_says(r, "IncompleteBody");
}

int swift_call_judge(const struct swift_call *c, struct err *err)
{
	const struct http_req *r = &c->req;

	if (c->err.code)
		return err_copy(err, &c->err);
	if (is_quota(r))
		return err_set(err, ERR_NOSPACE, "the store's quota is used up (HTTP status %d)",
			r->status);
	switch (r->status) {
	case 404:
		return err_set(err, ERR_NOTFOUND, "no such object");
	case 416:
		return err_set(err, ERR_TOOSHORT, "the object is too short");
	case 401:
	case 403:
		if (c->no_right && swift_keeper_does(c->keeper, r->method))
			return err_set(err, ERR_ODD,
				"the store refuses what it has done before, and accepts the token "
				"(HTTP status %d)",
				r->status);
		return err_set(err, ERR_DENIED, "the store refuses %s (HTTP status %d)",
			c->no_right ? "this: it accepts the token, but its user has no right to do "
				      "it here"
				    : "access",
			r->status);
	case 422:
		return err_set(err, ERR_IO, "the bytes were damaged on their way to the store");
	case 400:
		if (!may_pass(r))
			return err_set(err, ERR_ODD,
				"the store calls this a bad request (HTTP status 400): can there "
				"be a container of this name?");
		/* fall through */
	default:
		return err_set(err, may_pass(r) ? ERR_IO : object_status(r->status),
			"the store answers HTTP status %d", r->status);
	}
}

static void token_refused(struct swift_call *c)
{
	struct swift_token *t = swift_token_ref(c->token);

	swift_keeper_refused(c->keeper, t, &c->wait);
	swift_token_drop(t);
}

static void probe_done(struct http_req *r)
{
	struct swift_call *c = r->arg;
	int s = r->err.code ? 0 : r->status;

	http_req_release(&c->probe);
	c->no_right = s / 100 == 2 || s == 404;
	if (!c->no_right) {
		token_refused(c);
		return;
	}
	atomic_store(&c->token->good, true);
	forget_auth(c);
	c->done(c);
}

/* False: the request was about the container itself. */
static bool probe(struct swift_call *c)
{
	size_t n = 1 + strcspn(c->path + 1, "/?");

	if (!c->path[n])
		return false;
	c->probe_url = mem_printf("%s%.*s", c->token->storage_url, (int)n, c->path);
	c->probe = (struct http_req){.method = "HEAD",
		.url = c->probe_url,
		.header = {c->auth},
		.n_header = 1,
		.urgent = true};
	c->probe.done = probe_done;
	c->probe.arg = c;
	buf_init(&c->probe.out, 65536);
	c->wire.start(c->wire.arg, &c->probe);
	return true;
}

static void call_done(struct http_req *r)
{
	struct swift_call *c = r->arg;
	int s = r->status;

	if (r->err.code) {
		c->err = r->err;
	} else if ((s == 401 || s == 403) && !is_quota(r) && c->tokens < SWIFT_TOKENS) {
		if (s == 401 || !probe(c))
			token_refused(c);
		return;
	} else if (s > 0 && s < 500 && s != 401 && s != 403) {
		atomic_store(&c->token->good, true);
		if (s / 100 == 2)
			swift_keeper_did(c->keeper, r->method);
	}
	forget_auth(c);
	c->done(c);
}

static void with_token(struct swift_wait *w, struct swift_token *t, const struct err *e)
{
	struct swift_call *c = (struct swift_call *)(void *)((char *)w -
							     offsetof(struct swift_call, wait));
	int status = c->req.status;

	forget_auth(c);
	if (!t) {
		c->err = *e;
		if (status)
			err_prefix(&c->err, "HTTP status %d", status);
		c->done(c);
		return;
	}
	c->token = t;
	c->tokens++;
	http_req_release(&c->req);
	buf_init(&c->req.out, c->max);
	err_clear(&c->req.err);
	c->req.status = 0;
	c->url = mem_printf("%s%s", t->storage_url, c->path);
	c->auth = mem_printf("X-Auth-Token: %s", t->value);
	c->req.url = c->url;
	c->req.n_header = 0;
	c->req.header[c->req.n_header++] = c->auth;
	for (size_t i = 0; i < HEADERS && c->header[i]; i++)
		c->req.header[c->req.n_header++] = c->header[i];
	c->req.done = call_done;
	c->req.arg = c;
	c->wire.start(c->wire.arg, &c->req);
}

void swift_call_start(struct swift_call *c, struct swift_keeper *k, const struct swift_wire *w)
{
	c->keeper = k;
	c->wire = *w;
	c->wait.done = with_token;
	swift_keeper_get(k, &c->wait);
}

static void run_done(struct swift_call *c)
{
	latch_down(c->arg);
}

int swift_call_run(struct swift_call *c, struct swift_keeper *k, const struct swift_wire *w)
{
	struct latch l;

	latch_init(&l, 1);
	c->done = run_done;
	c->arg = &l;
	swift_call_start(c, k, w);
	latch_wait(&l);
	return c->err.code;
}
