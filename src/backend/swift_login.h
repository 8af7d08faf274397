/*
 * swift_login: what a login sends to a Swift store's login server and what its answer means:
 * Keystone v3 (password, application credential, token), v2 (password), and v1, which Swift's
 * TempAuth and Ceph RGW speak.  No transfers here.
 */
#ifndef BACKEND_SWIFT_LOGIN_H
#define BACKEND_SWIFT_LOGIN_H
#include "backend/http.h"
#include "backend/swift_creds.h"
#include "backend/swift_token.h"

/* A login, or the question how long a token lives: one request and what it points to. */
struct swift_login {
	struct http_req req; /* done and arg are the caller's to set */
	char *url, *line[2];
	struct buf body;
	struct buf choice; /* a sentence for the user, when one of several object stores was chosen
			      for no good reason; else empty */
};
/* release after an error too */
int swift_login_init(struct swift_login *l, const struct swift_creds *c, struct err *err);
/* about c->token; ERR_UNSUPPORTED: not with this server */
int swift_login_init_check(struct swift_login *l, const struct swift_creds *c);
void swift_login_release(struct swift_login *l); /* wipes */

/*
 * swift_login_answer(l, c, fixed, now, out, err): the token that a finished login brought.
 * ERR_DENIED: the server refuses this user; ERR_USAGE: there is no such server, or no object store
 * in this region; ERR_INVALID; ERR_IO: trying again may help.  A lifetime is counted from `now`, so
 * that clocks may differ.  `fixed`: the storage URL of an earlier login, NULL: none; it stays,
 * whatever comes first in a catalog now, and ERR_USAGE if it is not there any more.
 */
int swift_login_answer(struct swift_login *l, const struct swift_creds *c, const char *fixed,
	const struct ts *now, struct swift_token **out, struct err *err);

/* swift_login_answer_check(l, end): false: the server knows no such token (any more).  *end: when
 * it ends, sec 0: not known; no clocks are compared here. */
bool swift_login_answer_check(struct swift_login *l, struct ts *end);

#endif
