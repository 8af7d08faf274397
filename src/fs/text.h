/*
 * text: files that a user wrote by hand (patterns, lists of names), read whole and taken apart into
 * lines.
 */
#ifndef FS_TEXT_H
#define FS_TEXT_H
#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>

/*
 * text_load: the file's bytes, "-" = standard input, into b (initialised by the caller with the
 * most it may hold; ERR_NOMEM beyond). decode: a byte order mark is taken off, and UTF-16 that
 * begins with one becomes UTF-8 (standard input stays as it is).
 */
int text_load(const char *path, bool decode, struct buf *b, struct err *err);

/* text_decode: what text_load does with a byte order mark, in place. */
int text_decode(struct buf *b, struct err *err);

/* text_line: the next line at *p (advanced), without its end ("\n" or "\r\n"), *n bytes long,
 * borrowed; NULL behind the last one. */
const char *text_line(const char **p, const char *end, size_t *n);

/*
 * text_expand: n bytes of s appended to b with variables replaced as Go's os.Expand does: $name,
 * ${name}, $$ = $, and the shell's one-character names; an open or empty ${ disappears; a $ before
 * anything else stays.  env may be NULL or return NULL: the variable is empty then.
 */
void text_expand(struct buf *b, const char *s, size_t n, const char *(*env)(const char *name));

#endif
