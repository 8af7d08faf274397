/* allas_password: a random password, and the file that a project's lies in. */
#ifndef CMD_ALLAS_PASSWORD_H
#define CMD_ALLAS_PASSWORD_H
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include <stdbool.h>

/* allas_password_draw: 256 random bits as text, into a buffer that it initialises; buf_wipe it. */
void allas_password_draw(const struct rnd *rnd, struct buf *out);

/*
 * allas_password_new(path, rnd, out, err): such a one, in a file that only its owner may read and
 * on the disk before this returns; never over an existing file (ERR_EXISTS). buf_wipe(out) after
 * use.
 */
int allas_password_new(const char *path, const struct rnd *rnd, struct buf *out, struct err *err);

/*
 * allas_password_replace: the file, whether it exists or not, holds this password, and is its
 * owner's alone; at any moment it is whole, the old one or the new one.  *replaced: it is the new
 * one, even if an error came after that.
 */
int allas_password_replace(const char *path, const struct buf *password, bool *replaced,
	struct err *err);

#endif
