#include "lib/stores.h"
#include "backend/backend.h"
#include "base/mem.h"
#include "unit/check.h"

static struct id name_of(unsigned i)
{
	struct id id = {{0}};

	id.b[0] = (uint8_t)i;
	id.b[1] = (uint8_t)(i >> 8);
	return id;
}

static struct backend *store(struct backend_fault_policy p)
{
	return backend_fault_new(backend_mem_new(), &p);
}

/* The codes of 1000 puts and 1000 gets, one after another. */
static void pattern(uint64_t seed, int *codes)
{
	struct backend *b = store((struct backend_fault_policy){.seed = seed,
		.put_fail = 100000,
		.get_fail = 50000,
		.permanent = 500000});
	struct buf out;

	buf_init(&out, 16);
	for (unsigned i = 0; i < 1000; i++) {
		struct id id = name_of(i);

		codes[i] = backend_put(b, BACKEND_PACK, &id, "x", 1, NULL);
		codes[1000 + i] = backend_get(b, BACKEND_PACK, &id, &out, NULL);
	}
	buf_release(&out);
	backend_free(b);
}

TEST(same_seed_same_faults)
{
	static int a[2000], b[2000], c[2000];
	unsigned put = 0, get = 0, full = 0, differ = 0;

	pattern(7, a);
	pattern(7, b);
	pattern(8, c);
	CHECK_MEM(a, b, sizeof(a));
	for (unsigned i = 0; i < 1000; i++) {
		put += a[i] != 0;
		full += a[i] == ERR_NOSPACE;
		get += a[1000 + i] == ERR_IO || a[1000 + i] == ERR_NOSPACE;
		differ += a[i] != c[i];
	}
	/* 10 % and 5 % of 1000 within about five standard deviations. */
	CHECK(put > 55 && put < 150);
	CHECK(get > 18 && get < 85);
	CHECK(full > put / 5 && full < put - put / 5);
	CHECK(differ > 50);
}

TEST(no_rates_no_faults)
{
	static int codes[10];
	struct backend *b = store((struct backend_fault_policy){.seed = 1, .permanent = 1000000});
	struct id id = name_of(1);

	codes[0] = backend_put(b, BACKEND_KEY, &id, "abc", 3, NULL);
	codes[1] = backend_remove(b, BACKEND_KEY, &id, NULL);
	CHECK_EQ(codes[0], 0);
	CHECK_EQ(codes[1], 0);
	CHECK_EQ(backend_fault_count(b), 0);
	backend_free(b);
}

TEST(put_fails_before_or_after)
{
	struct backend *before = store((struct backend_fault_policy){.put_fail = 1000000});
	struct backend *after = store((struct backend_fault_policy){.put_fail_after = 1000000});
	struct id id = name_of(1);
	uint64_t size = 0;

	CHECK_EQ(backend_put(before, BACKEND_PACK, &id, "abc", 3, NULL), ERR_IO);
	CHECK_EQ(backend_stat(before, BACKEND_PACK, &id, &size, NULL), ERR_NOTFOUND);
	CHECK_EQ(backend_put(after, BACKEND_PACK, &id, "abc", 3, NULL), ERR_IO);
	CHECK_EQ(backend_stat(after, BACKEND_PACK, &id, &size, NULL), 0);
	CHECK_EQ(size, 3);
	CHECK_EQ(backend_fault_count(before), 1);
	CHECK_EQ(backend_fault_count(after), 1);
	backend_free(before);
	backend_free(after);
}

TEST(flip_one_bit)
{
	struct backend *b = store((struct backend_fault_policy){.get_flip = 1000000});
	static const uint8_t zero[64];
	struct id id = name_of(1);
	struct buf out;
	int places = 0;
	size_t last = 0;

	buf_init(&out, 64);
	REQUIRE(!backend_put(b, BACKEND_PACK, &id, zero, sizeof(zero), NULL));
	for (int i = 0; i < 50; i++) {
		int bits = 0;

		REQUIRE(!backend_get(b, BACKEND_PACK, &id, &out, NULL));
		REQUIRE(out.len == sizeof(zero));
		for (size_t k = 0; k < out.len; k++) {
			bits += __builtin_popcount(out.p[k]);
			if (out.p[k] && k != last) {
				places++;
				last = k;
			}
		}
		CHECK_EQ(bits, 1);
	}
	CHECK(places > 20);
	CHECK_EQ(backend_fault_count(b), 50);
	buf_release(&out);
	backend_free(b);
}

