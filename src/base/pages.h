/*
 * pages: memory straight from the kernel, for what is large and used once.  All are thread safe.
 */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H
#include <stddef.h>

/*
 * pages_map(size): zeroed memory for a size that comes from outside: NULL when there is none.  From
 * PAGES_LARGE bytes on it begins at a multiple of them.  pages_unmap(p, size) gives it back to the
 * kernel at once; NULL is fine.
 */
#define PAGES_LARGE ((size_t)2 << 20)
void *pages_map(size_t size);
void pages_unmap(void *p, size_t size);

/*
 * pages_make(p, end): the kernel makes the first pages of this part of a map now, which is cheaper
 * than at the first write to each.  They are one large page where p begins one that nobody has
 * written to and this machine makes them cheaply; else so many ordinary ones that they are still in
 * the cache when they are written soon.  Returns where they end, at most `end`: call it again when
 * the memory up to there is in use.
 *
 * Only advice (Linux 5.14 and later take it): what is in the memory stays, and memory that there is
 * not shows at the write.
 */
void *pages_make(void *p, void *end);

#endif
