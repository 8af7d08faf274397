/*
 * letter: characters in names as Go sees them, for patterns: a wrong byte counts as one character;
 * lower case; white space.  Pure.
 */
#ifndef FS_LETTER_H
#define FS_LETTER_H
#include "base/buf.h"
#include "base/utf8.h"
#include <stddef.h>
#include <stdint.h>

/* letter_get: the first character of the n > 0 bytes at s, *width bytes long; UTF8_BAD with width 1
 * for a byte that begins none. */
uint32_t letter_get(const char *s, size_t n, size_t *width);

/* letter_lower: s in lower case appended to b, as Go's strings.ToLower: wrong bytes become U+FFFD.
 * At most 3 * n bytes. */
void letter_lower(struct buf *b, const char *s, size_t n);

/* letter_trim: the part of s without white space (Unicode's) at both ends, as Go's
 * strings.TrimSpace.  Borrowed from s; *n is changed. */
const char *letter_trim(const char *s, size_t *n);

/* The table behind letter_lower, ascending: lo, lo + step, … hi have their lower case delta further
 * on. */
struct letter_fold {
	uint32_t lo, hi, step;
	int32_t delta;
};
extern const struct letter_fold letter_fold[];
extern const size_t letter_folds;

#endif
