/* subset: which part of the packs `check` is to read: what --read-data-subset says
 * (docs/format.md 13.9).  Pure. */
#ifndef CMD_SUBSET_H
#define CMD_SUBSET_H
#include "engine/check.h"

/*
 * subset_read: "n/t" (1 <= n <= t <= 256), "x%" or a size with its unit, into o->read_data and
 * o->subset_*.  ERR_USAGE for all else: a part that was misunderstood is next to nothing, and "no
 * errors" would be said of it.
 */
int subset_read(const char *s, struct check_options *o, struct err *err);

#endif
