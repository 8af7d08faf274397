/*
 * s3_cred: where the keys for an S3 server are found.  The first that is complete (docs/format.md
 * 16.2; steps 2 and 4 are ours):
 *
 * 1. the environment: AWS_ACCESS_KEY_ID | AWS_ACCESS_KEY with AWS_SECRET_ACCESS_KEY |
 *    AWS_SECRET_KEY (and AWS_SESSION_TOKEN), or MinIO's names;
 * 2. rclone's section of this host that is named after the project: s3allas-PROJECT or
 *    lumi-PROJECT-private.  ~/.aws knows the last login only, which may be another one's;
 * 3. the profile in ~/.aws (s3_conf.h), passed over if its endpoint is another host: who uses both
 *    Allas and LUMI-O has the keys of the last one there;
 * 4. rclone's sections of this host: s3allas or lumi-o rather than the first.
 *
 * Roles are not assumed: what asks for one is refused where it would count
 * (RESTIC_AWS_ASSUME_ROLE_ARN always, AWS_ROLE_ARN and the like unless the environment holds
 * keys), for other keys than the role's may open other buckets.
 *
 * Nothing is read from thin air: environment and home are parameters.
 */
#ifndef BACKEND_S3_CRED_H
#define BACKEND_S3_CRED_H
#include "backend/s3_conf.h"

struct s3_cred {
	char *access, *secret;
	char *token; /* NULL: none */
	char *from;  /* where they were found, for messages */
};

struct s3_cred_where {
	const char *host;    /* of the location, with or without a port */
	const char *project; /* NULL: $OS_PROJECT_NAME */
	struct s3_conf_where conf;
};

/* s3_cred_find(c, w, err): fills `c`.  ERR_DENIED with what to do if there are none;
 * ERR_UNSUPPORTED: a role; the system's error if a file cannot be read. */
int s3_cred_find(struct s3_cred *c, const struct s3_cred_where *w, struct err *err);
struct s3_cred s3_cred_copy(const struct s3_cred *c);
void s3_cred_release(struct s3_cred *c); /* wipes */

#endif
