/*
 * check: the test harness.  Each tests/unit/t_*.c (and suite, sim, mpi) is one program: its TEST()s
 * run in the order written.
 *
 * A failed CHECK is printed and counted and the test goes on; a failed REQUIRE ends the program.
 * Both may be used from any thread. The program's exit status: 0, 1 after a failure, 77 if every
 * test was skipped.  Arguments: only tests whose name contains one; -l lists.
 */
#ifndef UNIT_CHECK_H
#define UNIT_CHECK_H
#include <stdbool.h>
#include <stddef.h>

/* So many times less is done under a sanitizer, where each step takes many times as long. */
#if defined(__SANITIZE_THREAD__)
#define CHECK_LESS 8
#elif defined(__SANITIZE_ADDRESS__)
#define CHECK_LESS 4
#else
#define CHECK_LESS 1
#endif

struct check_test {
	const char *name;
	void (*fn)(void);
	struct check_test *next;
};
void check_register(struct check_test *t);

#define TEST(name)                                                                                 \
	static void test_##name(void);                                                             \
	__attribute__((constructor)) static void register_##name(void)                             \
	{                                                                                          \
		static struct check_test t = {#name, test_##name, NULL};                           \
		check_register(&t);                                                                \
	}                                                                                          \
	static void test_##name(void)

bool check_true(const char *file, int line, const char *expr, bool ok);
bool check_eq(const char *file, int line, const char *as, const char *bs, long long a, long long b);
bool check_str(const char *file, int line, const char *as, const char *bs, const char *a,
	const char *b);
bool check_mem(const char *file, int line, const char *as, const char *bs, const void *a,
	const void *b, size_t n);
_Noreturn void check_stop(void);

#define CHECK(cond) check_true(__FILE__, __LINE__, #cond, (cond))
#define CHECK_EQ(a, b)                                                                             \
	check_eq(__FILE__, __LINE__, #a, #b, (long long)(a), (long long)(b)) /* integers, enums */
#define CHECK_STR(a, b)                                                                            \
	check_str(__FILE__, __LINE__, #a, #b, (a), (b)) /* 0-terminated; NULL equals only NULL */
#define CHECK_MEM(a, b, n) check_mem(__FILE__, __LINE__, #a, #b, (a), (b), (n))
#define REQUIRE(cond)                                                                              \
	do {                                                                                       \
		if (!CHECK(cond))                                                                  \
			check_stop();                                                              \
	} while (0)

/* SKIP(why): leave this test; it counts as skipped.  Only directly in a TEST. */
void check_skip(const char *why);
#define SKIP(why)                                                                                  \
	do {                                                                                       \
		check_skip(why);                                                                   \
		return;                                                                            \
	} while (0)

/* check_failures(): failed checks so far in this program. */
int check_failures(void);

/* check_tmpdir(): a folder of this program under $TMPDIR or /tmp, made at the first call, removed
 * with its contents at the end. */
const char *check_tmpdir(void);

/* check_address_space(), check_resident(): bytes of this process; 0 where /proc does not tell. */
size_t check_address_space(void);
size_t check_resident(void);

/* Hooks a program may define: before the first and after the last test (an MPI test starts and ends
 * MPI there). */
void check_setup(void);
void check_teardown(void);

#endif
