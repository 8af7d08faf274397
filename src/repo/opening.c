#include "repo/opening.h"
#include "backend/location.h"
#include "base/mem.h"
#include <string.h>

#define SECOND      INT64_C(1000000000)
#define PAUSE_FIRST (5 * SECOND) /* between two tries for the lock */
#define PAUSE_MAX   (60 * SECOND)

void opening_init(struct opening *o, const struct opening_options *opt, const struct env *env)
{
	*o = (struct opening){.opt = *opt, .env = env, .place = opt->place};
}

/* ---- the store ---- */

static int open_at(const struct opening *o, const char *place, struct backend **be,
	struct swift_keeper **keeper, struct err *err)
{
	struct backend_options opt = o->opt.store;

	*keeper = NULL;
	opt.keeper = keeper;
	return backend_open(place, &opt, o->env, be, err);
}

static void use_store(struct opening *o, const char *place, struct backend *be,
	struct swift_keeper *keeper)
{
	o->place = place;
	o->be = be;
	o->keeper = keeper;
	if (o->opt.calls.opened)
		o->opt.calls.opened(o->opt.calls.arg, be);
}

static void close_store(struct opening *o)
{
	if (o->be && o->opt.calls.closing)
		o->opt.calls.closing(o->opt.calls.arg, o->be);
	backend_free(o->be);
	o->be = NULL;
	o->keeper = NULL;
}

int opening_store(struct opening *o, struct err *err)
{
	struct swift_keeper *keeper;
	struct backend *be = NULL;
	int rc = open_at(o, o->opt.place, &be, &keeper, err);

	if (!rc)
		use_store(o, o->opt.place, be, keeper);
	return rc;
}

int opening_probe(struct opening *o, struct err *err)
{
	struct swift_keeper *keeper;
	struct backend *other = NULL;
	struct err e = {0};
	int rc = repo_probe(o->be, err);

	if (rc != ERR_NOREPO || !o->opt.other)
		return rc;
	rc = open_at(o, o->opt.other, &other, &keeper, &e);
	if (!rc)
		rc = repo_probe(other, &e);
	if (!rc) {
		close_store(o);
		use_store(o, o->opt.other, other, keeper);
		if (o->opt.calls.moved)
			o->opt.calls.moved(o->opt.calls.arg);
		return 0;
	}
	backend_free(other);
	/* A bucket that may not be looked into is somebody else's. */
	return rc == ERR_NOREPO || rc == ERR_DENIED ? ERR_NOREPO : err_copy(err, &e);
}

/* ---- the key ---- */

/* *wrong: the password was had and is not this repository's. */
static int open_with(struct opening *o, const struct err *before, bool *wrong, struct err *err)
{
	const struct opening_calls *c = &o->opt.calls;
	struct buf pass;
	int rc;

	*wrong = false;
	if (!c->password)
		return err_set(err, ERR_PASSWORD, "no password is given");
	buf_init(&pass, 0);
	rc = c->password(c->arg, before, &pass, err);
	if (!rc) {
		rc = repo_open(o->be, o->env, pass.p, pass.len, o->opt.key_hint, &o->repo, err);
		*wrong = rc == ERR_PASSWORD;
	}
	buf_wipe(&pass);
	return rc;
}

int opening_key(struct opening *o, struct err *err)
{
	struct err before = {0};
	bool wrong;
	int rc;

	err_clear(err);
	rc = open_with(o, NULL, &wrong, err);
	while (wrong) {
		err_copy(&before, err);
		err_clear(err);
		rc = open_with(o, &before, &wrong, err);
	}
	return rc;
}

/* Of another run's repository: is it what was asked for? */
static int same_kind(const struct opening *o, struct err *err)
{
	const struct config *c = &o->repo->config;
	const struct repo_spec *want = &o->opt.spec;

	if (c->version == want->version && (!want->polynomial || c->polynomial == want->polynomial))
		return 0;
	return err_set(err, ERR_EXISTS,
		"another run has just made a repository there, of version %u%s", c->version,
		c->version == want->version ? " and with other chunker parameters" : "");
}

