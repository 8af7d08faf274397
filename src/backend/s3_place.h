/*
 * s3_place: an S3 location in its parts, and the URLs in it (docs/format.md 16.2).  Lexical only.
 *
 * "https://host[:port]/bucket[/prefix]", "http://…", whose paths are percent-encoded as in any URL;
 * "host/bucket[/prefix]" and "//host/bucket[/prefix]" (both https), whose are not.
 */
#ifndef BACKEND_S3_PLACE_H
#define BACKEND_S3_PLACE_H
#include "base/buf.h"
#include "base/err.h"

#define S3_REGION_MAX 64

struct s3_place {
	bool tls;
	char *host; /* lower case; with its port unless that is the scheme's own */
	char *bucket;
	char *prefix;               /* "" or "a/b/" */
	char region[S3_REGION_MAX]; /* what an AWS host name says; "" */
	bool aws;                   /* the host is made from the region */
	bool virtual_host; /* the bucket is part of the host name: AWS, Google and Aliyun want that;
			      not for dotted names over https, whose certificate would not fit */
};

/* s3_place_parse(p, s, err): `s` is what follows "s3:".  ERR_USAGE with what is wrong; never
 * repeats `s`, where keys may stand. */
int s3_place_parse(struct s3_place *p, const char *s, struct err *err);
void s3_place_release(struct s3_place *p);

/* s3_place_host(p, region, path_style, b): appends the host of a request, as the Host header names
 * it. */
void s3_place_host(const struct s3_place *p, const char *region, bool path_style, struct buf *b);

/* s3_place_path(p, key, path_style, b): appends the encoded path of the object `key` (the prefix
 * belongs to it), or of the bucket for NULL. */
void s3_place_path(const struct s3_place *p, const char *key, bool path_style, struct buf *b);

#endif
