/* swift_remove: many objects with one request, where the store has OpenStack's bulk middleware, or
 * is a Ceph gateway.  A part of swift.c. */
#ifndef BACKEND_SWIFT_REMOVE_H
#define BACKEND_SWIFT_REMOVE_H
#include "backend/swift_list.h"

/*
 * swift_remove_many: what backend_remove_many says, of the directory's container and prefix.  Only
 * an answer that says of every object that it is gone, or was not there, counts; ERR_UNSUPPORTED
 * for one that is no such answer.
 */
int swift_remove_many(const struct swift_dir *d, enum backend_type t, const struct id *names,
	size_t n, bool *gone, struct err *err);

/* swift_removed_read: such an answer (JSON): of n objects, are all gone?  A seam for tests. */
bool swift_removed_read(const void *p, size_t len, size_t n);

#endif
