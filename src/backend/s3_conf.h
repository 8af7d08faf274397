/*
 * s3_conf: the files that say where S3 servers are and with which keys: AWS's (~/.aws) and
 * rclone's.  What is read is judged by s3_cred and by whoever looks for a place.
 *
 * Environment and home are parameters (struct s3_conf_where).  A file that does not exist says
 * nothing; one that cannot be read is the system's error.
 */
#ifndef BACKEND_S3_CONF_H
#define BACKEND_S3_CONF_H
#include "base/err.h"
#include <stdbool.h>

struct s3_conf_where {
	const char *home;                        /* NULL: no files below it */
	const char *(*getenv)(const char *name); /* NULL: an empty environment */
};
/* an empty value counts as none */
const char *s3_conf_getenv(const struct s3_conf_where *w, const char *name);

/* One profile or section; NULL is what it does not say. */
struct s3_conf {
	char *name, *endpoint;
	char *access, *secret, *token;
};
void s3_conf_release(struct s3_conf *c); /* wipes */

/* s3_conf_env: keys of the environment, AWS's or MinIO's names, and the endpoint.  False: no
 * complete pair of keys (the endpoint may be set nevertheless). */
bool s3_conf_env(const struct s3_conf_where *w, struct s3_conf *c);

/*
 * s3_conf_aws: the profile $AWS_PROFILE or "default" of $AWS_SHARED_CREDENTIALS_FILE or
 * ~/.aws/credentials; names of keys in any case, since CSC's tools write them in capitals.  The
 * endpoint from there or from ~/.aws/config.  No complete pair of keys: c->access is NULL.
 */
int s3_conf_aws(const struct s3_conf_where *w, struct s3_conf *c, struct err *err);

/* s3_conf_rclone: calls fn for each section of type s3 with an endpoint and keys.  fn may take
 * `c`'s contents (and leave it zeroed); the rest is released. */
int s3_conf_rclone(const struct s3_conf_where *w, void (*fn)(void *arg, struct s3_conf *c),
	void *arg, struct err *err);

/* s3_conf_same_host: a URL with an optional scheme, port and path is on this host (with or without
 * a port; ports that are not said fit any). */
bool s3_conf_same_host(const char *url, const char *host);

#endif