static int create(struct opening *o, bool *made, struct err *err)
{
	const struct opening_calls *c = &o->opt.calls;
	struct buf pass;
	int rc;

	*made = false;
	if (!c->new_password)
		return err_set(err, ERR_PASSWORD, "no password is given");
	buf_init(&pass, 0);
	rc = c->new_password(c->arg, &pass, err);
	if (!rc)
		rc = repo_create(o->be, o->env, &o->opt.spec, pass.p, pass.len, &o->repo, made,
			err);
	buf_wipe(&pass);
	return !rc && !*made ? same_kind(o, err) : rc;
}

int opening_make(struct opening *o, struct err *err)
{
	bool made;
	int rc = create(o, &made, err);

	if (rc) {
		char *place = location_text(o->place);

		err_prefix(err, "create a repository at %s", place);
		mem_free(place);
	} else if (o->opt.calls.made) {
		o->opt.calls.made(o->opt.calls.arg, made);
	}
	return rc;
}

/* What there is instead.  What another run has made since is opened. */
static int none_there(struct opening *o, struct err *err)
{
	char *place = location_text(o->place);
	struct err e = {0};
	int rc = repo_look(o->be, &o->found, &e);

	/* Who may not list may have been told so by name: that there is none is all that is known.
	 */
	if (rc == ERR_DENIED)
		o->found = REPO_NONE;
	if (rc && rc != ERR_DENIED)
		rc = err_copy(err, &e);
	else if (o->found == REPO_THERE)
		rc = opening_key(o, err);
	else if (o->found == REPO_LOST)
		rc = err_set(err, ERR_NOREPO, "%s: %s; put a copy of its config back", place,
			e.msg);
	else if (o->found == REPO_BEGUN)
		rc = err_set(err, ERR_NOREPO,
			"a repository was begun at %s and not finished: it has a key and no config",
			place);
	else
		rc = err_set(err, ERR_NOREPO, "there is no repository at %s", place);
	mem_free(place);
	return rc;
}

int opening_repo(struct opening *o, struct err *err)
{
	int rc = opening_probe(o, err);

	o->found = REPO_THERE;
	if (!rc)
		return opening_key(o, err);
	if (rc != ERR_NOREPO)
		return rc;
	return o->opt.calls.make && o->opt.calls.make(o->opt.calls.arg) ? opening_make(o, err)
									: none_there(o, err);
}

/* ---- the lock ---- */

static bool cut_short(const struct opening *o, const struct err *held, int64_t left, int64_t pause)
{
	if (pause > left)
		pause = left;
	if (o->opt.calls.wait)
		return o->opt.calls.wait(o->opt.calls.arg, held, left, pause);
	clock_sleep(o->env->clock, pause);
	return false;
}

int opening_lock(struct opening *o, bool exclusive, struct err *err)
{
	const struct lock_timing *timing = o->opt.timing ? o->opt.timing : &lock_timing_default;
	int64_t end = clock_mono(o->env->clock) + o->opt.lock_wait_ns, pause = PAUSE_FIRST;

	/* Waiting is done here and not by lock_acquire, so that the client can end it. */
	for (;;) {
		int64_t left = end - clock_mono(o->env->clock);
		int rc = lock_acquire(o->repo, &o->opt.who, exclusive, 0, timing, o->opt.calls.lost,
			o->opt.calls.arg, &o->lock, err);

		if (rc != ERR_LOCKED || left <= 0)
			return rc;
		if (cut_short(o, err, left, pause))
			return err_set(err, ERR_CANCELLED,
				"interrupted while waiting for the lock");
		pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
	}
}

/* ---- the end ---- */

void opening_unlock(struct opening *o)
{
	lock_release(o->lock);
	repo_close(o->repo);
	o->lock = NULL;
	o->repo = NULL;
}

void opening_close(struct opening *o)
{
	opening_unlock(o);
	close_store(o);
}
