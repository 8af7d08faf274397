/* stores: object stores for tests: one in memory, and one that fails. */
#ifndef LIB_STORES_H
#define LIB_STORES_H
#include "backend/backend.h"

/* store_mem.c: thread safe, may be shared by ranks */
struct backend *backend_mem_new(void);
/* store_mem.c: a handle on any store whose free does not free it */
struct backend *backend_share(struct backend *b);

/*
 * store_fault.c: a decorator that fails operations as a seeded random decides.  Rates in parts per
 * million.  What happens to the n-th operation (counted from 1, list and create too) depends on the
 * seed and n alone.  A listing fails after a few names; a failed remove may have removed the file.
 */
struct backend_fault_policy {
	uint64_t seed;
	unsigned put_fail, put_fail_after;      /* error before / after the bytes are stored */
	unsigned get_fail, get_short, get_flip; /* error; truncated (ERR_TOOSHORT if a length was
						   given, else a silent loss); one bit flipped */
	unsigned list_fail, remove_fail;
	unsigned permanent;    /* of the failures, how many are ERR_NOSPACE instead of ERR_IO */
	uint64_t fail_from_op; /* != 0: from this operation on everything fails: a store that dies
				*/
};
/* takes `inner`, and frees it with itself */
struct backend *backend_fault_new(struct backend *inner, const struct backend_fault_policy *p);
uint64_t backend_fault_count(const struct backend *b); /* faults injected so far */

#endif
