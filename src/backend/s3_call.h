/*
 * s3_call: one signed request to an S3 server, and what its answer means.  A part of s3.c and
 * s3_list.c.
 *
 * An answer that only says "sign again for region R", "your clock is off" or "send a Content-MD5"
 * (where objects are locked) is taken up once each inside the call, and remembered for all later
 * calls.  After a refusal the keys are looked for again: they may have been exchanged meanwhile.
 */
#ifndef BACKEND_S3_CALL_H
#define BACKEND_S3_CALL_H
#include "backend/backend.h"
#include "backend/http.h"
#include "backend/s3_cred.h"
#include "backend/s3_place.h"
#include "backend/s3_sign.h"
#include "backend/s3_xml.h"
#include <pthread.h>

/* The server as all calls see it. */
struct s3 {
	struct backend b;
	struct http *http;
	struct s3_place place;
	const struct env *env;
	bool names_are_hashes;
	unsigned page; /* keys asked for in one listing page; 0: the server's default */
	/* What was learned from answers. */
	pthread_mutex_t lock;
	char region[S3_REGION_MAX];
	int64_t skew; /* seconds that the server's clock is ahead of ours, if signatures need it */
	bool list_v1, md5;
	struct s3_cred cred;
	struct s3_cred_where where; /* they were found; what it points to is owned but for `host` */
	unsigned cred_number;       /* how often they were exchanged */
};

struct s3_call {
	/* in, borrowed until done */
	const char *method;
	const char *key;    /* with the place's prefix; NULL: the bucket */
	const char *query;  /* sorted and encoded; NULL: none */
	const char *range;  /* a Range header's value, NULL: none */
	bool fresh;         /* PUT: only if there is no such object */
	const char *md5;    /* a Content-MD5 header's value, NULL: none */
	const char *sha256; /* of the body, 64 hex digits; NULL: there is no body */
	const uint8_t *body;
	size_t body_n;
	bool path_style; /* even where the place is not: to make a bucket */
	bool urgent;
	/* in and out: r.out as http.h says, initialised by the caller; status, length, err */
	struct http_req r;
	/* out */
	struct s3_error e; /* for a status of 300 and more */
	void (*done)(struct s3_call *c);
	void *arg;
	/* s3_call.c's */
	struct s3 *s;
	char region[S3_REGION_MAX];
	int64_t skew;
	bool region_tried, skew_tried, cred_tried;
	unsigned cred_number; /* of the keys that signed */
	char own_md5[32];     /* where `md5` is NULL and the server wants one */
};

/* s3_call_start(s, c): done() on the http thread.  s3_call_run: start and wait.  s3_call_release
 * afterwards, before another start too; keeps r.out. */
void s3_call_start(struct s3 *s, struct s3_call *c);
void s3_call_run(struct s3 *s, struct s3_call *c);
void s3_call_release(struct s3_call *c);

/* s3_call_judge(c, err): 0 for a status below 300, else the code and sentence for what came,
 * transport included. */
int s3_call_judge(const struct s3_call *c, struct err *err);

/* s3_key: a file's, with the place's prefix; owned.  s3_remove_many: what backend_remove_many says
 * (s3_remove.c). */
char *s3_key(const struct s3 *s, enum backend_type t, const struct id *name);
int s3_remove_many(struct backend *b, enum backend_type t, const struct id *names, size_t n,
	bool *gone, struct err *err);

/* s3_list: what backend_list says (s3_list.c). */
int s3_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err);

#endif
