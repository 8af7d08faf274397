/*
 * swift_answer: what the answer to a login says: the token, its life, and where the object store
 * is.  A part of swift_login.c.
 */
#ifndef BACKEND_SWIFT_ANSWER_H
#define BACKEND_SWIFT_ANSWER_H
#include "backend/http.h"
#include "base/buf.h"

struct swift_answer {
	/* in, borrowed: the region whose endpoint is wanted, NULL: any; the storage URL that an
	 * earlier login gave, NULL: none */
	const char *region, *fixed;
	/* out; the strings are copies */
	char *token, *url; /* url: the first endpoint that fits */
	struct ts issued, expires;
	bool fixed_listed;  /* `fixed` is among the endpoints that fit */
	unsigned n_places;  /* how many different ones fit */
	struct buf regions; /* the names of some of them, for messages; initialised by
			       swift_answer_body */
};
void swift_answer_release(struct swift_answer *a); /* wipes */

/* swift_answer_body(a, r, err): Keystone's, v3 or v2.  ERR_INVALID: it makes no sense. */
int swift_answer_body(struct swift_answer *a, const struct http_req *r, struct err *err);

/* swift_answer_v1(a, r, now): the headers of version 1. */
void swift_answer_v1(struct swift_answer *a, const struct http_req *r, const struct ts *now);

/* swift_answer_header(r, name, out): a header as an owned string, unless *out has one already. */
void swift_answer_header(const struct http_req *r, const char *name, char **out);

/* swift_answer_end(a, now): the end by our clock: the lifetime counts, not what the server's clock
 * shows. */
struct ts swift_answer_end(const struct swift_answer *a, const struct ts *now);

bool swift_url_same(const char *a, const char *b); /* but for slashes at the end */

#endif
