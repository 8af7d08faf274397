/*
 * unreadable: for add -pre-check: who owns what could not be read, so that they can be asked for
 * permission.  The files are those at which the backup itself failed: nothing is walked for it.
 */
#ifndef CMD_UNREADABLE_H
#define CMD_UNREADABLE_H
#include "cmd/out.h"

struct unreadable;
/* borrows cwd, where relative paths begin */
struct unreadable *unreadable_new(const char *cwd);
void unreadable_free(struct unreadable *u); /* NULL is fine */
/* an item that failed; counts if it was permission that was missing */
void unreadable_add(struct unreadable *u, const char *path);
void unreadable_say(const struct unreadable *u, struct out *o);

#endif
