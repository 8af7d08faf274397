/*
 * match: restic's exclude and include patterns (docs/format.md 11.4).  Immutable after loading, so
 * thread safe.
 */
#ifndef FS_MATCH_H
#define FS_MATCH_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

struct match;
struct match *match_new(bool ignore_case);
void match_free(struct match *m);
/* match_add: one pattern, "!" in front negates, an empty one is ignored.  ERR_USAGE when it cannot
 * be parsed. */
int match_add(struct match *m, const char *pattern, struct err *err);
/*
 * match_add_file: lines of an exclude file: trimmed, blank and # lines skipped, $VAR expanded by
 * env(name); env may be NULL or return NULL, which is an empty value.  A byte order mark is taken
 * off, UTF-16 behind one understood.
 */
int match_add_file(struct match *m, const char *path, const char *(*env)(const char *name),
	struct err *err);
size_t match_count(const struct match *m);
/*
 * match_path: path absolute and clean (or the name of an extended attribute); m may be NULL.  A
 * path matches when it or a directory above it does. *child (may be NULL): something below may
 * match (for include lists).  Costs about 10 ns a pattern.
 */
bool match_path(const struct match *m, const char *path, bool *child);
/* Of the ith pattern: its text, cleaned and without "!"; whether it had that; whether it matches
 * the path by itself, whatever else there is. */
const char *match_text(const struct match *m, size_t i);
bool match_negated(const struct match *m, size_t i);
bool match_pattern(const struct match *m, size_t i, const char *path);
/* match_one: one pattern without "!" (find): a match of the path or of a run of its components.  An
 * empty pattern matches all, a bad one nothing. Compiles each time: for many paths use a struct
 * match. */
bool match_one(const char *pattern, const char *path, bool ignore_case);

/*
 * Lists of targets (11.5), from a file or "-" = stdin.  fn(arg, name) is called for each name,
 * which it copies; wildcards give names that exist, warn(arg, msg) (may be NULL) is told of those
 * that give none.  ERR_USAGE for a bad wildcard, an empty raw name or one without its end; names
 * before it have been passed on by then.
 */
enum match_list { MATCH_LINES_GLOB, MATCH_LINES_VERBATIM, MATCH_NUL };
int match_read_list(const char *path, enum match_list kind, void (*fn)(void *arg, const char *name),
	void *arg, void (*warn)(void *arg, const char *msg), struct err *err);

/* match_size: "10k", "3M", … (bB kK mM gG tT, powers of 1024). */
int match_size(const char *s, unsigned long long *bytes, struct err *err);

#endif
