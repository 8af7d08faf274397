#include "base/mem.h"
#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static void (*_Atomic exhausted)(size_t);

void mem_on_exhausted(void (*fn)(size_t size))
{
	atomic_store(&exhausted, fn);
}

/* Address space kept back: for the end of the run, and for that of the process. */
static void *_Atomic kept, *_Atomic kept_last;
static size_t kept_size;
static void (*low_memory)(void);
static atomic_bool dying; /* the last handler was called */

static void *keep(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void mem_keep_back(size_t size, void (*low)(void))
{
	kept_size = size;
	low_memory = low;
	atomic_store(&kept, keep(size));
	atomic_store(&kept_last, keep(size));
}

static _Noreturn void no_memory(size_t size)
{
	static _Thread_local bool inside; /* the handler itself must not come here */
	void (*fn)(size_t) = inside ? NULL : atomic_load(&exhausted);
	void *p;

	atomic_store(&dying, true);
	p = atomic_exchange(&kept_last, NULL);
	if (p)
		munmap(p, kept_size);
	inside = true;
	if (fn)
		fn(size);
	abort();
}

void mem_none(void)
{
	no_memory(0);
}

static void check_dying(size_t size)
{
	if (size >= MEM_LARGE && atomic_load_explicit(&dying, memory_order_relaxed))
		no_memory(size);
}

/* Whether an allocation that failed for the `tries`th time is worth another try. */
static bool make_room(unsigned tries)
{
	static const struct timespec moment = {.tv_nsec = 10000000};
	void *p = atomic_exchange(&kept, NULL);

	if (p) {
		munmap(p, kept_size);
		low_memory();
		return true;
	}
	/* Another thread may be giving it free just now. */
	if (!tries && kept_size)
		nanosleep(&moment, NULL);
	return !tries && kept_size;
}

void mem_tune(void)
{
	/*
	 * glibc returns an 8 MiB buffer to the kernel when it is freed and pays for zeroed pages at
	 * the next one.  With a high mmap threshold such buffers come from the heap and are used
	 * again.  Few arenas keep what each thread holds back small: a login node has 1 GiB.
	 * Buffers above 32 MiB stay mapped singly (glibc's own limit for the threshold is half of
	 * its heap maximum, 32 MiB on 64 bits).
	 */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 128 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
	mallopt(M_ARENA_MAX, 4);
}

void *mem_alloc(size_t size)
{
	check_dying(size);
	for (unsigned tries = 0;; tries++) {
		void *p = mem_try(size);

		if (p)
			return p;
		if (!make_room(tries))
			no_memory(size);
	}
}

void *mem_try(size_t size)
{
	return malloc(size ? size : 1);
}

void *mem_zalloc(size_t size)
{
	check_dying(size);
	for (unsigned tries = 0;; tries++) {
		void *p = calloc(1, size ? size : 1);

		if (p)
			return p;
		if (!make_room(tries))
			no_memory(size);
	}
}

static size_t product(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		no_memory(SIZE_MAX);
	return total;
}

void *mem_array(size_t n, size_t size)
{
	return mem_zalloc(product(n, size));
}

void *mem_realloc(void *p, size_t size)
{
	check_dying(size);
	for (unsigned tries = 0;; tries++) {
		void *q = realloc(p, size ? size : 1);

		if (q)
			return q;
		if (!make_room(tries))
			no_memory(size);
	}
}

void *mem_regrow(void *p, size_t n, size_t size)
{
	return mem_realloc(p, product(n, size));
}

void *mem_dup(const void *p, size_t size)
{
	void *q = mem_alloc(size);

	if (size)
		memcpy(q, p, size);
	return q;
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s) + 1);
}

char *mem_strndup(const char *s, size_t n)
{
	char *q = mem_alloc(n + 1);

	if (n)
		memcpy(q, s, n);
	q[n] = 0;
	return q;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		no_memory(0);
	return s;
}

void mem_free(void *p)
{
	free(p);
}

void mem_wipe(void *p, size_t size)
{
	if (size)
		explicit_bzero(p, size);
}

void mem_free_secret(char *s)
{
	if (s)
		mem_wipe(s, strlen(s));
	mem_free(s);
}
