#include "base/pages.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define PIECE                                                                                      \
	((size_t)1 << 18) /* of ordinary pages at a time; a multiple of every page size there is   \
			   */

/*
 * A large page that lies ready costs 0.1 to 0.5 ms; the 512 ordinary ones in its place 0.2 to 1.5.
 * Where the kernel has to move others' pages together first, or the host of a virtual machine to
 * find the memory, it costs up to 10 ms, and the next one mostly too: after one such this process
 * takes ordinary pages.
 */
#define DEAR_NS 1000000

static _Atomic bool dear;

static uintptr_t up(uintptr_t x, uintptr_t unit)
{
	return (x + unit - 1) / unit * unit;
}

void *pages_map(size_t size)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE),
			more = size < PAGES_LARGE ? 0 : PAGES_LARGE;
	uintptr_t from, to, first, last;
	void *p;

	if (size > SIZE_MAX - 2 * PAGES_LARGE)
		return NULL;
	p = mmap(NULL, size + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	from = (uintptr_t)p;
	to = up(from + size + more, page);
	first = more ? up(from, PAGES_LARGE) : from;
	last = up(first + size, page);
	if (from < first)
		munmap(p, first - from);
	if (last < to)
		munmap((void *)last, to - last);
	return (void *)first;
}

void pages_unmap(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool make(uintptr_t from, uintptr_t to)
{
	return madvise((void *)from, to - from, MADV_POPULATE_WRITE) == 0;
}

/* CPU time is the price: this thread pays for the search, in its kernel or in the host, and what
 * others do meanwhile does not count. */
static void make_large(uintptr_t at)
{
	int64_t begun = cpu_ns();

	if (madvise((void *)at, PAGES_LARGE, MADV_HUGEPAGE) != 0 || !make(at, at + PAGES_LARGE) ||
		cpu_ns() - begun > DEAR_NS)
		atomic_store(&dear, true);
}

void *pages_make(void *p, void *end)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), to = (uintptr_t)end / page * page;
	uintptr_t from = (uintptr_t)p / page * page, stop;

	if (from >= to)
		return end;
	if (from % PAGES_LARGE == 0 && to - from >= PAGES_LARGE) {
		if (!atomic_load(&dear)) {
			make_large(from);
			return (void *)(from + PAGES_LARGE);
		}
		/* Where the kernel makes large ones unasked. */
		madvise((void *)from, to - from, MADV_NOHUGEPAGE);
	}
	stop = (from + PIECE) / PIECE * PIECE;
	if (stop > to)
		stop = to;
	make(from, stop);
	return stop == to ? end : (void *)stop;
}
