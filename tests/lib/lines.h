/* lines: texts of several lines, where their order does not count. */
#ifndef LIB_LINES_H
#define LIB_LINES_H

/* lines_sorted: the lines of a text, in order; owned. */
char *lines_sorted(const char *text);

#endif
