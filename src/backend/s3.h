/*
 * s3: a repository in an S3 bucket (docs/format.md 16.2).  Uploads are single requests whose signed
 * x-amz-content-sha256 is the file's name, so that the server itself checks what it stores; no
 * trailers, no chunked signing.
 *
 * The region is not asked for: the first answer that names another one than AWS_DEFAULT_REGION, the
 * host name or us-east-1 decides.
 */
#ifndef BACKEND_S3_H
#define BACKEND_S3_H
#include "backend/backend.h"
#include "backend/http.h"

struct s3_options {
	const char *home;                        /* see s3_cred.h */
	const char *(*getenv)(const char *name); /* likewise; and AWS_DEFAULT_REGION */
	const char *region, *lookup;             /* see struct backend_options */
	const char *project;                     /* likewise; NULL: $OS_PROJECT_NAME */
	unsigned connections;                    /* 0: 5 */
	/* keys asked for in one listing page; 0: the server's default */
	unsigned page;
	bool list_v1; /* as if the server knew no ListObjectsV2 */
	/* for tests: a file's name need not be its SHA-256 */
	bool any_names;
};

/* backend_s3_new(place, http, o, env, out, err): takes `http`, also when it fails.  Keys are looked
 * for now, the server is not.  ERR_USAGE, ERR_DENIED. */
int backend_s3_new(const char *place, struct http *http, const struct s3_options *o,
	const struct env *env, struct backend **out, struct err *err);

#endif
