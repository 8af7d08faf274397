/*
 * swift_mem: a Swift server in memory, without the conditional PUT that Swift's API lacks, and
 * stores that speak to it as processes do: each with requests of its own.
 */
#ifndef LIB_SWIFT_MEM_H
#define LIB_SWIFT_MEM_H
#include "backend/backend.h"

struct swift_mem;
struct swift_mem *swift_mem_new(void);
void swift_mem_free(struct swift_mem *m); /* after its stores */

/*
 * swift_mem_store: ask(arg) is called before each request of this store (NULL: it is not), any
 * thread; if it is not 0 the request fails so, and the server never hears of it. env is borrowed
 * until backend_free.
 */
struct backend *swift_mem_store(struct swift_mem *m, int (*ask)(void *arg), void *arg,
	const struct env *env);

#endif
