/*
 * http: one thread per rank that drives all transfers (curl's multi interface): connections are
 * reused, many requests are under way at once.
 *
 * Knows HTTP, nothing of S3, Swift or restic.  It does not retry and does not judge status codes:
 * that is its callers' and the retry decorator's business.  A request that makes no progress for
 * `stall_ns` fails, or whose answer has no end; there is no limit on its whole time.  Redirects are
 * not followed (signatures would not fit).  Only http.c and http_xfer include <curl/curl.h>.
 */
#ifndef BACKEND_HTTP_H
#define BACKEND_HTTP_H
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"

struct http_options {
	const char *cacert;          /* comma list of PEM files; NULL: the system's */
	const char *tls_client_cert; /* PEM with certificate and key; NULL: none */
	bool insecure_tls;
	const char *user_agent; /* NULL: "a_backup" */
	int64_t stall_ns;       /* 0: 5 minutes */
	unsigned connections;   /* per host; 0: 5 */
	/* for https_proxy, http_proxy, no_proxy (and in capitals); NULL: no proxies */
	const char *(*getenv)(const char *name);
};

struct http;
int http_new(const struct http_options *o, const struct env *env, struct http **out,
	struct err *err);
void http_free(struct http *h); /* no request may be under way */

#define HTTP_HEADERS   24
#define HTTP_FAULT_MAX 65536

struct http_req {
	/* in; everything borrowed until done */
	const char *method;               /* GET, PUT, POST, HEAD, DELETE */
	const char *url;                  /* encoded */
	const char *header[HTTP_HEADERS]; /* "Name: value", n_header of them; secrets in them never
					     reach a log */
	size_t n_header;
	const uint8_t *body;
	size_t body_n;
	bool urgent; /* does not wait for a free connection and is not given up: locks, index files,
			tokens */
	/* out */
	/*
	 * The answer's body; initialised by the caller with the maximum it accepts: more is
	 * ERR_INVALID, and out.overflow tells.  The body of an answer with a status of 300 and more
	 * may be larger than that: up to HTTP_FAULT_MAX bytes of it are kept, the rest is dropped.
	 */
	struct buf out;
	/*
	 * Transport: ERR_IO (try again), ERR_ODD (somebody else answers: a wrong certificate, no
	 * TLS, no HTTP, a web page with status 200), ERR_DENIED (our own certificate), ERR_USAGE
	 * (the URL, the proxy), ERR_CANCELLED, ERR_INVALID (longer than out's maximum); 0 when
	 * there is a status.
	 */
	struct err err;
	int status;         /* HTTP status; 0 without an answer */
	struct buf headers; /* the answer's header lines, owned by the caller: http_req_release */
	uint64_t length;    /* Content-Length of the answer (HEAD too), UINT64_MAX if absent */
	void (*done)(struct http_req *r); /* on the http thread: short, may start requests */
	void *arg;
	struct http_req *next;
};
void http_start(struct http *h, struct http_req *r); /* any thread; done() is never called inside */
int http_run(struct http *h, struct http_req *r);    /* start and wait; r->err.code */
/* everything under way and to come fails with ERR_CANCELLED */
void http_cancel(struct http *h);
/* what is under way or waits now fails with ERR_CANCELLED, unless it is urgent */
void http_give_up(struct http *h);
/* out and headers; the struct is the caller's */
void http_req_release(struct http_req *r);

/* http_header(r, name, out): copies the value of an answer's header (trimmed) to out; false when
 * absent or too long. */
bool http_header(const struct http_req *r, const char *name, char *out, size_t cap);

/* http_header_number(r, name, out): the value of a header that is a decimal number; false (*out as
 * it was) when absent or anything else. */
bool http_header_number(const struct http_req *r, const char *name, uint64_t *out);

/* http_retry_after_ns(r, now): what Retry-After asks for (seconds or a date), 0 when absent. */
int64_t http_retry_after_ns(const struct http_req *r, const struct ts *now);

/* http_encode(b, s, n, keep): percent-encodes all but unreserved characters and those in `keep`
 * ("/"). */
void http_encode(struct buf *b, const char *s, size_t n, const char *keep);

/* http_decode(b, s, n): the reverse; a '%' without two hex digits stands for itself. */
void http_decode(struct buf *b, const char *s, size_t n);

/* http_date(s, sec): a date as servers send it ("Sun, 06 Nov 1994 08:49:37 GMT"), in seconds since
 * 1970.  False: it is none. */
bool http_date(const char *s, int64_t *sec);

/* http_fault_text(r, out, cap): the first line of the answer's body in printable ASCII, for
 * messages. */
void http_fault_text(const struct http_req *r, char *out, size_t cap);

/* http_is_markup(r): the answer's body is HTML or XML, after its first character that is no blank.
 */
bool http_is_markup(const struct http_req *r);

#endif
