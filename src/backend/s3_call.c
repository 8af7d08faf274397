#include "backend/s3_call.h"
#include "backend/digest.h"
#include "backend/object.h"
#include "base/latch.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX     16384
#define SKEW_LIMIT  600 /* seconds; servers allow 900 */
#define REGION_HOME "us-east-1"

static void call_send(struct s3_call *c);

static void call_add(struct s3_call *c, struct s3_sign *sign, const char *name, const char *value)
{
	sign->header[sign->n_header++] = (struct s3_header){name, value};
	/* Host too: what the transfer would make of the URL's may be written otherwise (a long IPv6
	 * address, a port with zeros) than what is signed. */
	c->r.header[c->r.n_header++] = mem_printf("%s: %s", name, value);
}

static void headers_free(struct s3_call *c)
{
	for (size_t i = 0; i < c->r.n_header; i++) {
		char *h = (char *)(uintptr_t)c->r.header[i];

		mem_wipe(h, strlen(h));
		mem_free(h);
	}
	c->r.n_header = 0;
	mem_free((char *)(uintptr_t)c->r.url);
	c->r.url = NULL;
}

/* Headers in the order of their names, as the signature wants them. */
static int call_headers(struct s3_call *c, const char *host, const char *path,
	const struct s3_cred *cred)
{
	struct s3 *s = c->s;
	struct s3_sign sign = {.access = cred->access,
		.secret = cred->secret,
		.region = c->region,
		.method = c->method,
		.path = path};
	const char *md5 = c->md5 ? c->md5 : c->own_md5[0] ? c->own_md5 : NULL;
	char date[S3_DATE];
	struct buf auth;
	int code;

	sign.sec = clock_now(s->env->clock).sec + c->skew;
	sign.query = c->query ? c->query : "";
	sign.payload = c->sha256 ? c->sha256 : S3_EMPTY_SHA256;
	s3_sign_date(sign.sec, date);
	if (md5)
		call_add(c, &sign, "content-md5", md5);
	if (c->sha256)
		call_add(c, &sign, "content-type", "application/octet-stream");
	call_add(c, &sign, "host", host);
	if (c->fresh)
		call_add(c, &sign, "if-none-match", "*");
	if (c->range)
		call_add(c, &sign, "range", c->range);
	call_add(c, &sign, "x-amz-content-sha256", sign.payload);
	call_add(c, &sign, "x-amz-date", date);
	if (cred->token)
		call_add(c, &sign, "x-amz-security-token", cred->token);
	buf_init(&auth, URL_MAX);
	code = s3_sign(&sign, &auth);
	if (!code && buf_str(&auth))
		c->r.header[c->r.n_header++] = mem_printf("Authorization: %s", buf_str(&auth));
	buf_release(&auth);
	return code;
}

static char *text_of(struct buf *b)
{
	const char *s = buf_str(b);

	return s ? mem_strdup(s) : NULL;
}

static bool region_differs(struct s3_call *c, const char *region)
{
	return *region && strlen(region) < S3_REGION_MAX && strcmp(region, c->region) != 0 &&
	       strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
		       strlen(region);
}

/* True if the answer names another region to sign for. */
static bool region_wrong(struct s3_call *c)
{
	char region[S3_REGION_MAX];

	if (c->region_tried || (c->r.status != 301 && c->r.status != 307 && c->r.status != 400 &&
				       c->r.status != 403))
		return false;
	if (!http_header(&c->r, "x-amz-bucket-region", region, sizeof(region)))
		snprintf(region, sizeof(region), "%s", c->e.region);
	if (!region_differs(c, region))
		return false;
	c->region_tried = true;
	pthread_mutex_lock(&c->s->lock);
	snprintf(c->s->region, sizeof(c->s->region), "%s", region);
	pthread_mutex_unlock(&c->s->lock);
	return true;
}

/* True if the server refused the signature's time and told its own. */
static bool clock_wrong(struct s3_call *c)
{
	int64_t now = clock_now(c->s->env->clock).sec, theirs;
	char date[64];

	if (c->skew_tried || c->r.status != 403 ||
		(c->e.code[0] && strcmp(c->e.code, "RequestTimeTooSkewed") != 0))
		return false;
	if (!http_header(&c->r, "Date", date, sizeof(date)) || !http_date(date, &theirs) ||
		llabs(theirs - now - c->skew) < SKEW_LIMIT)
		return false;
	c->skew_tried = true;
	pthread_mutex_lock(&c->s->lock);
	c->s->skew = theirs - now;
	pthread_mutex_unlock(&c->s->lock);
	log_msg(&c->s->env->log, LOG_WARN,
		"the clock of this machine is %lld s %s that of %s, which refuses such requests: "
		"signing by the server's clock; have this "
		"machine's clock set",
		llabs(theirs - now), theirs > now ? "behind" : "ahead of", c->s->place.host);
	return true;
}