TEST(short_reads)
{
	struct backend *b = store((struct backend_fault_policy){.get_short = 1000000});
	struct backend_op op = {.verb = BACKEND_GET,
		.type = BACKEND_PACK,
		.name = name_of(1),
		.length = 5};
	struct buf out;

	buf_init(&out, 64);
	buf_init(&op.out, 64);
	REQUIRE(!backend_put(b, BACKEND_PACK, &op.name, "0123456789", 10, NULL));
	CHECK_EQ(backend_get(b, BACKEND_PACK, &op.name, &out, NULL), 0);
	CHECK(out.len < 10);
	CHECK_EQ(backend_run(b, &op, NULL), ERR_TOOSHORT);
	CHECK_EQ(op.out.len, 0);
	buf_release(&op.out);
	buf_release(&out);
	backend_free(b);
}

static int count(void *arg, const struct id *name, uint64_t size)
{
	(void)name;
	(void)size;
	(*(int *)arg)++;
	return 0;
}

TEST(listing_breaks_midway)
{
	struct backend *b = store((struct backend_fault_policy){.list_fail = 1000000});
	bool some = false, none = false;

	for (unsigned i = 0; i < 10; i++) {
		struct id id = name_of(i);

		REQUIRE(!backend_put(b, BACKEND_INDEX, &id, "x", 1, NULL));
	}
	for (int i = 0; i < 40; i++) {
		struct err err = {0};
		int n = 0;

		CHECK_EQ(backend_list(b, BACKEND_INDEX, count, &n, &err), ERR_IO);
		CHECK_EQ(err.code, ERR_IO);
		CHECK(n < 4);
		some |= n > 0;
		none |= n == 0;
	}
	CHECK(some && none);
	backend_free(b);
}

/* A failed remove has sometimes removed the file. */
TEST(remove_fails_both_ways)
{
	struct backend *b = store((struct backend_fault_policy){.remove_fail = 1000000});
	int left = 0;

	for (unsigned i = 0; i < 40; i++) {
		struct id id = name_of(i);
		uint64_t size;

		REQUIRE(!backend_put(b, BACKEND_INDEX, &id, "x", 1, NULL));
		CHECK_EQ(backend_remove(b, BACKEND_INDEX, &id, NULL), ERR_IO);
		left += !backend_stat(b, BACKEND_INDEX, &id, &size, NULL);
	}
	CHECK(left > 5 && left < 35);
	backend_free(b);
}

TEST(store_that_dies)
{
	struct backend *b = store((struct backend_fault_policy){.fail_from_op = 3});
	struct id id = name_of(1);
	struct err err = {0};
	uint64_t size;
	struct buf out;
	int n = 0;

	buf_init(&out, 10);
	CHECK_EQ(backend_put(b, BACKEND_KEY, &id, "x", 1, NULL), 0);
	CHECK_EQ(backend_list(b, BACKEND_KEY, count, &n, &err), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(backend_put(b, BACKEND_KEY, &id, "x", 1, NULL), ERR_IO);
	CHECK_EQ(backend_get(b, BACKEND_KEY, &id, &out, NULL), ERR_IO);
	CHECK_EQ(backend_stat(b, BACKEND_KEY, &id, &size, NULL), ERR_IO);
	CHECK_EQ(backend_remove(b, BACKEND_KEY, &id, NULL), ERR_IO);
	CHECK_EQ(backend_list(b, BACKEND_KEY, count, &n, &err), ERR_IO);
	CHECK_EQ(backend_create(b, &err), ERR_IO);
	CHECK_EQ(backend_fault_count(b), 6);
	buf_release(&out);
	backend_free(b);
}

TEST(count_of_another_backend)
{
	struct backend *b = backend_mem_new();

	CHECK_EQ(backend_fault_count(b), 0);
	backend_free(b);
}
