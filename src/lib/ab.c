/* Opening and closing, and the snapshots. */
#include "base/latch.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/whoami.h"
#include "kern/crypto.h"
#include "lib/ab_priv.h"
#include "repo/catalog_local.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSWORD_MAX  4096
#define CACHE_DEFAULT ((size_t)128 << 20)
#define CPU_MAX       8
#define READERS       4 /* that read index files and snapshots */

/* ---- errors ---- */

static int code_of(int code)
{
	switch (code) {
	case ERR_USAGE:
		return AB_EUSAGE;
	case ERR_INVALID:
	case ERR_TOOSHORT:
		return AB_EDAMAGED;
	case ERR_NOTFOUND:
	case ERR_NOREPO:
		return AB_ENOTFOUND;
	case ERR_PASSWORD:
		return AB_EPASSWORD;
	case ERR_LOCKED:
		return AB_ELOCKED;
	case ERR_DENIED:
		return AB_EDENIED;
	case ERR_NOMEM:
		return AB_ENOMEM;
	case ERR_UNSUPPORTED:
		return AB_EUNSUPPORTED;
	default:
		return AB_EIO;
	}
}

int ab_say(struct ab_error *to, int code, const char *what)
{
	if (to) {
		to->code = code;
		snprintf(to->message, sizeof(to->message), "%s", what);
	}
	return code;
}

int ab_fail(struct ab_error *to, const struct err *e)
{
	return ab_say(to, code_of(e->code), e->msg);
}

void ab_on_exhausted(void (*fn)(size_t size))
{
	mem_on_exhausted(fn);
}

/* ---- the thread ---- */

struct beginning {
	struct ab_repo *r;
	struct buf password;
	bool lock;
	size_t cache;
	struct latch over;
	int rc;
	struct err err;
};

static int give_password(void *arg, const struct err *wrong, struct buf *out, struct err *err)
{
	const struct beginning *b = arg;

	if (wrong)
		return err_copy(err, wrong);
	out->max = PASSWORD_MAX;
	return buf_add(out, b->password.p, b->password.len);
}

static const char *variable(const char *name)
{
	return getenv(name);
}

static void unreadable(void *arg, const struct id *id, const struct err *e)
{
	/* Its name is kept in `bad`. */
	(void)arg;
	(void)id;
	(void)e;
}

/* Snapshots before the index: so it has all that they name. */
static int load(struct beginning *b, struct err *err)
{
	struct ab_repo *r = b->r;
	int rc = snapshots_load(r->open.repo, &r->snaps, unreadable, NULL, err);

	r->catalog = catalog_local_new(NULL);
	if (!rc)
		rc = catalog_load(r->catalog, r->open.repo, NULL, NULL, err);
	r->loader = loader_new(r->open.repo, r->catalog, b->cache / 2);
	r->reader = reader_new(r->open.repo, r->catalog, 0);
	r->cache = blobcache_new(b->cache / 2);
	return rc;
}

static int begin(struct beginning *b, struct err *err)
{
	struct ab_repo *r = b->r;
	struct opening_options opt = {.place = r->place,
		.store = {.getenv = variable},
		.who = {.hostname = r->host,
			.username = r->user,
			.uid = getuid(),
			.gid = getgid(),
			.pid = (uint64_t)getpid()},
		.calls = {.password = give_password, .arg = b}};
	size_t cores = jobs_cores();
	int rc = crypto_ready(err);

	env_init(&r->env);
	env_start(&r->env, cores < CPU_MAX ? cores : CPU_MAX, READERS, CACHE_DEFAULT);
	opening_init(&r->open, &opt, &r->env);
	if (!rc)
		rc = opening_store(&r->open, err);
	if (!rc)
		rc = opening_repo(&r->open, err);
	if (!rc && b->lock)
		rc = opening_lock(&r->open, false, err);
	return rc ? rc : load(b, err);
}

static void finish(struct ab_repo *r)
{
	blobcache_free(r->cache);
	reader_free(r->reader);
	loader_free(r->loader);
	catalog_free(r->catalog);
	snapshots_release(&r->snaps);
	opening_unlock(&r->open);
	env_stop(&r->env);
	opening_close(&r->open);
	loop_run(r->env.loop);
}

