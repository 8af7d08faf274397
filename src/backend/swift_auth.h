/*
 * swift_auth: who the user is to a Swift store (docs/format.md 16.3): what the environment says,
 * what a login sends, what its answer means.
 *
 * Keystone v3 (password, application credential, token), v2 (password), and v1, which Swift's
 * TempAuth and Ceph RGW speak.  The environment comes in through a function.
 */
#ifndef BACKEND_SWIFT_AUTH_H
#define BACKEND_SWIFT_AUTH_H
#include "backend/http.h"
#include "backend/swift_token.h"

/* NULL: not set, or empty. */
struct swift_creds {
	char *user, *user_id, *key;
	char *user_domain, *user_domain_id;
	char *project, *project_id, *project_domain, *project_domain_id, *trust_id;
	char *app_id, *app_name, *app_secret;
	char *auth_url, *region;
	char *storage_url, *token; /* ready-made, as allas_conf exports them */
};

/* swift_creds_read(c, get, err): `get` answers like getenv.  ERR_USAGE, naming what is missing,
 * when there is neither a token with its URL nor enough to log in. */
int swift_creds_read(struct swift_creds *c, const char *(*get)(const char *name), struct err *err);
void swift_creds_release(struct swift_creds *c); /* wipes */
bool swift_creds_can_login(const struct swift_creds *c);
/* of the login: 1, 2, 3; 0: the URL says none */
int swift_creds_version(const struct swift_creds *c);

/* How requests are started: http_start, or a test's stand-in. */
struct swift_wire {
	void (*start)(void *arg, struct http_req *r);
	void *arg;
};

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

/* swift_login_source_new(c, w, env): the token of the environment first, if there is one, then
 * logins.  Takes c's contents; copies w. */
struct swift_token_source *swift_login_source_new(struct swift_creds *c, const struct swift_wire *w,
	const struct env *env);

#endif
