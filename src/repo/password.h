/*
 * password: where a repository's password comes from (docs/format.md 17): command, file,
 * environment, prompt; in that order.
 */
#ifndef REPO_PASSWORD_H
#define REPO_PASSWORD_H
#include "base/buf.h"
#include "base/err.h"

struct password_source {
	const char *command; /* --password-command or $RESTIC_PASSWORD_COMMAND; NULL or "" = not
				given */
	const char *file;    /* --password-file or $RESTIC_PASSWORD_FILE */
	const char *value;   /* $RESTIC_PASSWORD */
	bool allow_empty;    /* --insecure-no-password */
	int (*prompt)(void *arg, struct buf *out,
		struct err *err); /* the command's: terminal without echo, or standard input's first
				     line; NULL = none */
	void *arg;
};
/* password_get: ERR_USAGE for a contradiction or an empty one, ERR_PASSWORD when there is none.
 * buf_wipe(out) after use. */
int password_get(const struct password_source *s, struct buf *out, struct err *err);

#endif
