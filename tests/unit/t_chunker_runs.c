#include "kern/chunker_scan.h"
#include "base/mem.h"
#include "unit/check.h"

TEST(joins)
{
	struct chunker_runs r = {0};

	chunker_runs_add(&r, 100, 0);
	CHECK_EQ(r.n, 0);
	chunker_runs_add(&r, 100, 3);
	chunker_runs_add(&r, 103, 1);
	chunker_runs_add(&r, 104, 60);
	REQUIRE(r.n == 1);
	CHECK_EQ(r.run[0].count, 64);
	chunker_runs_add(&r, 165, 1); /* one missing between */
	chunker_runs_add(&r, 175, 1);
	chunker_runs_add(&r, 185, 1);
	chunker_runs_add(&r, 196, 1); /* off by one */
	REQUIRE(r.n == 3);
	CHECK_EQ(r.run[1].start, 165);
	CHECK_EQ(r.run[1].count, 3);
	CHECK_EQ(r.run[1].step, 10);
	chunker_runs_add(&r, 196 + CHUNKER_STEP_MAX, 1);
	CHECK_EQ(r.n, 3);
	/* more than one where the next is expected */
	chunker_runs_add(&r, 196 + 2 * CHUNKER_STEP_MAX, 5);
	CHECK_EQ(r.n, 4);
	CHECK_EQ(r.run[2].count, 2);
	chunker_runs_add(&r, 1 << 20, 1);
	chunker_runs_add(&r, (1 << 20) + CHUNKER_STEP_MAX + 1, 1); /* too far to be a period */
	CHECK_EQ(r.n, 6);
	chunker_runs_release(&r);
	CHECK(r.run == NULL && r.n == 0);
}

/* chunker_cut against a plain look through all candidates, with runs of any shape. */
TEST(cut_like_a_list)
{
	const uint64_t size = 40 << 20;
	uint64_t x = 7;

	for (int round = 0; round < 50; round++) {
		struct chunker_runs r = {0};
		uint64_t *pos = mem_array(100000, sizeof *pos), at = 0, start = 0;
		size_t n = 0, hint = 0;

		while (at < size && n < 99000) {
			uint64_t step = 1, count = 1;

			x = x * 6364136223846793005u + 1442695040888963407u;
			at += 1 + (x >> 33) % (round & 1 ? 3000000 : 700000);
			if (x >> 20 & 1)
				count = 1 + (x >> 40) % 200;
			if (x >> 21 & 1)
				step = 1 + (x >> 50) % 4096;
			for (uint64_t i = 0; i < count && at < size; i++, at += step) {
				chunker_runs_add(&r, at, 1);
				pos[n++] = at;
			}
		}
		CHECK(r.n > 3);
		while (start < size) {
			uint64_t want = start + CHUNKER_MAX < size ? start + CHUNKER_MAX : size,
				 got;

			for (size_t i = n; i-- > 0 && pos[i] >= start + CHUNKER_MIN;)
				if (pos[i] < want)
					want = pos[i];
			got = chunker_cut(&r, &hint, start, size);
			CHECK_EQ(got, want);
			CHECK_EQ(chunker_cut(&r, NULL, start, size), want);
			start = got;
		}
		/* A hint from further on, or from nowhere, is no harm. */
		start = chunker_cut(&r, NULL, 0, size);
		CHECK_EQ(chunker_cut(&r, &hint, 0, size), start);
		hint = 1 << 30;
		CHECK_EQ(chunker_cut(&r, &hint, 0, size), start);
		chunker_runs_release(&r);
		mem_free(pos);
	}
}

/* Lengths around the minimum, with a candidate at each position. */
TEST(cut_of_short_files)
{
	struct chunker_runs r = {0};

	CHECK_EQ(chunker_cut(&r, NULL, 0, 1), 1);
	CHECK_EQ(chunker_cut(&r, NULL, 0, CHUNKER_MAX), CHUNKER_MAX);
	CHECK_EQ(chunker_cut(&r, NULL, 0, CHUNKER_MAX + 1), CHUNKER_MAX);
	chunker_runs_add(&r, CHUNKER_MIN, 1);
	for (uint64_t start = 0; start < 3; start++)
		CHECK_EQ(chunker_cut(&r, NULL, start, 2 * CHUNKER_MIN),
			start ? 2 * CHUNKER_MIN : CHUNKER_MIN);
	chunker_runs_release(&r);
	chunker_runs_add(&r, 64, 10 << 20);
	for (uint64_t d = 0; d < 3; d++) {
		CHECK_EQ(chunker_cut(&r, NULL, 0, CHUNKER_MIN - 1 + d),
			d ? CHUNKER_MIN : CHUNKER_MIN - 1);
		CHECK_EQ(chunker_cut(&r, NULL, 1000, CHUNKER_MIN + 999 + d),
			d ? CHUNKER_MIN + 1000 : CHUNKER_MIN + 999);
	}
	chunker_runs_release(&r);
}
