/* allas_password: a new random password in a new file. */
#ifndef CMD_ALLAS_PASSWORD_H
#define CMD_ALLAS_PASSWORD_H
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

/*
 * allas_password_new(path, rnd, out, err): 256 random bits as text, in a file that only its owner
 * may read and on the disk before this returns; never over an existing file (ERR_EXISTS).
 * buf_wipe(out) after use.
 */
int allas_password_new(const char *path, const struct rnd *rnd, struct buf *out, struct err *err);

#endif
