#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/wire.h"
#include "unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t random64(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* libc reads the same files with its own code: it is the oracle from 1940 on (before the first
 * transition it differs from Go). */
static bool agrees(const char *name)
{
	struct zone *z = zone_new(name);
	uint64_t x = 88172645463325252u;
	bool ok = z != NULL;

	setenv("TZ", name, 1);
	tzset();
	for (int i = 0; ok && i < 5000; i++) {
		int64_t sec = -946771200 + (int64_t)(random64(&x) % 20000000000u);
		time_t t = sec;
		struct tm tm;

		localtime_r(&t, &tm);
		ok = CHECK_EQ(zone_offset(z, sec), tm.tm_gmtoff);
		if (!ok)
			fprintf(stderr, "  %s at %lld\n", name, (long long)sec);
	}
	zone_free(z);
	return ok;
}

TEST(agrees_with_libc)
{
	static const char *const names[] = {"Europe/Helsinki", "America/New_York",
		"Australia/Lord_Howe", "Africa/Casablanca", "Europe/Dublin", "America/Nuuk",
		"Asia/Kolkata", "Antarctica/Troll", "Asia/Gaza", "Pacific/Apia", "Asia/Tehran",
		"America/Santiago", "Pacific/Chatham", "Africa/Abidjan", "Asia/Jerusalem",
		"America/Sao_Paulo"};

	if (access("/usr/share/zoneinfo/Europe/Helsinki", R_OK) != 0)
		SKIP("no zoneinfo");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK(agrees(names[i]));
}

static int32_t offset_of(const char *tz, int64_t sec)
{
	struct zone *z = zone_new(tz);
	int32_t off = zone_offset(z, sec);

	zone_free(z);
	return off;
}

TEST(value_of_TZ)
{
	const int64_t summer = 1782000000; /* June 2026 */

	if (access("/usr/share/zoneinfo/Europe/Helsinki", R_OK) != 0)
		SKIP("no zoneinfo");
	CHECK_EQ(offset_of("Europe/Helsinki", summer), 10800);
	CHECK_EQ(offset_of(":Europe/Helsinki", summer), 10800);
	CHECK_EQ(offset_of("/usr/share/zoneinfo/Europe/Helsinki", summer), 10800);
	CHECK_EQ(offset_of(":/usr/share/zoneinfo/Europe/Helsinki", summer), 10800);
	CHECK_EQ(offset_of("", summer), 0);
	CHECK_EQ(offset_of(":", summer), 0);
	CHECK_EQ(offset_of("UTC", summer), 0);
	CHECK_EQ(offset_of("EET-2EEST,M3.5.0/3,M10.5.0/4", summer), 0);
	CHECK_EQ(offset_of("No/Such_Place", summer), 0);
	CHECK_EQ(offset_of("Europe", summer), 0);
	CHECK_EQ(offset_of("/dev/null", summer), 0);
	/* Helsinki's local mean time, before its first transition in 1878. */
	CHECK_EQ(offset_of("Europe/Helsinki", -5000000000), 5989);
	CHECK_EQ(offset_of("Europe/Helsinki", INT64_MIN), 5989);
	CHECK_EQ(offset_of("Europe/Helsinki", 250000000000), 7200);
	zone_free(NULL);
}

static void be(struct buf *b, uint64_t v, int bytes)
{
	while (bytes-- > 0)
		buf_addc(b, bytes < 8 ? (int)(v >> 8 * bytes & 255) : 0);
}

static void block(struct buf *b, int time_size, const int64_t *times, size_t n,
	const uint8_t *index, const char *dst)
{
	buf_adds(b, "TZif2");
	be(b, 0, 15);
	be(b, 0, 12);
	be(b, n, 4);
	be(b, 3, 4);
	be(b, 4, 4);
	for (size_t i = 0; i < n; i++)
		be(b, (uint64_t)times[i], time_size);
	for (size_t i = 0; i < n; i++)
		buf_addc(b, index[i]);
	for (uint64_t i = 0; i < 3; i++) {
		be(b, 1000 * (i + 1), 4);
		be(b, dst[i] == 'd', 1);
		be(b, 0, 1);
	}
	buf_add(b, "ABC", 4);
}

/* Types 0, 1, 2 are 1000, 2000 and 3000 s east; `dst` has a d for each that is DST. */
static void tzif(struct buf *b, const char *dst, const int64_t *times, size_t n,
	const uint8_t *index, const char *footer)
{
	buf_reset(b);
	block(b, 4, times, 0, index, dst);
	block(b, 8, times, n, index, dst);
	buf_addf(b, "\n%s\n", footer);
}

static struct zone *load(const struct buf *b, size_t len)
{
	char *path = mem_printf("%s/zone", check_tmpdir());
	FILE *f = fopen(path, "w");
	struct zone *z;

	REQUIRE(f && fwrite(b->p, 1, len, f) == len && fclose(f) == 0);
	z = zone_new(path);
	mem_free(path);
	return z;
}

