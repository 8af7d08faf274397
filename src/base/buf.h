/*
 * buf: a growing byte buffer born with a maximum.
 *
 * Appending beyond `max` fails with ERR_NOMEM and sets `overflow`, which stays: a writer may append
 * many times and check once at the end. Not thread safe.  A zeroed struct buf is a released one;
 * buf_init gives it its maximum.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *p;
	size_t len, cap, max;
	bool overflow;
	bool lent; /* p is somebody else's */
};

void buf_init(struct buf *b, size_t max);
/* buf_lend: an empty buffer of the n bytes at p, at most: it begins with memory that stays the
 * caller's.  Whoever sees what came of it looks whether b->p is still p. */
void buf_lend(struct buf *b, void *p, size_t n);
void buf_release(struct buf *b);             /* frees; keeps max, so that it can be used again */
void buf_wipe(struct buf *b);                /* zeroes the contents, then releases: for secrets */
void buf_reset(struct buf *b);               /* len = 0, overflow = false, memory kept */
int buf_reserve(struct buf *b, size_t more); /* room for `more` bytes behind len: exactly when
						empty, else at least doubling */
/* buf_try_reserve: the same where a file or a server says how much: ERR_NOMEM, and no overflow, if
 * the machine does not have it either. */
int buf_try_reserve(struct buf *b, size_t more);
int buf_add(struct buf *b, const void *p, size_t n);
int buf_addc(struct buf *b, int c);
int buf_adds(struct buf *b, const char *s);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_addu(struct buf *b, uint64_t v); /* decimal; faster than buf_addf */
/* releases `to`, takes the contents of `from`, which keeps its max and becomes empty */
void buf_move(struct buf *to, struct buf *from);
/* a 0 behind the contents (not counted in len); NULL on overflow */
const char *buf_str(struct buf *b);

#endif
