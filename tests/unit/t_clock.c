#include "base/clock.h"
#include "unit/check.h"
#include <string.h>

TEST(real_clock)
{
	const struct clock *c = clock_real();
	struct ts a = clock_now(c), b;
	int64_t m = clock_mono(c);

	CHECK(a.sec > 1600000000 && a.nsec >= 0 && a.nsec < 1000000000);
	clock_sleep(c, 2000000);
	clock_sleep(c, -1);
	CHECK(clock_mono(c) - m >= 2000000);
	b = clock_now(c);
	CHECK(ts_cmp(&a, &b) < 0);
	CHECK(ts_cmp(&b, &a) > 0);
	CHECK_EQ(ts_cmp(&a, &a), 0);
	b = a;
	b.sec--;
	b.nsec = 999999999;
	CHECK(ts_cmp(&b, &a) < 0);
}

TEST(random)
{
	uint8_t a[600], b[600];

	memset(a, 0, sizeof(a));
	memset(b, 0, sizeof(b));
	rnd_fill(rnd_real(), a, sizeof(a));
	rnd_fill(rnd_real(), b, sizeof(b));
	CHECK(memcmp(a, b, 300) != 0);
	CHECK(memcmp(a + 568, b + 568, 32) != 0);
}