static void *own(void *arg)
{
	struct beginning *b = arg;
	struct ab_repo *r = b->r;
	int rc = b->rc = begin(b, &b->err);

	latch_down(&b->over); /* and b is no more */
	if (!rc)
		loop_until(r->env.loop, &r->end);
	finish(r);
	return NULL;
}

static void on_closing(struct task *t)
{
	task_of(t, struct ab_repo, closing)->end = true;
}

/* ---- open, close ---- */

static int ask(const struct ab_options *options, struct buf *out)
{
	ssize_t n;

	buf_init(out, PASSWORD_MAX);
	buf_reserve(out, PASSWORD_MAX);
	n = options->password(options->arg, (char *)out->p, PASSWORD_MAX);
	if (n < 0 || n > PASSWORD_MAX)
		return ERR_PASSWORD;
	out->len = (size_t)n;
	return 0;
}

/* When its thread is gone: until then ab_close may be about to wake the loop. */
static void release(struct ab_repo *r)
{
	env_release(&r->env);
	mem_free_secret(r->place); /* a REST server's may hold a password */
	mem_free(r->host);
	mem_free(r->user);
	mem_free(r);
}

static int start(struct beginning *b, struct err *err)
{
	int rc;

	latch_init(&b->over, 1);
	rc = thread_start(&b->r->thread, own, b);
	if (rc) {
		latch_down(&b->over);
		latch_wait(&b->over);
		return err_sys(err, rc, "start a thread");
	}
	latch_wait(&b->over);
	if (b->rc)
		pthread_join(b->r->thread, NULL);
	return b->rc ? err_copy(err, &b->err) : 0;
}

int ab_open(const char *place, const struct ab_options *options, ab_repo **out,
	struct ab_error *err)
{
	struct beginning b = {.rc = 0};
	struct err e = {0};
	int rc;

	*out = NULL;
	if (!place || !options || options->size != sizeof(*options) || !options->password)
		return ab_say(err, AB_EUSAGE,
			"ab_open needs a place, options of this version, and a password");
	if (ask(options, &b.password)) {
		buf_wipe(&b.password);
		return ab_say(err, AB_EPASSWORD, "no password is given");
	}
	b.r = mem_zalloc(sizeof(*b.r));
	b.r->place = mem_strdup(place);
	b.r->host = whoami_host();
	b.r->user = whoami_user();
	b.lock = !options->no_lock;
	b.cache = options->cache_bytes ? options->cache_bytes : CACHE_DEFAULT;
	rc = start(&b, &e);
	buf_wipe(&b.password);
	if (rc) {
		release(b.r);
		return ab_fail(err, &e);
	}
	*out = b.r;
	return 0;
}

void ab_close(ab_repo *r)
{
	if (!r)
		return;
	r->closing.done = on_closing;
	loop_post(r->env.loop, &r->closing);
	pthread_join(r->thread, NULL);
	release(r);
}

/* ---- snapshots ---- */

/* An owned array, NULL at its end; the strings are lent. */
static const char **strings(const struct strlist *l)
{
	const char **s = mem_array(l->n + 1, sizeof(*s));

	for (size_t i = 0; i < l->n; i++)
		s[i] = l->s[i];
	return s;
}

int ab_snapshots(ab_repo *r, int (*fn)(void *arg, const struct ab_snapshot *s), void *arg,
	struct ab_error *err)
{
	static const char *const none[] = {NULL};
	int rc = 0;

	(void)err; /* they are there since ab_open */
	for (size_t i = 0; i < r->snaps.n && !rc; i++) {
		const struct snapshot *s = &r->snaps.s[i];
		const char **paths = strings(&s->paths), **tags = strings(&s->tags);
		struct ab_snapshot x = {.time_sec = s->time.sec,
			.time_nsec = s->time.nsec,
			.hostname = s->hostname,
			.username = s->username,
			.paths = paths,
			.tags = tags};

		snprintf(x.id, sizeof(x.id), "%s", id_hex(&s->id).s);
		rc = fn(arg, &x);
		mem_free(paths);
		mem_free(tags);
	}
	for (size_t i = 0; i < r->snaps.n_bad && !rc; i++) {
		struct ab_snapshot x = {.unreadable = true,
			.hostname = "",
			.username = "",
			.paths = none,
			.tags = none};

		snprintf(x.id, sizeof(x.id), "%s", id_hex(&r->snaps.bad[i]).s);
		rc = fn(arg, &x);
	}
	return rc;
}
