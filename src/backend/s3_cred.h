/*
 * s3_cred: where the keys for an S3 server are found.  The first that is complete (restic-format.md 16.2; the last step is ours):
 *
 * 1. the environment: AWS_ACCESS_KEY_ID | AWS_ACCESS_KEY with AWS_SECRET_ACCESS_KEY | AWS_SECRET_KEY (and AWS_SESSION_TOKEN), or MinIO's names;
 * 2. $AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials, profile $AWS_PROFILE or "default"; names of keys in any case, since CSC's tools write them in capitals.
 *    Passed over if the profile in ~/.aws/config has an endpoint_url of another host: who uses both Allas and LUMI-O has the keys of the last one there;
 * 3. rclone's configuration: a section of type s3 whose endpoint is this host; s3allas-$OS_PROJECT_NAME or lumi-$OS_PROJECT_NAME-private rather than s3allas
 *    or lumi-o rather than the first.
 *
 * Nothing is read from thin air: environment and home are parameters.
 */
#ifndef BACKEND_S3_CRED_H
#define BACKEND_S3_CRED_H
#include "base/err.h"

struct s3_cred {
	char *access, *secret;
	char *token; /* NULL: none */
	char *from;  /* where they were found, for messages */
};

struct s3_cred_where {
	const char *host;                        /* of the location, with or without a port */
	const char *home;                        /* NULL: no files below it */
	const char *(*getenv)(const char *name); /* NULL: an empty environment */
};

/* s3_cred_find(c, w, err): fills `c`.  ERR_DENIED with what to do if there are none; the system's error if a file cannot be read. */
int s3_cred_find(struct s3_cred *c, const struct s3_cred_where *w, struct err *err);
void s3_cred_release(struct s3_cred *c); /* wipes */

#endif
