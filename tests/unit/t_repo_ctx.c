#include "lib/stores.h"
#include "unit/repo_fixture.h"

TEST(contexts_are_lent_again)
{
	struct fixture f;
	struct repo_ctx *a, *b;

	fixture_init(&f, 2);
	a = repo_ctx_get(f.repo);
	b = repo_ctx_get(f.repo);
	CHECK(a != b);
	repo_ctx_put(f.repo, a);
	CHECK(repo_ctx_get(f.repo) == a);
	repo_ctx_put(f.repo, a);
	repo_ctx_put(f.repo, b);
	fixture_release(&f);
}

TEST(huge_scratch_is_given_back)
{
	size_t chunk = compress_bound(CHUNKER_MAX) + SEAL_OVERHEAD;
	struct fixture f;
	struct repo_ctx *c;

	fixture_init(&f, 2);
	c = repo_ctx_get(f.repo);
	buf_reserve(&c->tmp, chunk);
	buf_reserve(&c->tmp2, 2 * chunk);
	repo_ctx_put(f.repo, c);
	CHECK(c->tmp.cap >= chunk);
	CHECK_EQ(c->tmp2.cap, 0);
	fixture_release(&f);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, SEAL_IV);
}

TEST(initialisation_vectors_never_repeat)
{
	enum { N = 20000 };
	uint8_t(*iv)[SEAL_IV] = mem_array(N, SEAL_IV);
	struct fixture f;
	struct repo_ctx *c[2];

	fixture_init(&f, 2);
	c[0] = repo_ctx_get(f.repo);
	c[1] = repo_ctx_get(f.repo);
	for (int i = 0; i < N; i++)
		memcpy(iv[i], repo_ctx_iv(c[i % 2]), SEAL_IV);
	qsort(iv, N, SEAL_IV, compare);
	for (int i = 1; i < N; i++)
		REQUIRE(memcmp(iv[i - 1], iv[i], SEAL_IV) != 0);
	repo_ctx_put(f.repo, c[0]);
	repo_ctx_put(f.repo, c[1]);
	mem_free(iv);
	fixture_release(&f);
}

struct counter {
	int calls;
};

/* Half of the vectors it makes are zero. */
static void half_zero(void *arg, void *p, size_t n)
{
	struct counter *c = arg;

	c->calls++;
	memset(p, 0, n);
	for (size_t i = 0; i + SEAL_IV <= n; i += 2 * SEAL_IV)
		((uint8_t *)p)[i] = (uint8_t)(1 + c->calls);
}

TEST(zero_vectors_are_left_out_and_randomness_is_drawn_in_bulk)
{
	static const uint8_t zero[SEAL_IV];
	struct counter counter = {0};
	struct rnd rnd = {half_zero, &counter};
	struct fixture f;
	struct repo_ctx *c;

	fixture_env(&f);
	f.env.rnd = &rnd;
	fixture_over(&f, backend_mem_new(), 2);
	c = repo_ctx_get(f.repo);
	for (int i = 0; i < 640; i++)
		CHECK(memcmp(repo_ctx_iv(c), zero, SEAL_IV) != 0);
	CHECK_EQ(counter.calls, 640 / (REPO_CTX_IVS / 2));
	repo_ctx_put(f.repo, c);
	fixture_release(&f);
}
