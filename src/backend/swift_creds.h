/*
 * swift_creds: who the user is to a Swift store, as the environment says (docs/format.md 16.3). The
 * environment comes in through a function.
 */
#ifndef BACKEND_SWIFT_CREDS_H
#define BACKEND_SWIFT_CREDS_H
#include "base/err.h"
#include <stdbool.h>

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
/* an application credential, whole */
bool swift_creds_has_app(const struct swift_creds *c);
/* of the login: 1, 2, 3; 0: the URL says none */
int swift_creds_version(const struct swift_creds *c);

#endif
