/*
 * match: restic's exclude and include patterns (restic-format.md 11.4).  Immutable after loading, so thread safe.
 */
#ifndef FS_MATCH_H
#define FS_MATCH_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

struct match;
struct match *match_new(bool ignore_case);
void match_free(struct match *m);
/* match_add: one pattern, "!" in front negates.  ERR_USAGE when it cannot be parsed. */
int match_add(struct match *m, const char *pattern, struct err *err);
/* match_add_file: lines of an exclude file: trimmed, blank and # lines skipped, $VAR expanded by env(name) (may be NULL). */
int match_add_file(struct match *m, const char *path, const char *(*env)(const char *name), struct err *err);
size_t match_count(const struct match *m);
/* match_path: path absolute and clean.  *child (may be NULL): something below may match (for include lists). */
bool match_path(const struct match *m, const char *path, bool *child);
/* match_one: one pattern without "!" (find): a match of the path or of a run of its components. */
bool match_one(const char *pattern, const char *path, bool ignore_case);

/* Lists of targets (11.5), from a file or "-" = stdin. Names are appended through fn. */
enum match_list { MATCH_LINES_GLOB, MATCH_LINES_VERBATIM, MATCH_NUL };
int match_read_list(const char *path, enum match_list kind, void (*fn)(void *arg, const char *name), void *arg,
	void (*warn)(void *arg, const char *msg), struct err *err);

/* match_size: "10k", "3M", … (bB kK mM gG tT, powers of 1024). */
int match_size(const char *s, unsigned long long *bytes, struct err *err);

#endif
