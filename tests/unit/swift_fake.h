/* swift_fake: for the tests of Swift's modules: an environment with a clock by hand, and a server
 * that answers from a script. */
#ifndef UNIT_SWIFT_FAKE_H
#define UNIT_SWIFT_FAKE_H
#include "backend/swift_auth.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

static struct ts fake_time = {.sec = 1700000000};
static char fake_logged[8192];

static struct ts fake_now(void *arg)
{
	(void)arg;
	return fake_time;
}

static int64_t fake_mono(void *arg)
{
	(void)arg;
	return fake_time.sec * INT64_C(1000000000);
}

static void fake_log(void *arg, enum log_level level, const char *msg)
{
	size_t n = strlen(fake_logged);

	(void)arg;
	(void)level;
	snprintf(fake_logged + n, sizeof(fake_logged) - n, "%s\n", msg);
}

static const struct clock fake_clock = {.now = fake_now, .mono_ns = fake_mono};
static const struct env fake_env = {.clock = &fake_clock,
	.log = {.max = LOG_DEBUG, .fn = fake_log}};

/* What the server got, newest last, and what it shall say.  `hold`: it says nothing until
 * fake_release(). */
struct fake_reply {
	int status;
	const char *headers, *body;
	uint64_t length; /* 0: that of the body */
	int err;
};
struct fake_server {
	struct fake_reply reply[32];
	size_t n_reply, n_got;
	char got[64][2048]; /* "GET url\nheader\n…\nbody" */
	bool hold;
	struct http_req *held[32];
	size_t n_held;
};

static inline void fake_answer(struct fake_server *f, struct http_req *r, size_t i)
{
	struct fake_reply a = {.status = 599};

	(void)f;
	if (i < f->n_reply)
		a = f->reply[i];
	buf_init(&r->headers, 65536);
	buf_adds(&r->headers, a.headers ? a.headers : "");
	buf_reset(&r->out);
	if (a.body)
		buf_adds(&r->out, a.body);
	r->length = a.length ? a.length : a.body ? strlen(a.body) : UINT64_MAX;
	r->status = a.err ? 0 : a.status;
	if (a.err)
		err_set(&r->err, a.err, "the connection broke");
	r->done(r);
}

static inline void fake_start(void *arg, struct http_req *r)
{
	struct fake_server *f = arg;
	size_t i = f->n_got++, at;

	REQUIRE(i < 64);
	at = (size_t)snprintf(f->got[i], sizeof(f->got[i]), "%s %s\n", r->method, r->url);
	for (size_t k = 0; k < r->n_header; k++)
		at += (size_t)snprintf(f->got[i] + at, sizeof(f->got[i]) - at, "%s\n",
			r->header[k]);
	snprintf(f->got[i] + at, sizeof(f->got[i]) - at, "%.*s", (int)r->body_n,
		r->body ? (const char *)r->body : "");
	if (f->hold) {
		REQUIRE(f->n_held < 32);
		f->held[f->n_held++] = r;
		return;
	}
	fake_answer(f, r, i);
}

static inline void fake_release(struct fake_server *f)
{
	size_t n = f->n_held, first = f->n_got - n;
	struct http_req *r[32];

	memcpy(r, f->held, sizeof(r));
	f->n_held = 0;
	for (size_t i = 0; i < n; i++)
		fake_answer(f, r[i], first + i);
}

static inline void fake_says(struct fake_server *f, int status, const char *headers,
	const char *body)
{
	REQUIRE(f->n_reply < 32);
	f->reply[f->n_reply++] = (struct fake_reply){.status = status,
		.headers = headers,
		.body = body};
}

static inline bool fake_got(const struct fake_server *f, size_t i, const char *what)
{
	if (i < f->n_got && strstr(f->got[i], what))
		return true;
	fprintf(stderr, "  request %zu: %s\n  does not have: %s\n", i,
		i < f->n_got ? f->got[i] : "(none)", what);
	return false;
}

/* The environment of a test: pairs of names and values, NULL at the end. */
static const char *const *fake_vars;

static inline const char *fake_getenv(const char *name)
{
	for (size_t i = 0; fake_vars[i]; i += 2) {
		if (!strcmp(fake_vars[i], name))
			return fake_vars[i + 1];
	}
	return NULL;
}
#define FAKE_VARS(...) (fake_vars = (const char *const[]){__VA_ARGS__, NULL})

#endif
