#include "base/buf.h"
#include "base/err.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>

TEST(append)
{
	struct buf b;

	buf_init(&b, 1000);
	CHECK_EQ(buf_add(&b, "ab", 2), 0);
	CHECK_EQ(buf_addc(&b, 'c'), 0);
	CHECK_EQ(buf_adds(&b, "de"), 0);
	CHECK_EQ(buf_addf(&b, "<%d>", -5), 0);
	CHECK_EQ(buf_addu(&b, 0), 0);
	CHECK_EQ(buf_addu(&b, UINT64_MAX), 0);
	CHECK_EQ(buf_add(&b, NULL, 0), 0);
	CHECK_STR(buf_str(&b), "abcde<-5>018446744073709551615");
	buf_reset(&b);
	CHECK_EQ(b.len, 0);
	CHECK(b.p != NULL);
	buf_release(&b);
	CHECK(b.p == NULL);
	CHECK_EQ(b.max, 1000);
	buf_release(NULL);
}

TEST(maximum)
{
	struct buf b;

	buf_init(&b, 10);
	CHECK_EQ(buf_add(&b, "0123456789", 10), 0);
	CHECK_STR(buf_str(&b), "0123456789");
	CHECK_EQ(buf_addc(&b, 'x'), ERR_NOMEM);
	CHECK(b.overflow);
	CHECK_EQ(buf_add(&b, "", 0), ERR_NOMEM);
	CHECK(buf_str(&b) == NULL);
	CHECK_EQ(b.len, 10);
	buf_reset(&b);
	CHECK(!b.overflow);
	CHECK_EQ(buf_addf(&b, "%s", "0123456789a"), ERR_NOMEM);
	CHECK(b.overflow);
	buf_release(&b);
	CHECK_EQ(buf_reserve(&b, SIZE_MAX), ERR_NOMEM);
	buf_release(&b);
}

TEST(growth)
{
	struct buf b;
	size_t steps = 0, cap = 0;

	buf_init(&b, 1 << 20);
	CHECK_EQ(buf_reserve(&b, 5000), 0);
	CHECK_EQ(b.cap, 5000);
	for (int i = 0; i < 1 << 20; i++) {
		CHECK_EQ(buf_addc(&b, i), 0);
		steps += b.cap != cap;
		cap = b.cap;
	}
	CHECK(steps < 12);
	CHECK_EQ(b.cap, 1 << 20);
	for (int i = 0; i < 1 << 20; i++)
		if (b.p[i] != (uint8_t)i) {
			CHECK_EQ(b.p[i], (uint8_t)i);
			break;
		}
	buf_release(&b);
}

TEST(long_format)
{
	char big[2000];
	struct buf b;

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = 0;
	buf_init(&b, 10000);
	buf_addf(&b, "%s!", big);
	CHECK_EQ(b.len, sizeof(big));
	CHECK_EQ(b.p[b.len - 1], '!');
	buf_release(&b);
}

TEST(move)
{
	struct buf a, b = {0};

	buf_init(&a, 100);
	buf_adds(&a, "hello");
	buf_move(&b, &a);
	CHECK_STR(buf_str(&b), "hello");
	CHECK_EQ(a.len, 0);
	CHECK(a.p == NULL);
	CHECK_EQ(a.max, 100);
	CHECK_EQ(buf_adds(&a, "again"), 0);
	buf_move(&b, &a);
	CHECK_STR(buf_str(&b), "again");
	buf_wipe(&b);
	CHECK_EQ(b.cap, 0);
	buf_release(&a);
}

TEST(room_that_is_tried)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	buf_adds(&b, "abc");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	CHECK_EQ(buf_try_reserve(&b, SIZE_MAX / 4), ERR_NOMEM); /* no machine has that */
#endif
	CHECK(!b.overflow);
	CHECK_STR(buf_str(&b), "abc");
	CHECK_EQ(buf_try_reserve(&b, 100000), 0);
	CHECK(b.cap >= 100003);
	CHECK_STR(buf_str(&b), "abc");
	buf_release(&b);
	buf_init(&b, 10);
	CHECK_EQ(buf_try_reserve(&b, 11), ERR_NOMEM);
	CHECK(!b.overflow);
	CHECK_EQ(buf_try_reserve(&b, 10), 0);
	buf_release(&b);
}

/* Memory of somebody else's is used as long as it is enough, and never freed. */
TEST(lent_memory)
{
	uint8_t mem[8];
	struct buf b, other;

	buf_lend(&b, mem, sizeof(mem));
	CHECK_EQ(buf_add(&b, "12345678", 8), 0);
	CHECK(b.p == mem);
	CHECK_EQ(buf_add(&b, "9", 1), ERR_NOMEM);
	CHECK(b.overflow && b.p == mem);
	buf_reset(&b);
	b.max = 100;
	CHECK_EQ(buf_add(&b, "abcdefgh", 8), 0);
	CHECK_EQ(buf_add(&b, "ij", 2), 0);
	CHECK(b.p != mem);
	CHECK_STR(buf_str(&b), "abcdefghij");
	buf_release(&b);

	buf_lend(&b, mem, sizeof(mem));
	buf_init(&other, 8);
	buf_add(&b, "xy", 2);
	buf_move(&other, &b);
	CHECK(other.p == mem && other.len == 2);
	CHECK_EQ(buf_try_reserve(&other, 6), 0);
	CHECK(other.p == mem);
	other.max = 50;
	CHECK_EQ(buf_try_reserve(&other, 7), 0);
	CHECK(other.p != mem && !memcmp(other.p, "xy", 2));
	buf_release(&other);

	buf_lend(&b, mem, sizeof(mem));
	buf_add(&b, "12345678", 8);
	CHECK_STR(buf_str(&b), "12345678");
	CHECK(b.p != mem);
	buf_release(&b);
	buf_lend(&b, mem, sizeof(mem));
	buf_wipe(&b);
	CHECK(!b.p && mem[0] == 0);
}