TEST(first_type_as_go_picks_it)
{
	static const int64_t times[] = {100, 200};
	static const uint8_t unused[] = {1, 2}, to_dst[] = {1, 0}, to_std[] = {2, 0},
			     dst_last[] = {2, 0};
	struct buf b;
	struct zone *z;

	buf_init(&b, 10000);
	tzif(&b, "-d-", times, 2, unused, "");
	z = load(&b, b.len);
	CHECK_EQ(zone_offset(z, 99), 1000);
	CHECK_EQ(zone_offset(z, 100), 2000);
	CHECK_EQ(zone_offset(z, 199), 2000);
	CHECK_EQ(zone_offset(z, 1u << 31), 3000);
	zone_free(z);
	tzif(&b, "-d-", times, 2, to_dst, "");
	z = load(&b, b.len);
	CHECK_EQ(zone_offset(z, 99), 1000);
	zone_free(z);
	tzif(&b, "-d-", times, 2, to_std, "XYZ-5");
	z = load(&b, b.len);
	CHECK_EQ(zone_offset(z, 99), 1000);
	CHECK_EQ(zone_offset(z, 199), 3000);
	CHECK_EQ(zone_offset(z, 200), 18000);
	zone_free(z);
	tzif(&b, "-d-", times, 0, to_std, "XYZ-5");
	z = load(&b, b.len);
	CHECK_EQ(zone_offset(z, -1), 18000);
	zone_free(z);
	/* Not used by any transition: taken although it is DST. */
	tzif(&b, "dd-", times, 2, unused, "");
	z = load(&b, b.len);
	CHECK_EQ(zone_offset(z, 99), 1000);
	zone_free(z);
	/* To DST at once: the standard type next before it. */
	tzif(&b, "--d", times, 2, dst_last, "");
	z = load(&b, b.len);
	CHECK_EQ(zone_offset(z, 99), 2000);
	zone_free(z);
	buf_release(&b);
}

/* From the last transition on only the rule counts, and before it only the transitions. */
TEST(rule_begins_at_the_last_transition)
{
	static const int64_t times[] = {100, 1596240000}; /* 1 August 2020 */
	static const uint8_t index[] = {1, 2}, beyond[] = {1, 3};
	struct buf b;
	struct zone *z;

	buf_init(&b, 10000);
	tzif(&b, "-d-", times, 2, index, "EET-2EEST,M3.5.0/3,M10.5.0/4");
	z = load(&b, b.len);
	CHECK_EQ(zone_offset(z, 1580000000), 2000);
	CHECK_EQ(zone_offset(z, 1587000000), 2000);
	CHECK_EQ(zone_offset(z, 1596239999), 2000);
	CHECK_EQ(zone_offset(z, 1596240000), 10800);
	CHECK_EQ(zone_offset(z, 1605000000), 7200);
	CHECK_EQ(zone_offset(z, 1625000000), 10800);
	zone_free(z);
	tzif(&b, "-d-", times, 2, beyond, "");
	CHECK(load(&b, b.len) == NULL);
	buf_release(&b);
}

TEST(broken_files_are_UTC_or_harmless)
{
	static const int64_t times[] = {100, 200};
	static const uint8_t index[] = {1, 2};
	uint64_t x = 1;
	struct buf b;
	size_t whole;

	buf_init(&b, 10000);
	tzif(&b, "-d-", times, 2, index, "EET-2EEST,M3.5.0/3,M10.5.0/4");
	whole = b.len;
	for (size_t len = 0; len < whole; len++) {
		struct zone *z = load(&b, len);

		/* Without its footer a file is still good. */
		CHECK_EQ(z != NULL, len >= whole - 30);
		zone_offset(z, 1782000000);
		zone_free(z);
	}
	for (int i = 0; i < 2000; i++) {
		struct zone *z;
		size_t at = random64(&x) % whole;
		uint8_t before = b.p[at];

		b.p[at] = (uint8_t)random64(&x);
		z = load(&b, whole);
		zone_offset(z, (int64_t)random64(&x));
		zone_offset(z, 1782000000);
		zone_free(z);
		b.p[at] = before;
	}
	buf_release(&b);
}

/* Another rank gets it in a message, whatever files it has. */
TEST(a_zone_travels)
{
	static const int64_t when[] = {-3000000000, 0, 1700000000, 1720000000, 5000000000};
	struct zone *z = zone_new("Europe/Helsinki"), *back;
	struct wire_in in;
	struct buf b;

	if (!z)
		SKIP("no zoneinfo");
	buf_init(&b, 1 << 20);
	zone_put(z, &b);
	zone_put(NULL, &b);
	wire_in_init(&in, b.p, b.len);
	back = zone_get(&in);
	REQUIRE(back && !in.bad);
	for (size_t i = 0; i < sizeof(when) / sizeof(*when); i++)
		CHECK_EQ(zone_offset(back, when[i]), zone_offset(z, when[i]));
	CHECK(zone_offset(back, when[3]) == 10800);
	CHECK(zone_get(&in) == NULL && wire_done(&in)); /* UTC */
	zone_free(back);
	zone_free(z);
	buf_reset(&b);
	wire_put_bytes(&b, "TZif and no more", 16);
	wire_in_init(&in, b.p, b.len);
	CHECK(zone_get(&in) == NULL && in.bad);
	buf_release(&b);
}
