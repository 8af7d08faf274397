#include "base/pages.h"
#include "unit/check.h"
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

TEST(maps)
{
	const size_t sizes[] = {1, 4096, PAGES_LARGE - 1, PAGES_LARGE, ((size_t)5 << 20) + 1};

	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		size_t size = sizes[k], bad = 0, before = check_address_space();
		unsigned char *p = pages_map(size);

		REQUIRE(p != NULL);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
		CHECK(before == 0 || (check_address_space() >= before + size &&
					     check_address_space() < before + size + 65536));
#else
		(void)before;
#endif
		CHECK(size < PAGES_LARGE || (uintptr_t)p % PAGES_LARGE == 0);
		for (size_t i = 0; i < size; i += 999)
			bad += p[i] != 0;
		CHECK_EQ(bad, 0);
		p[size - 1] = 1;
		pages_unmap(p, size);
	}
	pages_unmap(NULL, 1);
	CHECK(pages_map(SIZE_MAX / 4) == NULL);
	CHECK(pages_map(SIZE_MAX) == NULL);
}

/* All pages between p and end are made, in steps that come to the end, wherever they begin; what
 * was there stays; nothing else is made. */
TEST(made_early)
{
	const size_t size = (size_t)32 << 20, from = PAGES_LARGE - 100,
		     to = ((size_t)16 << 20) + 5000;
	unsigned char *p = pages_map(size), *at = p + from, *end = p + to, *next;
	size_t before, grown, bad = 0, steps = 0;
	bool able = false;

	REQUIRE(p != NULL);
#if defined(MADV_POPULATE_WRITE)
	able = madvise(p + size - PAGES_LARGE, 1, MADV_POPULATE_WRITE) == 0;
#endif
	memset(p, 7, 5000);
	memset(at, 8, 5000);
	before = check_resident();
	for (; at < end; at = next, steps++) {
		next = pages_make(at, end);
		REQUIRE(next > at && next <= end);
	}
	grown = check_resident() - before;
	CHECK(steps >= 7 && steps <= 64);
	CHECK(pages_make(p + 3, p + 5) == p + 5);
	for (size_t i = 0; i < size; i++)
		bad += p[i] != (i < 5000 ? 7 : i >= from && i < from + 5000 ? 8 : 0);
	CHECK_EQ(bad, 0);
	pages_unmap(p, size);
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	SKIP("sanitizers take memory of their own");
#endif
	if (before == 0 || !able)
		SKIP("this kernel does not do it (Linux 5.14), or does not tell");
	/* Where the kernel makes large pages unasked, one of them more or less. */
	CHECK(grown > to - from - (3 << 20) && grown < to - from + (3 << 20));
}
