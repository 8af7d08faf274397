#include "base/mem.h"
#include "unit/check.h"
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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
