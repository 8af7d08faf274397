/*
 * s3_sign: AWS Signature Version 4 of one request, in the Authorization header.  A pure function:
 * the time and the keys are parameters.
 *
 * Source: AWS General Reference, "Signature Version 4 signing process", and the S3 API Reference's
 * "Examples: signature calculations".
 */
#ifndef BACKEND_S3_SIGN_H
#define BACKEND_S3_SIGN_H
#include "base/buf.h"
#include "base/err.h"

#define S3_SIGN_HEADERS 8
#define S3_EMPTY_SHA256                                                                            \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* of no bytes */

struct s3_header {
	const char *name;  /* lower case */
	const char *value; /* no blanks around it, no two in a row */
};

struct s3_sign {
	const char *access, *secret, *region;
	int64_t sec; /* wall clock, seconds since 1970 */
	const char *method;
	const char *path;    /* percent-encoded once, as sent, from its first '/' */
	const char *query;   /* as sent: names sorted, names and values encoded; "" for none */
	const char *payload; /* what x-amz-content-sha256 says: 64 hex digits or UNSIGNED-PAYLOAD */
	struct s3_header
		header[S3_SIGN_HEADERS]; /* all that are signed, sorted by name: host, x-amz-date
					    and x-amz-content-sha256 among them */
	size_t n_header;
};

/* s3_sign_date(sec, out): "20130524T000000Z", the value of x-amz-date.  Years 0 to 9999. */
#define S3_DATE 17
void s3_sign_date(int64_t sec, char out[S3_DATE]);

/* s3_sign(s, out): appends the value of the Authorization header.  ERR_NOMEM if `out` is full. */
int s3_sign(const struct s3_sign *s, struct buf *out);

#endif