static void set_md5(struct s3_call *c)
{
	uint8_t md5[16];
	struct buf b;

	buf_init(&b, sizeof(c->own_md5) - 1);
	digest_md5(c->body, c->body_n, md5);
	digest_base64(&b, md5, sizeof(md5));
	snprintf(c->own_md5, sizeof(c->own_md5), "%s", buf_str(&b) ? buf_str(&b) : "");
	buf_release(&b);
}

/* True if the server takes no upload without a Content-MD5, as AWS where objects are locked:
 * elsewhere the SHA-256 that is signed says as much. */
static bool md5_missing(struct s3_call *c)
{
	if (c->r.status != 400 || !c->body || c->md5 || c->own_md5[0] ||
		(strcmp(c->e.code, "MissingContentMD5") != 0 &&
			!strcasestr(c->e.message, "content-md5")))
		return false;
	pthread_mutex_lock(&c->s->lock);
	c->s->md5 = true;
	pthread_mutex_unlock(&c->s->lock);
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Keys that were exchanged, in the environment's files, since those were read that signed. */
static bool cred_other(struct s3 *s, unsigned number)
{
	struct s3_cred new = {0};
	struct err ignored;
	bool other;

	pthread_mutex_lock(&s->lock);
	other = s->cred_number != number;
	if (!other && !s3_cred_find(&new, &s->where, &ignored)) {
		other = !same_text(new.access, s->cred.access) ||
			!same_text(new.secret, s->cred.secret) ||
			!same_text(new.token, s->cred.token);
		if (other) {
			struct s3_cred old = s->cred;

			s->cred = new;
			new = old;
			s->cred_number++;
			log_msg(&s->env->log, LOG_WARN,
				"the server refuses the S3 keys, and there are other ones now, "
				"from %s: using these",
				s->cred.from);
		}
	}
	pthread_mutex_unlock(&s->lock);
	s3_cred_release(&new);
	return other;
}

/* True if the server refused who we are, or what we may do, and we may be somebody else by now. */
static bool cred_old(struct s3_call *c)
{
	if (c->cred_tried || (c->r.status != 401 && c->r.status != 403 &&
				     strcmp(c->e.code, "ExpiredToken") != 0))
		return false;
	c->cred_tried = true;
	return cred_other(c->s, c->cred_number);
}

static void call_answered(struct http_req *r)
{
	struct s3_call *c = r->arg;

	c->e = (struct s3_error){0};
	if (!r->err.code && r->status >= 300) {
		s3_xml_error(&c->e, r->out.p, r->out.len);
		if (region_wrong(c) || clock_wrong(c) || md5_missing(c) || cred_old(c)) {
			call_send(c);
			return;
		}
	}
	c->done(c);
}

static void call_send(struct s3_call *c)
{
	struct s3 *s = c->s;
	struct buf host, path;
	char *h = NULL, *p = NULL;
	struct s3_cred cred;
	bool md5;

	headers_free(c);
	pthread_mutex_lock(&s->lock);
	snprintf(c->region, sizeof(c->region), "%s", s->region[0] ? s->region : REGION_HOME);
	c->skew = s->skew;
	md5 = s->md5;
	c->cred_number = s->cred_number;
	cred = s3_cred_copy(&s->cred);
	pthread_mutex_unlock(&s->lock);
	if (md5 && c->body && !c->md5)
		set_md5(c);

	buf_init(&host, 1024);
	buf_init(&path, URL_MAX);
	s3_place_host(&s->place, c->region, c->path_style, &host);
	s3_place_path(&s->place, c->key, c->path_style, &path);
	h = text_of(&host);
	p = text_of(&path);
	err_clear(&c->r.err);
	c->r.status = 0;
	if (!h || !p || call_headers(c, h, p, &cred)) {
		err_set(&c->r.err, ERR_USAGE, "the S3 location is too long");
		c->done(c);
	} else {
		c->r.url = mem_printf("%s://%s%s%s%s", s->place.tls ? "https" : "http", h, p,
			c->query ? "?" : "", c->query ? c->query : "");
		c->r.method = c->method;
		c->r.body = c->body;
		c->r.body_n = c->body_n;
		c->r.urgent = c->urgent;
		c->r.done = call_answered;
		c->r.arg = c;
		buf_reset(&c->r.out);
		http_start(s->http, &c->r);
	}
	s3_cred_release(&cred);
	mem_free(h);
	mem_free(p);
	buf_release(&host);
	buf_release(&path);
}

void s3_call_start(struct s3 *s, struct s3_call *c)
{
	c->s = s;
	c->region_tried = c->skew_tried = c->cred_tried = false;
	c->own_md5[0] = 0;
	call_send(c);
}

void s3_call_release(struct s3_call *c)
{
	struct buf out = c->r.out;

	headers_free(c);
	buf_init(&c->r.out, 0);
	http_req_release(&c->r);
	c->r.out = out;
}

static void run_done(struct s3_call *c)
{
	latch_down(c->arg);
}

void s3_call_run(struct s3 *s, struct s3_call *c)
{
	struct latch l;

	latch_init(&l, 1);
	c->done = run_done;
	c->arg = &l;
	s3_call_start(s, c);
	latch_wait(&l);
}

/* Codes that mean something else than their status, or need a word of help. */
static const struct {
	const char *s3;
	int code;
	const char *help;
} codes[] = {
	{"NoSuchKey", ERR_NOTFOUND, NULL},
	{"NoSuchBucket", ERR_NOTFOUND, "the bucket does not exist"},
	{"InvalidRange", ERR_TOOSHORT, NULL},
	{"QuotaExceeded", ERR_NOSPACE,
		"the project's quota of space, objects or buckets is used up"},
	{"XMinioAdminBucketQuotaExceeded", ERR_NOSPACE, "the bucket's quota is used up"},
	{"EntityTooLarge", ERR_NOSPACE, "the server takes no object of this size"},
	{"XMinioStorageFull", ERR_NOSPACE, NULL},
	{"TooManyBuckets", ERR_NOSPACE, "no more buckets are allowed"},
	{"InvalidBucketName", ERR_USAGE,
		"a bucket's name has 3 to 63 lower-case letters, digits, dots and dashes"},
	{"BucketAlreadyExists", ERR_EXISTS,
		"somebody else has a bucket of this name: choose another"},
	{"AccessDenied", ERR_DENIED,
		"these keys may not do this here; without the right to list, what does not exist "
		"looks like this too"},
	{"InvalidAccessKeyId", ERR_DENIED,
		"the server does not know this access key: a mistake, expired, or for another "
		"server"},
	{"SignatureDoesNotMatch", ERR_DENIED, "the secret key does not fit the access key"},
	{"ExpiredToken", ERR_DENIED, "the session token has expired: get a new one"},
	{"InvalidToken", ERR_DENIED, NULL},
	{"RequestTimeTooSkewed", ERR_DENIED, "this machine's clock is wrong"},
	{"NotImplemented", ERR_UNSUPPORTED, NULL},
	{"XAmzContentSHA256Mismatch", ERR_IO, "the bytes arrived changed"},
	{"BadDigest", ERR_IO, "the bytes arrived changed"},
	{"IncompleteBody", ERR_IO, NULL},
	{"RequestTimeout", ERR_IO, NULL},
	{"OperationAborted", ERR_IO, NULL},
	{"SlowDown", ERR_IO, NULL},
	{"PermanentRedirect", ERR_USAGE, "the bucket is reached by another host"},
	{"TemporaryRedirect", ERR_IO, NULL},
};

/*
 * An S3 server gives its reason in its own words, as a code, wherever it can: not in the answer to
 * a HEAD.  So a refusal with a body and no code, or with a status that says nothing about objects
 * and rights, is somebody else's; but what has a code is the server's own, known here or not.
 */
static int code_of_status(const struct s3_call *c)
{
	int code = object_status(c->r.status);

	if (c->e.code[0])
		return code == ERR_ODD ? ERR_INVALID : code;
	return c->r.out.len && (code == ERR_DENIED || code == ERR_NOTFOUND) ? ERR_ODD : code;
}

int s3_call_judge(const struct s3_call *c, struct err *err)
{
	int code = code_of_status(c);
	const char *help = NULL;

	if (c->r.err.code)
		return err_copy(err, &c->r.err);
	if (c->r.status >= 200 && c->r.status < 300) {
		err_clear(err);
		return 0;
	}
	/* 409: somebody else is writing it just now. */
	if (c->fresh && (c->r.status == 412 || c->r.status == 409))
		return err_set(err, ERR_EXISTS, "there is such an object");
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (!strcmp(codes[i].s3, c->e.code)) {
			code = codes[i].code;
			help = codes[i].help;
		}
	}
	return err_set(err, code, "%s answers %d%s%s%s%s%s%s%s%s%s", c->s->place.host, c->r.status,
		c->e.code[0] ? " " : "", c->e.code, help ? " (" : "", help ? help : "",
		help ? ")" : "", c->e.message[0] ? ": " : "", c->e.message,
		c->e.endpoint[0] ? ", see " : "", c->e.endpoint);
}
