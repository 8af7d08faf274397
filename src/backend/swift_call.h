/*
 * swift_call: one request to a Swift store, with its token.  A part of swift.c; knows no objects.
 *
 * A refused token (401, or 403: Ceph says either) is replaced and the request sent again, at most
 * SWIFT_TOKENS times.  A 403 may as well mean that the user has no right to do this: a HEAD of the
 * container with the same token tells which it is.  Where the store has done the like before it is
 * neither: something in between has answered (ERR_ODD).
 */
#ifndef BACKEND_SWIFT_CALL_H
#define BACKEND_SWIFT_CALL_H
#include "backend/backend.h"
#include "backend/swift_auth.h"

#define SWIFT_TOKENS 3

struct swift_call {
	/* in; swift_call_init clears all.  In `req` the method, body and out's maximum are the
	 * caller's to set */
	struct http_req req;
	char *path;      /* owned: what follows the storage URL, encoded, with its leading / and any
			    query */
	char *header[4]; /* owned; NULL: none */
	/* out: 0 when there is a status that is not about the token */
	struct err err;
	void (*done)(struct swift_call *c);
	void *arg;
	/* swift_call.c's */
	struct swift_keeper *keeper;
	struct swift_wire wire;
	struct swift_wait wait;
	struct swift_token *token;
	char *url, *auth, *probe_url;
	struct http_req probe;
	bool no_right; /* the token is accepted, the request is not */
	unsigned tokens;
	size_t max;
};

void swift_call_init(struct swift_call *c, const char *method, size_t max);
void swift_call_start(struct swift_call *c, struct swift_keeper *k, const struct swift_wire *w);
/* start and wait; c->err.code */
int swift_call_run(struct swift_call *c, struct swift_keeper *k, const struct swift_wire *w);
void swift_call_release(struct swift_call *c);

/* swift_call_judge(c, err): what a status that is no success means.  Returns the code. */
int swift_call_judge(const struct swift_call *c, struct err *err);

#endif
