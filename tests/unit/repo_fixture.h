/*
 * repo_fixture: a repository over some store with its loop, workers and budget, for the tests of
 * src/repo.  Its key is drawn, not derived, so that no test pays for scrypt.
 */
#ifndef UNIT_REPO_FIXTURE_H
#define UNIT_REPO_FIXTURE_H
#include "lib/stores.h"
#include "base/mem.h"
#include "format/pack.h"
#include "repo/repo.h"
#include "unit/check.h"
#include <stdatomic.h>
#include <stdlib.h>

struct fixture {
	struct env env;
	struct backend *be;
	struct repo *repo;
	atomic_int warnings; /* log messages, LOG_WARN and worse */
};

static inline void fixture_log(void *arg, enum log_level level, const char *msg)
{
	(void)level;
	(void)msg;
	atomic_fetch_add(&((struct fixture *)arg)->warnings, 1);
}

static inline void fixture_env(struct fixture *f)
{
	*f = (struct fixture){0};
	env_init(&f->env);
	env_start(&f->env, 3, 3, (size_t)1 << 30);
	f->env.log = (struct log){LOG_WARN, fixture_log, f};
}

/* Over a store that exists, which is freed with the fixture. */
static inline void fixture_over(struct fixture *f, struct backend *be, unsigned version)
{
	struct config config = {.version = version, .polynomial = 0x3da3358b4dc173};
	struct seal_key master;

	rnd_fill(rnd_real(), &config.id, sizeof(config.id));
	rnd_fill(rnd_real(), &master, sizeof(master));
	f->be = be;
	f->repo = repo_adopt(be, &f->env, &config, &master);
}

static inline void fixture_init(struct fixture *f, unsigned version)
{
	fixture_env(f);
	fixture_over(f, backend_mem_new(), version);
}

static inline void fixture_release(struct fixture *f)
{
	repo_close(f->repo);
	env_stop(&f->env);
	backend_free(f->be);
	CHECK_EQ(budget_used(f->env.budget), 0);
	env_release(&f->env);
}

/* fixture_until: runs the loop until *done; a test that never ends is stopped after a minute. */
static inline void fixture_until(struct fixture *f, const bool *done)
{
	int64_t end = clock_mono(clock_real()) + (int64_t)60 * 1000000000;

	while (!*done) {
		if (!loop_run(f->env.loop))
			loop_wait(f->env.loop, 1000000000);
		REQUIRE(clock_mono(clock_real()) < end);
	}
}

/* xorshift: the same numbers each run. */
static inline uint64_t fixture_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	return *x ^= *x << 17;
}

static inline struct id fixture_id(uint64_t n)
{
	uint64_t x = n * 0x9e3779b97f4a7c15u + 0x1234567;
	struct id id;

	for (size_t i = 0; i < ID_SIZE; i++)
		id.b[i] = (uint8_t)(fixture_random(&x) >> 24);
	return id;
}

static inline void fixture_fill(void *p, size_t n, uint64_t seed, bool compressible)
{
	uint8_t *b = p;
	uint64_t x = seed * 2 + 1;

	for (size_t i = 0; i < n; i++)
		b[i] = compressible ? (uint8_t)(fixture_random(&x) & 7)
				    : (uint8_t)(fixture_random(&x) >> 32);
}

static inline struct id fixture_hash(const void *p, size_t n)
{
	struct hash *h = hash_new();
	struct id id;

	hash_once(h, p, n, &id);
	hash_free(h);
	return id;
}

static inline int fixture_count_one(void *arg, const struct id *name, uint64_t size)
{
	(void)name;
	(void)size;
	++*(size_t *)arg;
	return 0;
}

static inline size_t fixture_count(struct backend *be, enum backend_type t)
{
	size_t n = 0;

	REQUIRE(backend_list(be, t, fixture_count_one, &n, NULL) == 0);
	return n;
}

static inline int fixture_first_one(void *arg, const struct id *name, uint64_t size)
{
	(void)size;
	*(struct id *)arg = *name;
	return 1;
}

static inline struct id fixture_first(struct backend *be, enum backend_type t)
{
	struct id id = {0};

	REQUIRE(backend_list(be, t, fixture_first_one, &id, NULL) == 1);
	return id;
}

/* fixture_spoil: flips a bit of a stored file, in the middle or in its last byte. */
static inline void fixture_spoil(struct backend *be, enum backend_type t, const struct id *id,
	bool last)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 30);
	REQUIRE(backend_get(be, t, id, &b, NULL) == 0);
	b.p[last ? b.len - 1 : b.len / 2] ^= 4;
	REQUIRE(backend_put(be, t, id, b.p, b.len, NULL) == 0);
	buf_release(&b);
}

#endif
