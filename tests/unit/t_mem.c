#include "base/mem.h"
#include "unit/check.h"
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(allocations)
{
	char *p = mem_zalloc(100), *s = mem_strndup("ab\0cd", 5), *f = mem_printf("%d-%s", 7, "x");
	int *a = mem_array(10, sizeof(*a));
	void *none = mem_alloc(0);

	for (int i = 0; i < 100; i++)
		CHECK_EQ(p[i], 0);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(a[i], 0);
	a = mem_regrow(a, 1000, sizeof(*a));
	a[999] = 1;
	CHECK_MEM(s, "ab\0cd", 6);
	CHECK_STR(f, "7-x");
	CHECK(none != NULL);
	mem_wipe(p, 100);
	mem_free(p);
	mem_free(a);
	mem_free(s);
	mem_free(f);
	mem_free(none);
	mem_free(NULL);
}

static void leave(size_t size)
{
	_exit(size == SIZE_MAX ? 42 : 43);
}

TEST(pages_of_their_own)
{
	const size_t size = ((size_t)5 << 20) + 1;
	unsigned char *p = mem_map(size);
	size_t bad = 0;

	REQUIRE(p != NULL);
	for (size_t i = 0; i < size; i += 999)
		bad += p[i] != 0;
	CHECK_EQ(bad, 0);
	p[size - 1] = 1;
	mem_unmap(p, size);
	mem_unmap(NULL, 1);
	CHECK(mem_map(SIZE_MAX / 4) == NULL);
}

/* What was there stays, nothing outside is made, wherever the part begins and ends. */
TEST(pages_made_early)
{
	const size_t size = (size_t)16 << 20, part = (size_t)8 << 20;
	unsigned char *p = mem_map(size);
	size_t before, grown, bad = 0;
	bool able = false;

	REQUIRE(p != NULL);
#if defined(MADV_POPULATE_WRITE)
	able = madvise(p + size - part / 2, 1, MADV_POPULATE_WRITE) == 0;
#endif
	memset(p, 7, 5000);
	before = check_resident();
	mem_populate(p + 100, part);
	grown = check_resident() - before;
	mem_populate(p + 100, 0);
	mem_populate(p + 100, 3);
	mem_populate(p + size - 3, 2);
	for (size_t i = 0; i < size; i++)
		bad += p[i] != (i < 5000 ? 7 : 0);
	CHECK_EQ(bad, 0);
	mem_unmap(p, size);
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	SKIP("sanitizers take memory of their own");
#endif
	if (before == 0 || !able)
		SKIP("this kernel does not do it (Linux 5.14), or does not tell");
	/* Where the kernel makes large pages, one of them more or less. */
	CHECK(grown > part - (3 << 20) && grown < part + (3 << 20));
}

TEST(exhaustion_calls_the_handler)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		volatile size_t n = SIZE_MAX / 2;

		mem_on_exhausted(leave);
		mem_array(n, 4);
		_exit(1);
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 42);
}

TEST(tuned_buffers_are_reused)
{
	char *p;

	mem_tune();
	for (int i = 0; i < 4; i++) {
		p = mem_alloc(8 << 20);
		memset(p, i, 8 << 20);
		mem_free(p);
	}
}

TEST(wipe)
{
	char key[32];

	memset(key, 7, sizeof(key));
	mem_wipe(key, sizeof(key));
	for (size_t i = 0; i < sizeof(key); i++)
		CHECK_EQ(key[i], 0);
	mem_wipe(NULL, 0);
}
