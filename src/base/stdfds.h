/* stdfds: standard input, output and error are there before anything else is opened. */
#ifndef BASE_STDFDS_H
#define BASE_STDFDS_H
#include <stdbool.h>

/*
 * stdfds_fill(): gives /dev/null to those of descriptors 0 to 2 that are closed, as crontabs and
 * daemons leave them: else the next file that is opened has the number of standard error, and
 * messages are written into it.  Standard output becomes one that cannot be written to, so that
 * everybody, a program that is executed later too, can tell that results would be lost
 * (out_nowhere); standard input one that cannot be read: a list that is to come from there and does
 * not is no empty list.  The first thing that a program does.  False: it cannot be done, and
 * nothing may be opened.
 */
bool stdfds_fill(void);

#endif
