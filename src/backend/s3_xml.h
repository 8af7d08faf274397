/*
 * s3_xml: what S3 servers answer.  Liberal, since they differ: namespaces and prefixes are ignored,
 * elements come in any order, unknown ones are passed over.  Strict where it would do harm: a
 * document that breaks off is an error, a document type (entities) is refused, texts and depth are
 * bounded.
 */
#ifndef BACKEND_S3_XML_H
#define BACKEND_S3_XML_H
#include "base/buf.h"
#include "base/err.h"

#define S3_KEY_MAX 1024 /* bytes, by S3's rules */

struct s3_error {
	char code[64]; /* "" if the answer holds none */
	char message[256];
	char region[64]; /* for the bucket, as AWS says it */
	char endpoint[128];
};

/* s3_xml_error(e, p, n): never fails: an answer without sense (HTML of a proxy, nothing) leaves
 * empty strings. */
void s3_xml_error(struct s3_error *e, const void *p, size_t n);

struct s3_page {
	bool truncated;
	struct buf token;       /* NextContinuationToken; empty if absent.  A string for buf_str */
	struct buf next_marker; /* NextMarker, decoded */
	struct buf last;        /* the last key of the page */
	size_t keys;
	bool sorted; /* keys came in strictly ascending order of bytes, all behind `last` as it was
			before */
};
void s3_page_init(struct s3_page *p);
void s3_page_release(struct s3_page *p);

/*
 * s3_xml_list(page, p, n, fn, arg, err): a page of ListObjects, version 1 or 2.  fn(arg, key, size)
 * for each object, the key decoded if the answer says that it is encoded; a non-zero result ends it
 * and is returned.  `page` is overwritten; its `last` goes in as what the page before ended with.
 * ERR_INVALID for what is no listing (a sentence in err).
 */
int s3_xml_list(struct s3_page *page, const void *p, size_t n,
	int (*fn)(void *arg, const char *key, uint64_t size), void *arg, struct err *err);

/* s3_xml_deleted(p, n, fn, arg, err): the answer to a multi-object delete: fn for each object that
 * it names: e says why it was not deleted, NULL: it was. */
int s3_xml_deleted(const void *p, size_t n,
	void (*fn)(void *arg, const char *key, const struct s3_error *e), void *arg,
	struct err *err);

#endif
