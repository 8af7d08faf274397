/*
 * http_xfer: one transfer: what it sends, what it takes of the answer, and when it has seen enough.
 *
 * An answer that never ends is given up: interim answers without number, more of a refusal's text
 * than anybody reads, bytes that come one by one.
 */
#include "backend/http_xfer.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SECOND        INT64_C(1000000000)
#define CONNECT_MS    40000L /* the dial and the handshake */
#define UPLOAD_BUFFER (512L << 10)
#define READ_BUFFER   (256L << 10)
#define INTERIM_MAX   32   /* answers before the answer, such as "100 Continue" */
#define DRIP_BYTES    4096 /* fewer in a stall's time: they come one by one */

/* ---- callbacks of curl ---- */

void http_xfer_give_up(struct http_xfer *x, int code, const char *why)
{
	if (!x->code) {
		x->code = code;
		x->why = why;
	}
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_xfer *x = arg;

	n *= size;
	/* A new answer: what came before was a "100 Continue" or the like. */
	if (n > 5 && !memcmp(p, "HTTP/", 5)) {
		buf_reset(&x->r->headers);
		if (++x->answers > INTERIM_MAX) {
			http_xfer_give_up(x, ERR_ODD,
				"the server only says that an answer will come");
			return 0;
		}
	}
	if (buf_add(&x->r->headers, p, n)) {
		http_xfer_give_up(x, ERR_ODD, "the answer's headers are too long");
		return 0;
	}
	return n;
}

static uint64_t answer_length(CURL *easy)
{
	curl_off_t n = -1;

	curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &n);
	return n < 0 ? UINT64_MAX : (uint64_t)n;
}

static int answer_status(CURL *easy)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

/* Room for a body of the length announced, so that it is not copied while it grows. */
static bool body_begins(struct http_xfer *x)
{
	uint64_t length = answer_length(x->easy);
	struct buf *out = &x->r->out;

	x->begun = true;
	x->mark = clock_mono(x->clock);
	x->mark_down = x->down;
	x->status = answer_status(x->easy);
	if (x->status >= 300) {
		if (out->max < HTTP_FAULT_MAX)
			out->max = HTTP_FAULT_MAX;
		return true;
	}
	if (length == UINT64_MAX)
		return true;
	if (length > SIZE_MAX / 2 || buf_try_reserve(out, (size_t)length)) {
		out->overflow = true;
		return false;
	}
	return true;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_xfer *x = arg;
	struct buf *out = &x->r->out;
	bool fits = x->begun || body_begins(x);

	n *= size;
	if (x->status >= 300) {
		size_t room = out->len < HTTP_FAULT_MAX ? HTTP_FAULT_MAX - out->len : 0;

		buf_add(out, p, n < room ? n : room);
		x->enough = n > room;
		return x->enough ? 0 : n;
	}
	if (!fits || buf_add(out, p, n)) {
		http_xfer_give_up(x, ERR_INVALID, "the answer is longer than expected");
		return 0;
	}
	return n;
}

static size_t on_upload(char *p, size_t size, size_t n, void *arg)
{
	struct http_xfer *x = arg;
	size_t rest = x->r->body_n - x->sent;

	n *= size;
	if (n > rest)
		n = rest;
	if (n)
		memcpy(p, x->r->body + x->sent, n);
	x->sent += n;
	return n;
}

/* curl begins again when a kept connection turns out to be dead. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct http_xfer *x = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > x->r->body_n)
		return CURL_SEEKFUNC_CANTSEEK;
	x->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
	curl_off_t up)
{
	struct http_xfer *x = arg;

	(void)down_all;
	(void)up_all;
	if (down != x->down || up != x->up)
		x->moved = clock_mono(x->clock);
	x->down = down;
	x->up = up;
	return 0;
}

/* ---- what it asks curl for ---- */

static void lines_free(struct curl_slist *l)
{
	for (struct curl_slist *s = l; s; s = s->next)
		mem_wipe(s->data, strlen(s->data));
	curl_slist_free_all(l);
}

static void set_tls(const struct http_conf *c, CURL *e)
{
	if (c->insecure) {
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (c->cert) {
		curl_easy_setopt(e, CURLOPT_SSLCERT, c->cert);
		curl_easy_setopt(e, CURLOPT_SSLKEY, c->cert);
	}
	if (!c->ca.len)
		return;
	if (!c->ca_path)
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
#if LIBCURL_VERSION_NUM >= 0x074d00
	struct curl_blob blob = {.data = c->ca.p, .len = c->ca.len, .flags = CURL_BLOB_NOCOPY};

	curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
#else
	curl_easy_setopt(e, CURLOPT_CAINFO, c->cacert);
#endif
}

static void set_method(struct http_xfer *x, CURL *e)
{
	const struct http_req *r = x->r;

	if (!strcmp(r->method, "HEAD")) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	} else if (!strcmp(r->method, "PUT") || !strcmp(r->method, "POST")) {
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_n);
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
	} else if (strcmp(r->method, "GET")) {
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
	}
}

static void set_lines(struct http_xfer *x, CURL *e)
{
	/* No "100 Continue" is waited for: a refused upload is rare, a round trip before each is
	 * not. */
	x->lines = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; i < x->r->n_header; i++)
		x->lines = curl_slist_append(x->lines, x->r->header[i]);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->lines);
}

