#include "base/mem.h"
#include "unit/check.h"
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
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

#if !defined(__SANITIZE_ADDRESS__) &&                                                              \
	!defined(__SANITIZE_THREAD__) /* whose allocators do not fail */
static volatile int lows;

/* The other half of what was kept back is there for this. */
static void leave_in_order(size_t size)
{
	_exit(mem_try(size) ? 43 : 44);
}

static void low(void)
{
	lows++;
}

/* An allocation that fails gets what was kept back, and says so once; what is only tried does not.
 */
TEST(memory_kept_back)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct rlimit lim;
		unsigned long pages = 0;
		FILE *f;
		char *p;

		mem_keep_back((size_t)64 << 20, low);
		mem_on_exhausted(leave_in_order);
		/* As much as is in use now, and a little. */
		f = fopen("/proc/self/statm", "r");
		if (getrlimit(RLIMIT_AS, &lim) || !f || fscanf(f, "%lu", &pages) != 1)
			_exit(2);
		fclose(f);
		lim.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (1 << 20);
		if (setrlimit(RLIMIT_AS, &lim))
			_exit(3);
		if (mem_try((size_t)48 << 20) || lows)
			_exit(4);
		p = mem_alloc((size_t)48 << 20);
		if (!p || lows != 1)
			_exit(5);
		p[0] = 1;
		mem_alloc((size_t)48 << 20);
		_exit(6);
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 43);
}
#endif

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
