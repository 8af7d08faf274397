/*
 * restore_used: which of the include patterns match something in the snapshot.  One that matches
 * nothing deletes nothing: it is a slip, or means another snapshot.
 */
#ifndef ENGINE_RESTORE_USED_H
#define ENGINE_RESTORE_USED_H
#include "engine/restore.h"

struct restore_used;
struct restore_used *restore_used_new(const struct restore_options *opt);
void restore_used_free(struct restore_used *u);
/* restore_used_node: a selected node of the snapshot; first(arg, n): it is the first that the
 * pattern with this number matches.  restore_used_pattern: another rank has found one. */
void restore_used_node(struct restore_used *u, const char *path,
	void (*first)(void *arg, uint64_t n), void *arg);
void restore_used_pattern(struct restore_used *u, uint64_t n);
/* restore_used_covers: a pattern that has matched something matches the path too; or there are no
 * include patterns. */
bool restore_used_covers(const struct restore_used *u, const char *path);
/* restore_used_rest: the patterns that matched nothing. */
void restore_used_rest(const struct restore_used *u, void (*fn)(void *arg, const char *pattern),
	void *arg);

#endif