static void set_proxy(struct http_xfer *x, const struct http_conf *c)
{
	const struct http_proxy *p;
	CURL *e = x->easy;
	struct err err;

	if (http_proxy_for(&c->proxies, x->r->url, &p, &err)) {
		snprintf(x->own_why, sizeof(x->own_why), "%s", err.msg);
		http_xfer_give_up(x, err.code, x->own_why);
	}
	/* Empty, not unset: curl must not look into the environment itself. */
	curl_easy_setopt(e, CURLOPT_PROXY, p ? p->url : "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "");
	if (!p || !p->user)
		return;
	curl_easy_setopt(e, CURLOPT_PROXYUSERNAME, p->user);
	curl_easy_setopt(e, CURLOPT_PROXYPASSWORD, p->password);
}

static void set_all(struct http_xfer *x, const struct http_conf *c)
{
	CURL *e = x->easy;

	curl_easy_reset(e);
	curl_easy_setopt(e, CURLOPT_PRIVATE, (char *)x);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->text);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_URL, x->r->url);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(e, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
	/* HTTP/2 would send everything through one connection. */
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, c->agent);
	set_proxy(x, c);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, READ_BUFFER);
#if LIBCURL_VERSION_NUM >= 0x073e00
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
#endif
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_upload);
	curl_easy_setopt(e, CURLOPT_READDATA, x);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_rewind);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, x);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, x);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	set_tls(c, e);
	set_method(x, e);
	set_lines(x, e);
}

void http_xfer_begin(struct http_xfer *x, struct http_req *r, const struct http_conf *conf,
	const struct clock *clock)
{
	int64_t now = clock_mono(clock);

	*x = (struct http_xfer){.clock = clock,
		.r = r,
		.easy = x->easy,
		.max = r->out.max,
		.moved = now};
	set_all(x, conf);
}

/* ---- what came ---- */

static int code_of(const struct http_xfer *x, CURLcode c)
{
	switch (c) {
	case CURLE_OK:
		return 0;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return ERR_DENIED;
	case CURLE_URL_MALFORMAT:
		return ERR_USAGE;
	case CURLE_UNSUPPORTED_PROTOCOL: /* the URL's, or what came is not HTTP/1 */
		return strstr(x->text, "HTTP/0.9") ? ERR_ODD : ERR_USAGE;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_OUT_OF_MEMORY: /* also curl's word for a header line beyond its own limit,
				     before 8.6 */
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
#endif
		return ERR_ODD;
	default:
		return ERR_IO;
	}
}

/* A server without TLS never learns it: that is a mistake in the location, or somebody else's
 * answer in between. */
static void judge_handshake(struct http_xfer *x, CURLcode c)
{
	if (c == CURLE_SSL_CONNECT_ERROR && strstr(x->text, "wrong version number"))
		http_xfer_give_up(x, ERR_ODD,
			"the server does not speak TLS at this port: is it http:// and not "
			"https://?");
}

bool http_xfer_stalled(struct http_xfer *x, int64_t stall_ns)
{
	int64_t now = clock_mono(x->clock);
	uint64_t length = x->begun ? answer_length(x->easy) : 0;

	if (now - x->moved >= stall_ns) {
		snprintf(x->own_why, sizeof(x->own_why), "no progress for %lld s",
			(long long)(stall_ns / SECOND));
		http_xfer_give_up(x, ERR_IO, x->own_why);
		return true;
	}
	/* A short answer of a known length ends by itself. */
	if (!x->begun || length < DRIP_BYTES || now - x->mark < stall_ns)
		return false;
	if (x->down - x->mark_down >= DRIP_BYTES) {
		x->mark = now;
		x->mark_down = x->down;
		return false;
	}
	http_xfer_give_up(x, ERR_IO, "the answer comes byte by byte and has no end");
	return true;
}

/* Where a store answers "200" no web page is ever the answer: a login portal's or a proxy's, or the
 * address is that of something else. */
static bool is_page(const struct http_xfer *x)
{
	char type[64];

	/* Random bytes may look like the beginning of one to a server that guesses types; few of
	 * them do. */
	return x->status == 200 && x->r->out.len && x->r->out.len <= HTTP_FAULT_MAX &&
	       http_header(x->r, "Content-Type", type, sizeof(type)) &&
	       !strncasecmp(type, "text/html", 9);
}

int http_xfer_end(struct http_xfer *x, CURLcode c, struct err *err)
{
	struct http_req *r = x->r;
	char server[256];
	int code;

	judge_handshake(x, c);
	code = x->code ? x->code : x->enough ? 0 : code_of(x, c);
	if (!code) {
		x->status = answer_status(x->easy);
		if (is_page(x)) {
			code = ERR_ODD;
			x->why = "a web page came instead of an answer: is there a login portal, "
				 "or a proxy, or is the address another "
				 "one's?";
		}
	}
	http_server_name(r->url, server, sizeof(server));
	if (code) {
		err_set(err, code, "%s: %s", server,
			x->why       ? x->why
			: x->text[0] ? x->text
				     : curl_easy_strerror(c));
	} else {
		r->status = x->status;
		r->length = answer_length(x->easy);
	}
	r->out.max = x->max;
	lines_free(x->lines);
	x->lines = NULL;
	x->r = NULL;
	return code;
}
