/*
 * saver, packer, uploader and indexer over a store with seeded faults.  Whatever happens: the run
 * ends; a pack is recorded only if the store has it; an index names only such packs; and if nobody
 * was told of a failure, everything that was put can be read back.
 */
#include "lib/stores.h"
#include "backend/decorators.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "repo/indexer.h"
#include "repo/saver.h"
#include "unit/repo_fixture.h"
#include <stdio.h>

enum { BLOBS = 700 };

static const struct backend_retry_policy quick = {200000, 1000000, 40000000},
					 patient = {200000, 1000000, 20000000000};

struct sim {
	struct fixture f;
	struct backend *mem; /* below the faults */
	struct blobtable *cat;
	struct catalog *catalog;
	struct saver *saver;
	struct indexer *indexer;
	size_t recorded;
	int failures;
	bool packed, indexed, cancel_on_failure;
};

static void stored(void *arg, const struct pack *p)
{
	struct sim *s = arg;
	uint64_t size = 0;

	CHECK_EQ(backend_stat(s->mem, BACKEND_PACK, &p->id, &size, NULL), 0);
	CHECK_EQ(size, p->data.len);
	s->recorded++;
	indexer_add(s->indexer, &p->id, p->blob, p->n);
}

static void failed(void *arg, const struct err *e)
{
	struct sim *s = arg;

	CHECK(e->code < 0 && e->msg[0]);
	s->failures++;
	if (s->cancel_on_failure)
		saver_cancel(s->saver);
}

static void packed(void *arg)
{
	((struct sim *)arg)->packed = true;
}

static void indexed(void *arg)
{
	((struct sim *)arg)->indexed = true;
}

static size_t length_of(uint64_t i)
{
	return i % 50 == 0 ? 60000 : 1 + i * 31 % 3000;
}

static struct id put(struct sim *s, uint64_t i)
{
	struct buf b;
	struct id id;

	buf_init(&b, length_of(i));
	buf_reserve(&b, length_of(i));
	b.len = length_of(i);
	fixture_fill(b.p, b.len, i, i % 2);
	id = fixture_hash(b.p, b.len);
	saver_put(s->saver, i % 5 ? BLOB_DATA : BLOB_TREE, &id, &b, 0);
	return id;
}

/* With a fresh eye: only the store below the faults and the key. */
static void verify(struct sim *s, const struct id *id)
{
	struct repo *r = repo_adopt(s->mem, &s->f.env, &s->f.repo->config, &s->f.repo->master);
	struct repo_ctx *c = repo_ctx_get(r);
	struct blobtable *cat = blobtable_new();
	struct catalog_place p;
	struct err err = {0};
	size_t readable = 0;

	REQUIRE(blobtable_load(cat, r, NULL, &err) == 0);
	for (uint64_t i = 0; i < BLOBS; i++) {
		struct backend_op op = {.verb = BACKEND_GET, .type = BACKEND_PACK};
		struct buf out;

		if (!blobtable_find(cat, i % 5 ? BLOB_DATA : BLOB_TREE, &id[i], 0, &p))
			continue;
		op.name = p.pack;
		op.offset = p.blob.offset;
		op.length = p.blob.length;
		buf_init(&op.out, op.length);
		buf_init(&out, 100000);
		/* An index names only packs that are there, and they are right. */
		CHECK_EQ(backend_run(s->mem, &op, &err), 0);
		CHECK_EQ(repo_open_blob(c, &p.blob, op.out.p, &out, &err), 0);
		CHECK_EQ(out.len, length_of(i));
		readable++;
		buf_release(&op.out);
		buf_release(&out);
		/* invariant 3 */
		CHECK(!blobtable_find(cat, i % 5 ? BLOB_DATA : BLOB_TREE, &id[i], 1, &p));
	}
	if (!s->failures)
		CHECK_EQ(readable, BLOBS);
	blobtable_free(cat);
	repo_ctx_put(r, c);
	repo_close(r);
}

static int simulate(const struct backend_fault_policy *p, const struct backend_retry_policy *retry,
	bool cancel)
{
	struct saver_events ev = {stored, failed, NULL, packed, NULL};
	struct sim s = {.cancel_on_failure = cancel};
	struct id *id = mem_array(BLOBS, sizeof(*id));
	struct backend *be;

	ev.arg = &s;
	fixture_env(&s.f);
	s.mem = backend_mem_new();
	be = backend_fault_new(backend_share(s.mem), p);
	if (retry)
		be = backend_retry_new(be, retry, &s.f.env);
	fixture_over(&s.f, be, 2);
	s.cat = blobtable_new();
	s.catalog = catalog_local_new(s.cat);
	s.indexer = indexer_new(s.f.repo, 0, failed, indexed, &s);
	s.saver = saver_new(s.f.repo, s.catalog, 100000, 3, false, &ev);
	for (uint64_t i = 0; i < BLOBS; i++) {
		id[i] = put(&s, i);
		if (i % 7 == 0)
			put(&s, i / 2);
		if (i % 40 == 0)
			loop_run(s.f.env.loop);
	}
	saver_flush(s.saver);
	fixture_until(&s.f, &s.packed);
	CHECK_EQ(saver_pending(s.saver), 0);
	indexer_flush(s.indexer);
	fixture_until(&s.f, &s.indexed);
	verify(&s, id);
	saver_free(s.saver);
	indexer_free(s.indexer);
	catalog_free(s.catalog);
	blobtable_free(s.cat);
	fixture_release(&s.f);
	backend_free(s.mem);
	mem_free(id);
	return s.failures;
}

TEST(faults_that_retries_overcome)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct backend_fault_policy p = {.seed = seed,
			.put_fail = 150000,
			.put_fail_after = 150000};

		CHECK_EQ(simulate(&p, &patient, false), 0);
	}
}

TEST(faults_without_retries)
{
	int failures = 0;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct backend_fault_policy p = {.seed = seed,
			.put_fail = 100000,
			.put_fail_after = 100000,
			.permanent = 500000};

		failures += simulate(&p, NULL, seed % 2);
	}
	CHECK(failures > 0);
}

TEST(a_full_store)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct backend_fault_policy p = {.seed = seed,
			.put_fail = 200000,
			.permanent = 1000000};

		CHECK(simulate(&p, &quick, seed % 2) > 0);
	}
}

TEST(a_store_that_dies)
{
	for (uint64_t from = 1; from <= 8; from++) {
		struct backend_fault_policy p = {.fail_from_op = from};

		CHECK(simulate(&p, &quick, from % 2) > 0);
	}
}
