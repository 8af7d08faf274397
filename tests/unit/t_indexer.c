#include "lib/stores.h"
#include "repo/indexer.h"
#include "repo/blobtable.h"
#include "unit/repo_fixture.h"

struct run {
	struct fixture f;
	struct indexer *x;
	int failed, flushes;
	struct err err;
	bool flushed;
	int64_t mono;
	struct clock clock;
};

static void failed(void *arg, const struct err *e)
{
	struct run *r = arg;

	r->failed++;
	err_copy(&r->err, e);
}

static void flushed(void *arg)
{
	struct run *r = arg;

	r->flushed = true;
	r->flushes++;
}

static int64_t fake_mono(void *arg)
{
	return ((struct run *)arg)->mono;
}

static void start(struct run *r, struct backend *be)
{
	*r = (struct run){0};
	fixture_env(&r->f);
	r->clock = *clock_real();
	r->clock.mono_ns = fake_mono;
	r->clock.arg = r;
	r->f.env.clock = &r->clock;
	fixture_over(&r->f, be, 2);
	r->x = indexer_new(r->f.repo, 0, failed, flushed, r);
}

static void flush(struct run *r)
{
	r->flushed = false;
	indexer_flush(r->x);
	CHECK(!r->flushed);
	fixture_until(&r->f, &r->flushed);
}

static void stop(struct run *r)
{
	indexer_free(r->x);
	fixture_release(&r->f);
}

static void add(struct run *r, uint64_t pack, size_t n)
{
	struct blob *b = mem_array(n, sizeof(*b));
	struct id id = fixture_id(pack);

	for (size_t i = 0; i < n; i++)
		b[i] = (struct blob){.id = fixture_id(pack * 1000000 + i),
			.type = BLOB_DATA,
			.offset = (uint32_t)(i * 100),
			.length = 100,
			.plain = 200};
	indexer_add(r->x, &id, b, n);
	mem_free(b);
}

static size_t loaded(struct run *r, size_t *packs)
{
	struct blobtable *c = blobtable_new();
	struct err err = {0};
	size_t n;

	REQUIRE(blobtable_load(c, r->f.repo, NULL, &err) == 0);
	n = blobtable_blobs(c);
	*packs = packtable_count(blobtable_packs(c));
	blobtable_free(c);
	return n;
}

static void saved_soon(struct run *r, size_t n)
{
	int64_t end = clock_mono(clock_real()) + (int64_t)20 * 1000000000;

	while (indexer_saved(r->x) < n) {
		REQUIRE(clock_mono(clock_real()) < end);
		loop_wait(r->f.env.loop, 10000000);
		loop_run(r->f.env.loop);
	}
}

TEST(files_are_saved_when_full_and_at_the_end)
{
	struct run r;
	size_t packs;

	start(&r, backend_mem_new());
	for (uint64_t i = 0; i < 120; i++) {
		add(&r, i, 1000);
		if (i == 49) /* full */
			saved_soon(&r, 1);
	}
	add(&r, 1000, 70000); /* never split */
	flush(&r);
	CHECK_EQ(r.failed, 0);
	CHECK_EQ(indexer_saved(r.x), 3); /* 50 000, 50 000, 20 000 + 70 000 */
	CHECK_EQ(fixture_count(r.f.be, BACKEND_INDEX), 3);
	CHECK_EQ(loaded(&r, &packs), 190000);
	CHECK_EQ(packs, 121);
	flush(&r); /* nothing is left */
	CHECK_EQ(indexer_saved(r.x), 3);
	CHECK_EQ(r.flushes, 2);
	add(&r, 2000, 1);
	flush(&r);
	CHECK_EQ(indexer_saved(r.x), 4);
	stop(&r);
}

TEST(files_are_saved_when_old)
{
	struct run r;
	size_t packs;

	start(&r, backend_mem_new());
	r.mono = 5;
	indexer_tick(r.x);
	add(&r, 1, 10);
	r.mono += (int64_t)299 * 1000000000;
	add(&r, 2, 10);
	indexer_tick(r.x);
	CHECK_EQ(fixture_count(r.f.be, BACKEND_INDEX), 0);
	r.mono += (int64_t)1000000000;
	indexer_tick(r.x);
	saved_soon(&r, 1);
	CHECK_EQ(loaded(&r, &packs), 20);
	/* The next file's age counts from its own first pack. */
	add(&r, 3, 10);
	indexer_tick(r.x);
	add(&r, 4, 10);
	flush(&r);
	CHECK_EQ(indexer_saved(r.x), 2);
	stop(&r);
}

TEST(a_failed_save_fails_the_run)
{
	struct backend_fault_policy p = {.put_fail = 1000000};
	struct run r;

	start(&r, backend_fault_new(backend_mem_new(), &p));
	add(&r, 1, 10);
	flush(&r);
	CHECK_EQ(r.failed, 1);
	CHECK_EQ(r.err.code, ERR_IO);
	CHECK_EQ(indexer_saved(r.x), 0);
	stop(&r);
}

/* The loop does not turn any more: what is open and what is on its way is saved by another thread.
 */
TEST(a_rescue_saves_what_is_not_saved)
{
	struct rescue *rescue = rescue_new();
	struct run r = {0};
	size_t packs;

	fixture_env(&r.f);
	r.f.env.rescue = rescue;
	fixture_over(&r.f, backend_mem_new(), 2);
	r.x = indexer_new(r.f.repo, 0, failed, flushed, &r);
	add(&r, 1, 10);
	add(&r, 2, 20);
	CHECK_EQ(rescue_run(rescue, RESCUE_INDEX), 1);
	CHECK_EQ(loaded(&r, &packs), 30);
	CHECK_EQ(packs, 2);
	stop(&r);
	rescue_free(rescue);
}

static atomic_int refuse_puts;

static int no_more(void *arg, struct err *err)
{
	(void)arg;
	return atomic_load(&refuse_puts) ? err_set(err, ERR_IO, "not now") : 0;
}

TEST(a_rescue_saves_again_what_failed)
{
	struct rescue *rescue = rescue_new();
	struct run r = {0};
	size_t packs;

	fixture_env(&r.f);
	r.f.env.rescue = rescue;
	fixture_over(&r.f, backend_mem_new(), 2);
	repo_guard(r.f.repo, no_more, &r);
	r.x = indexer_new(r.f.repo, 0, failed, flushed, &r);
	add(&r, 1, 10);
	atomic_store(&refuse_puts, 1);
	flush(&r);
	CHECK_EQ(r.failed, 1);
	CHECK_EQ(fixture_count(r.f.be, BACKEND_INDEX), 0);
	atomic_store(&refuse_puts, 0);
	CHECK_EQ(rescue_run(rescue, RESCUE_INDEX), 1);
	CHECK_EQ(loaded(&r, &packs), 10);
	stop(&r);
	rescue_free(rescue);
}
