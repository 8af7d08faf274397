/*
 * glob: one component of a path against a pattern, by the rules of Go's path/filepath.Match on
 * Unix, compiled once.
 *
 *   *        any bytes, none too
 *   ?        one character (a byte that is no UTF-8 counts as one)
 *   [a-z\]]  one character of these ranges; [^…] one that is not.  '!' does not negate
 *   \c       c itself
 *
 * All of the name must match; a leading dot is nothing special.  Immutable after glob_init, so
 * thread safe.
 */
#ifndef FS_GLOB_H
#define FS_GLOB_H
#include <stdbool.h>
#include <stddef.h>

struct glob_token;
struct glob_range;
struct glob {
	struct glob_token *token;
	struct glob_range *range;
	char *text; /* literal bytes without their backslashes */
	size_t tokens, least;
	const char *head,
		*tail; /* every match begins and ends with these bytes, which may overlap */
	size_t head_n, tail_n;
};

/* glob_init: compile n bytes without '/'.  0 or ERR_USAGE when they are no pattern (an open '[', a
 * '\' at the end); then nothing is held. */
int glob_init(struct glob *g, const char *pattern, size_t n);
void glob_release(struct glob *g);

bool glob_match(const struct glob *g, const char *name, size_t n);

/* glob_is_literal: none of the bytes mean anything but themselves. */
bool glob_is_literal(const char *pattern, size_t n);

#endif
