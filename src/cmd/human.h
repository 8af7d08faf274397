/*
 * human: numbers, names and tables as a person reads them (docs/format.md 13.1).  Pure.
 */
#ifndef CMD_HUMAN_H
#define CMD_HUMAN_H
#include "base/buf.h"
#include <stdint.h>

struct human {
	char s[64];
};
struct human human_size(uint64_t bytes);       /* "12 B", "1.500 KiB", … */
struct human human_duration(uint64_t seconds); /* "M:SS", "H:MM:SS" */

/*
 * human_safe: `s` for a terminal, appended: as it is when every rune of it can be printed, else in
 * double quotes with \xNN and \" for what cannot (a file's name may hold escape sequences that
 * drive the terminal).
 */
void human_safe(struct buf *b, const char *s, size_t n);
/* human_json: JSON for a terminal, appended: what cannot be printed, which can only stand in a
 * string, as \uNNNN. */
void human_json(struct buf *b, const void *s, size_t n);
size_t human_width(const char *s, size_t n); /* cells on a terminal */

/*
 * A table: rows of cells, a cell may have several lines.  Two spaces between columns, no blanks at
 * the end of a line, "----" below the header and below the rows.
 */
struct table;
/* a head's trailing blanks make its column wider */
struct table *table_new(const char *const *heads, size_t columns);
/* copies; the next cell of the current row.  '\n' separates its lines */
void table_cell(struct table *t, const char *text);
void table_gaps(struct table *t); /* an empty line between rows */
void table_write(const struct table *t, struct buf *out);
void table_free(struct table *t);

#endif
