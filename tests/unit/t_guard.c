#include "engine/guard.h"
#include "format/pack.h"
#include "unit/check.h"
#include <string.h>

#define MIB ((uint64_t)1 << 20)

struct heard {
	int n;
	char last[ERR_MSG_MAX];
};

static void hear(void *arg, enum log_level level, const char *msg)
{
	struct heard *h = arg;

	CHECK_EQ(level, LOG_WARN);
	h->n++;
	strncpy(h->last, msg, sizeof(h->last) - 1);
}

static struct heard heard;
static const struct log hearing = {LOG_WARN, hear, &heard};

static struct guard guard(uint64_t limit, uint64_t before)
{
	heard = (struct heard){0};
	return (struct guard){.limit = limit,
		.before = before,
		.reserve = 10,
		.pack_size = 64 * MIB};
}

TEST(no_limit)
{
	struct guard g = guard(0, UINT64_MAX / 2);
	struct err e = {0};

	CHECK_EQ(guard_begin(&g, UINT64_MAX, &hearing, &e), 0);
	CHECK_EQ(guard_count(&g, 1000000000, &hearing, &e), 0);
	CHECK_EQ(heard.n, 0);
}

TEST(warned_once_at_four_fifths)
{
	struct guard g = guard(500000, 399998);
	struct err e = {0};

	CHECK_EQ(guard_begin(&g, 0, &hearing, &e), 0);
	CHECK_EQ(guard_count(&g, 1, &hearing, &e), 0);
	CHECK_EQ(heard.n, 0);
	CHECK_EQ(guard_count(&g, 2, &hearing, &e), 0);
	CHECK_EQ(heard.n, 1);
	CHECK(strstr(heard.last, "400000") && strstr(heard.last, "500000") &&
		strstr(heard.last, "--pack-size 128") && strstr(heard.last, "-b"));
	CHECK_EQ(guard_count(&g, 3, &hearing, &e), 0);
	CHECK_EQ(heard.n, 1);
	g = guard(500000, 400000);
	g.pack_size = PACK_SIZE_MAX;
	CHECK_EQ(guard_begin(&g, 0, &hearing, &e), 0);
	CHECK_EQ(heard.n, 1);
	CHECK(!strstr(heard.last, "--pack-size"));
}

TEST(stops_before_the_limit)
{
	struct guard g = guard(1000, 100);
	struct err e = {0};

	CHECK_EQ(guard_begin(&g, 0, &hearing, &e), 0);
	CHECK_EQ(guard_count(&g, 889, &hearing, &e), 0);
	/* ten more may be on their way */
	CHECK_EQ(guard_count(&g, 890, &hearing, &e), ERR_NOSPACE);
	CHECK(strstr(e.msg, "990") && strstr(e.msg, "1000") && strstr(e.msg, "--max-objects"));
	g = guard(1000, 990);
	CHECK_EQ(guard_begin(&g, 0, &hearing, &e), ERR_NOSPACE);
	g = guard(1000, UINT64_MAX - 5);
	CHECK_EQ(guard_begin(&g, 0, &hearing, &e), ERR_NOSPACE);
}

TEST(a_run_that_will_need_much_is_told_which_packs_would_do)
{
	struct guard g = guard(10010, 0);
	struct err e = {0};

	CHECK_EQ(guard_begin(&g, 2000 * 64 * MIB, &hearing, &e), 0);
	CHECK_EQ(heard.n, 0); /* just a fifth */
	CHECK_EQ(guard_begin(&g, 2001 * 64 * MIB, &hearing, &e), 0);
	CHECK_EQ(heard.n, 1);
	CHECK(strstr(heard.last, "2001") && strstr(heard.last, "10000") &&
		strstr(heard.last, "--pack-size 128") && strstr(heard.last, "1001"));
	g = guard(10010, 0);
	g.pack_size = 4 * MIB;
	CHECK_EQ(guard_begin(&g, 3000 * 8 * MIB, &hearing, &e), 0);
	CHECK(strstr(heard.last, "--pack-size 16 "));
	g = guard(10010, 0);
	g.pack_size = 128 * MIB;
	CHECK_EQ(guard_begin(&g, UINT64_MAX, &hearing, &e), 0);
	CHECK_EQ(heard.n, 1);
	CHECK(strstr(heard.last, "another bucket"));
}

TEST(a_run_that_turns_out_to_need_much_is_told_once)
{
	struct guard g = guard(1010, 0);
	struct err e = {0};

	CHECK_EQ(guard_begin(&g, 0, &hearing, &e), 0);
	CHECK_EQ(guard_count(&g, 200, &hearing, &e), 0);
	CHECK_EQ(heard.n, 0);
	CHECK_EQ(guard_count(&g, 201, &hearing, &e), 0);
	CHECK_EQ(guard_count(&g, 300, &hearing, &e), 0);
	CHECK_EQ(heard.n, 1);
	CHECK(strstr(heard.last, "--pack-size 128"));
}

TEST(asked_again_the_more_often_the_less_is_left)
{
	struct guard g = guard(1000000, 5);
	struct err e = {0};

	guard_asked(&g, 100, 0);
	CHECK_EQ(g.before, 100);
	CHECK_EQ(g.ask_at, 1001);
	CHECK_EQ(guard_count(&g, 1003, &hearing, &e), 0);
	guard_asked(&g, 999900, 1001); /* others were busy */
	CHECK_EQ(g.before, 998899);
	CHECK_EQ(g.ask_at, 1003 + 1 + 44);
	CHECK_EQ(guard_count(&g, 1091, &hearing, &e), ERR_NOSPACE);
	guard_asked(&g, 10, 2000); /* somebody removed much */
	CHECK_EQ(g.before, 0);
	CHECK_EQ(guard_count(&g, 1092, &hearing, &e), 0);
}

TEST(pack_sizes)
{
	CHECK_EQ(guard_pack_size(0, 0, 4 * MIB), 4 * MIB);
	CHECK_EQ(guard_pack_size(1000 * MIB, 10, 4 * MIB), 128 * MIB);
	CHECK_EQ(guard_pack_size(1000 * MIB, 32, 4 * MIB), 32 * MIB);
	CHECK_EQ(guard_pack_size(1000 * MIB, 32, 64 * MIB), 64 * MIB);
	CHECK_EQ(guard_pack_size(UINT64_MAX, 1, 4 * MIB), 128 * MIB);
}
