/* password_ask: asks a person for a password: on the terminal without echo, or reads the first line
 * of standard input when that is none. */
#ifndef CMD_PASSWORD_ASK_H
#define CMD_PASSWORD_ASK_H
#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>

struct password_ask {
	int fd_in, fd_out;    /* 0 and 2 */
	const char *question; /* "password for the repository" */
	bool twice;           /* a new password: ask again, both must be equal */
};
/* password_ask: for struct password_source: arg is a struct password_ask.  `out` is wiped by the
 * caller. */
int password_ask(void *arg, struct buf *out, struct err *err);

#endif
