/*
 * swift_auth: a source of tokens that logs in (swift_login.h) as whoever the environment names
 * (swift_creds.h).
 */
#ifndef BACKEND_SWIFT_AUTH_H
#define BACKEND_SWIFT_AUTH_H
#include "backend/http.h"
#include "backend/swift_creds.h"
#include "backend/swift_token.h"

/* How requests are started: http_start, or a test's stand-in. */
struct swift_wire {
	void (*start)(void *arg, struct http_req *r);
	void *arg;
};

/* swift_login_source_new(c, w, env): the token of the environment first, if there is one, then
 * logins.  Takes c's contents; copies w. */
struct swift_token_source *swift_login_source_new(struct swift_creds *c, const struct swift_wire *w,
	const struct env *env);

#endif
