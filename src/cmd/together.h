/*
 * together: what a command of all ranks begins with: rank 0, which has opened the repository, tells
 * the others what to do and where; each opens the store by its own way, gets config and key, and
 * looks whether that is the same repository.
 */
#ifndef CMD_TOGETHER_H
#define CMD_TOGETHER_H
#include "cmd/session.h"

/*
 * together_put: rank 0, into an initialised buffer: the order with options, place, directory (cwd),
 * umask and time zone; what the command's own `follow` reads comes behind it.  together_send: tells
 * the others; wipes the buffer, for the place may name a password.  Neither with one rank.
 */
#define TOGETHER_MAX ((size_t)512 << 20)
void together_put(const struct session *s, const char *cwd, struct buf *b);
void together_send(struct session *s, struct buf *b);
/* together_get: another rank: takes all that, and opens the store.  *cwd (may be NULL) is owned,
 * and set on failure too. */
int together_get(struct session *s, struct wire_in *in, char **cwd, struct err *err);
/* together_join: collective; the first that all do: err is what each has met so far, or code 0.
 * The same code on all ranks. */
int together_join(struct session *s, struct err *err);

#endif
