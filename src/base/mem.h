/*
 * mem: heap memory whose exhaustion is not an error path.
 *
 * Sizes that come from outside are checked by their readers (see buf.h), so an allocation that
 * fails here means that the machine has no memory left.  What was kept back for this is given free
 * then, a first handler ends the run in order, and the allocation is tried again; if it fails all
 * the same, a last handler ends the process.  All are thread safe.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H
#include <stddef.h>

/*
 * mem_on_exhausted(fn): fn(size) is called by each thread that gets no memory, with whatever locks
 * held; must not return.  Without it the process aborts.
 */
void mem_on_exhausted(void (*fn)(size_t size));

/*
 * mem_keep_back(size, low): twice so many bytes of address space.  The first time that an
 * allocation fails half of it is given free and low() called, on whatever thread and with whatever
 * locks held: it may set flags and post semaphores.  The other half is given free before fn of
 * mem_on_exhausted is called the first time, for those who put things in order meanwhile: from then
 * on what is large (MEM_LARGE) counts as exhausted without being tried, because it is for the work
 * that is over.
 */
#define MEM_LARGE ((size_t)256 << 10)

/* mem_none(): a library got no memory and cannot go on: as if an allocation of ours had failed. */
void mem_none(void) __attribute__((noreturn));
void mem_keep_back(size_t size, void (*low)(void));

/* mem_tune(): set the allocator up for large buffers that come and go (keeps them instead of
 * unmapping).  Call once at start. */
void mem_tune(void);

void *mem_alloc(size_t size);           /* uninitialised; free with mem_free */
void *mem_zalloc(size_t size);          /* zeroed */
void *mem_array(size_t n, size_t size); /* zeroed, n * size checked for overflow */
void *mem_realloc(void *p, size_t size);
/* mem_try(size): NULL if there is not so much, for sizes that a file or a server names and that may
 * be absurd. */
void *mem_try(size_t size);
/* realloc to n elements, overflow checked; new elements are not cleared */
void *mem_regrow(void *p, size_t n, size_t size);
void *mem_dup(const void *p, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s,
	size_t n); /* copies exactly n bytes (they may contain 0) and adds a 0 */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *p);              /* NULL is fine */
void mem_wipe(void *p, size_t size); /* zero secrets; never optimised away */
void mem_free_secret(char *s);       /* a string, wiped first; NULL is fine */

#endif
