/* golden: the files of tests/golden, and mangled copies of good input for readers that must survive
 * anything. */
#ifndef LIB_GOLDEN_H
#define LIB_GOLDEN_H
#include "base/buf.h"

/* golden_read: the file tests/golden/NAME, from the project's folder or $A_BACKUP_TESTS/golden.
 * Ends the program if it cannot be read. */
void golden_read(const char *name, struct buf *out);

/*
 * hostile_each: calls fn with every proper prefix of the n bytes, then with copies in which one
 * byte is changed (a bit flipped, and some telling characters put in its place), at most `max` of
 * each kind, spread evenly.  Each copy lies in memory of exactly its size, so that a sanitizer sees
 * a read beyond it.
 */
void hostile_each(const void *p, size_t n, size_t max,
	void (*fn)(void *arg, const uint8_t *p, size_t n), void *arg);

#endif
