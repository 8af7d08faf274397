/*
 * http: the thread that drives all transfers.
 *
 * A request waits in line until its host has a free connection, then becomes a transfer: one of curl's handles, which are kept and used again.  Only the thread
 * touches transfers; other threads leave requests in `head` and write to an eventfd that the thread polls together with curl's sockets.
 *
 * Only functions that curl 7.61 has are needed (that of RHEL 8), but for a list of several CA files.
 */
#include "backend/http.h"
#include "backend/curl_late.h"
#include "backend/http_conf.h"
#include "base/mem.h"
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SECOND        INT64_C(1000000000)
#define STALL_DEFAULT (300 * SECOND)
#define CONNECT_MS    40000L /* the dial and the handshake */
#define HEADERS_MAX   65536
#define UPLOAD_BUFFER (512L << 10)
#define READ_BUFFER   (256L << 10)
#define CONNECTIONS   5
#define LOOK_MS       500 /* how often stalled transfers are looked for */
#define IDLE_MS       60000

struct xfer {
	struct http *h;
	struct http_req *r;
	CURL *easy;
	struct curl_slist *lines;
	char text[CURL_ERROR_SIZE]; /* what curl says about a failure */
	size_t sent;
	curl_off_t down, up;
	int64_t moved; /* when bytes were last seen to move */
	size_t max;    /* the caller's maximum for the body */
	bool begun;    /* the first bytes of the body came */
	int status;
	int code; /* ours, when a callback or a time-out ends the transfer */
	const char *why;
	struct xfer *next;
};

struct http {
	const struct env *env;
	struct http_conf conf;
	int64_t stall_ns;
	unsigned connections;
	CURLM *multi;
	struct xfer *active, *spare; /* the thread's */
	struct http_req *line, **line_tail;
	bool look; /* something changed: one of the line may be admitted */
	pthread_t thread;
	int wake_fd;
	pthread_mutex_t lock; /* for what follows */
	struct http_req *head, **tail;
	bool stop, canceled;
};

static void wake(struct http *h)
{
	uint64_t one = 1;

	/* It fails only when the counter is full: then the thread is awake anyway. */
	if (write(h->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* ---- callbacks of curl, on the thread ---- */

static void give_up(struct xfer *x, int code, const char *why)
{
	if (!x->code) {
		x->code = code;
		x->why = why;
	}
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct xfer *x = arg;

	n *= size;
	/* A new answer: what came before was a "100 Continue" or the like. */
	if (n > 5 && !memcmp(p, "HTTP/", 5))
		buf_reset(&x->r->headers);
	if (buf_add(&x->r->headers, p, n)) {
		give_up(x, ERR_INVALID, "the answer's headers are too long");
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
static bool body_begins(struct xfer *x)
{
	uint64_t length = answer_length(x->easy);
	struct buf *out = &x->r->out;

	x->begun = true;
	x->status = answer_status(x->easy);
	if (x->status >= 300) {
		if (out->max < HTTP_FAULT_MAX)
			out->max = HTTP_FAULT_MAX;
		return true;
	}
	if (length == UINT64_MAX)
		return true;
	if (length > SIZE_MAX / 2 || buf_reserve(out, (size_t)length)) {
		out->overflow = true;
		return false;
	}
	return true;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct xfer *x = arg;
	struct buf *out = &x->r->out;
	bool fits = x->begun || body_begins(x);

	n *= size;
	if (x->status >= 300) {
		size_t room = out->len < HTTP_FAULT_MAX ? HTTP_FAULT_MAX - out->len : 0;

		buf_add(out, p, n < room ? n : room);
		return n;
	}
	if (!fits || buf_add(out, p, n)) {
		give_up(x, ERR_INVALID, "the answer is longer than expected");
		return 0;
	}
	return n;
}

static size_t on_upload(char *p, size_t size, size_t n, void *arg)
{
	struct xfer *x = arg;
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
	struct xfer *x = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > x->r->body_n)
		return CURL_SEEKFUNC_CANTSEEK;
	x->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	struct xfer *x = arg;

	(void)down_all;
	(void)up_all;
	if (down != x->down || up != x->up)
		x->moved = clock_mono(x->h->env->clock);
	x->down = down;
	x->up = up;
	return 0;
}

/* ---- one transfer ---- */

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
	/* These instead of the system's, not beside them. */
	curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
#if LIBCURL_VERSION_NUM >= 0x074d00
	struct curl_blob blob = {.data = c->ca.p, .len = c->ca.len, .flags = CURL_BLOB_NOCOPY};

	curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
#else
	curl_easy_setopt(e, CURLOPT_CAINFO, c->cacert);
#endif
}

static void set_method(struct xfer *x, CURL *e)
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

static void set_lines(struct xfer *x, CURL *e)
{
	/* No "100 Continue" is waited for: a refused upload is rare, a round trip before each is not. */
	x->lines = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; i < x->r->n_header; i++)
		x->lines = curl_slist_append(x->lines, x->r->header[i]);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->lines);
}

static void set_all(struct xfer *x)
{
	const struct http_conf *c = &x->h->conf;
	const char *proxy = http_proxy(c, x->r->url);
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
	/* Empty: curl must not look into the environment itself. */
	curl_easy_setopt(e, CURLOPT_PROXY, proxy ? proxy : "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, c->no_proxy);
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

static void end_request(struct http_req *r, int code, const char *why)
{
	if (code) {
		r->status = 0;
		err_set(&r->err, code, "%s", why);
	}
	r->done(r);
}

/* False when curl has no memory for it. */
static bool xfer_begin(struct http *h, struct http_req *r)
{
	struct xfer *x = h->spare;
	CURL *easy;

	if (x)
		h->spare = x->next;
	else
		x = mem_zalloc(sizeof(*x));
	easy = x->easy ? x->easy : curl_easy_init();
	*x = (struct xfer){.h = h, .r = r, .easy = easy, .max = r->out.max, .moved = clock_mono(h->env->clock)};
	if (easy)
		set_all(x);
	if (!easy || curl_multi_add_handle(h->multi, easy) != CURLM_OK) {
		lines_free(x->lines);
		x->lines = NULL;
		x->next = h->spare;
		h->spare = x;
		return false;
	}
	x->next = h->active;
	h->active = x;
	return true;
}

static int code_of(CURLcode c)
{
	switch (c) {
	case CURLE_OK:
		return 0;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return ERR_DENIED;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return ERR_USAGE;
	case CURLE_OUT_OF_MEMORY: /* also curl's word for a header line beyond its own limit, before 8.6 */
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
#endif
		return ERR_INVALID;
	default:
		return ERR_IO;
	}
}

/* A server without TLS never learns it: that is a mistake in the location, and no fault that passes. */
static void judge_handshake(struct xfer *x, CURLcode c)
{
	if (c == CURLE_SSL_CONNECT_ERROR && strstr(x->text, "wrong version number"))
		give_up(x, ERR_USAGE, "the server does not speak TLS at this port: is it http:// and not https://?");
}

/* Ends x, which is under way: its handle is for the next one, its request is done. */
static void xfer_end(struct xfer *x, CURLcode c)
{
	struct http *h = x->h;
	struct http_req *r = x->r;
	struct xfer **p = &h->active;
	char server[256], why[CURL_ERROR_SIZE + 300];
	int code;

	judge_handshake(x, c);
	code = x->code ? x->code : code_of(c);
	while (*p != x)
		p = &(*p)->next;
	*p = x->next;
	if (code) {
		const char *said = x->why ? x->why : x->text[0] ? x->text : curl_easy_strerror(c);

		http_server_name(r->url, server, sizeof(server));
		snprintf(why, sizeof(why), "%s: %s", server, said);
	} else {
		r->status = answer_status(x->easy);
		r->length = answer_length(x->easy);
	}
	r->out.max = x->max;
	curl_multi_remove_handle(h->multi, x->easy);
	lines_free(x->lines);
	x->lines = NULL;
	x->r = NULL;
	x->next = h->spare;
	h->spare = x;
	h->look = true;
	end_request(r, code, why);
}

/* ---- the thread ---- */

static unsigned busy_at(const struct http *h, const char *url)
{
	size_t n = http_server_len(url);
	unsigned busy = 0;

	for (const struct xfer *x = h->active; x; x = x->next)
		busy += !x->r->urgent && http_server_len(x->r->url) == n && !strncmp(x->r->url, url, n);
	return busy;
}

/* Take what other threads left; true when the end has come. */
static bool collect(struct http *h, bool *canceled)
{
	bool stop;

	pthread_mutex_lock(&h->lock);
	*h->line_tail = h->head;
	if (h->head) {
		h->line_tail = h->tail;
		h->look = true;
	}
	h->head = NULL;
	h->tail = &h->head;
	stop = h->stop;
	*canceled = h->canceled;
	pthread_mutex_unlock(&h->lock);
	return stop;
}

static struct http_req *unlink_at(struct http *h, struct http_req **p)
{
	struct http_req *r = *p;

	*p = r->next;
	if (!r->next)
		h->line_tail = p;
	r->next = NULL;
	return r;
}

static void admit(struct http *h)
{
	struct http_req **p = &h->line;

	if (!h->look)
		return;
	h->look = false;
	while (*p) {
		struct http_req *r = *p;

		if (!r->urgent && busy_at(h, r->url) >= h->connections) {
			p = &r->next;
			continue;
		}
		unlink_at(h, p);
		if (!xfer_begin(h, r))
			end_request(r, ERR_IO, "no memory for another transfer");
	}
}

static void cancel_all(struct http *h)
{
	static const char why[] = "canceled";

	while (h->active) {
		give_up(h->active, ERR_CANCELED, why);
		xfer_end(h->active, CURLE_ABORTED_BY_CALLBACK);
	}
	while (h->line)
		end_request(unlink_at(h, &h->line), ERR_CANCELED, why);
}

static bool end_finished(struct http *h)
{
	bool any = false;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		CURLcode c = m->data.result;
		char *x = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		xfer_end((struct xfer *)(void *)x, c);
		any = true;
	}
	return any;
}

static bool end_stalled(struct http *h)
{
	int64_t now = clock_mono(h->env->clock);
	struct xfer *next;
	bool any = false;
	char why[64];

	for (struct xfer *x = h->active; x; x = next) {
		next = x->next;
		if (now - x->moved < h->stall_ns)
			continue;
		snprintf(why, sizeof(why), "no progress for %lld s", (long long)(h->stall_ns / SECOND));
		give_up(x, ERR_IO, why);
		xfer_end(x, CURLE_OPERATION_TIMEDOUT);
		any = true;
	}
	return any;
}

static void *http_main(void *arg)
{
	struct http *h = arg;
	struct curl_waitfd wait = {.fd = h->wake_fd, .events = CURL_WAIT_POLLIN};
	bool canceled;

	while (!collect(h, &canceled)) {
		uint64_t n;
		int running, look = LOOK_MS;

		if (canceled)
			cancel_all(h);
		admit(h);
		curl_multi_perform(h->multi, &running);
		/* What was done may have started more. */
		if (end_finished(h) || end_stalled(h))
			continue;
		if (h->stall_ns < LOOK_MS * 2 * INT64_C(1000000))
			look = (int)(h->stall_ns / 2000000) + 1;
		wait.revents = 0;
		curl_multi_wait(h->multi, &wait, 1, h->active ? look : IDLE_MS, NULL);
		if (read(h->wake_fd, &n, sizeof(n)) < 0)
			continue;
	}
	cancel_all(h);
	return NULL;
}

/* ---- life ---- */

static int thread_start(struct http *h, struct err *err)
{
	sigset_t all, old;
	int rc;

	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&h->thread, NULL, http_main, h);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc ? err_sys(err, rc, "a thread for transfers") : 0;
}

static void http_drop(struct http *h)
{
	while (h->spare) {
		struct xfer *x = h->spare;

		h->spare = x->next;
		curl_easy_cleanup(x->easy);
		mem_free(x);
	}
	if (h->multi)
		curl_multi_cleanup(h->multi);
	if (h->wake_fd >= 0)
		close(h->wake_fd);
	http_conf_release(&h->conf);
	pthread_mutex_destroy(&h->lock);
	mem_free(h);
}

int http_new(const struct http_options *o, const struct env *env, struct http **out, struct err *err)
{
	int code = curl_late(err);
	struct http *h;

	*out = NULL;
	if (code)
		return code;
	h = mem_zalloc(sizeof(*h));
	pthread_mutex_init(&h->lock, NULL);
	h->env = env;
	h->tail = &h->head;
	h->line_tail = &h->line;
	h->stall_ns = o->stall_ns > 0 ? o->stall_ns : STALL_DEFAULT;
	h->connections = o->connections ? o->connections : CONNECTIONS;
	h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	h->multi = curl_multi_init();
	if (h->wake_fd < 0 || !h->multi)
		code = err_set(err, ERR_IO, "transfers cannot be set up: no memory or no file descriptor");
	if (!code)
		code = http_conf_read(&h->conf, o, err);
#if LIBCURL_VERSION_NUM < 0x074d00
	if (!code && o->cacert && strchr(o->cacert, ','))
		code = err_set(err, ERR_UNSUPPORTED, "this libcurl takes one file of certificates, not a list");
#endif
	if (!code) {
		curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)(2 * h->connections + 4));
		code = thread_start(h, err);
	}
	if (code)
		http_drop(h);
	else
		*out = h;
	return code;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_mutex_unlock(&h->lock);
	wake(h);
	pthread_join(h->thread, NULL);
	http_drop(h);
}

void http_start(struct http *h, struct http_req *r)
{
	err_clear(&r->err);
	buf_reset(&r->out);
	if (!r->headers.max)
		buf_init(&r->headers, HEADERS_MAX);
	buf_reset(&r->headers);
	r->status = 0;
	r->length = UINT64_MAX;
	r->next = NULL;
	pthread_mutex_lock(&h->lock);
	*h->tail = r;
	h->tail = &r->next;
	pthread_mutex_unlock(&h->lock);
	wake(h);
}

void http_cancel(struct http *h)
{
	pthread_mutex_lock(&h->lock);
	h->canceled = true;
	pthread_mutex_unlock(&h->lock);
	wake(h);
}

struct run_wait {
	pthread_mutex_t m;
	pthread_cond_t c;
	bool done;
};

static void run_done(struct http_req *r)
{
	struct run_wait *w = r->arg;

	pthread_mutex_lock(&w->m);
	w->done = true;
	pthread_cond_signal(&w->c);
	pthread_mutex_unlock(&w->m);
}

int http_run(struct http *h, struct http_req *r)
{
	struct run_wait w = {.done = false};

	pthread_mutex_init(&w.m, NULL);
	pthread_cond_init(&w.c, NULL);
	r->done = run_done;
	r->arg = &w;
	http_start(h, r);
	pthread_mutex_lock(&w.m);
	while (!w.done)
		pthread_cond_wait(&w.c, &w.m);
	pthread_mutex_unlock(&w.m);
	pthread_cond_destroy(&w.c);
	pthread_mutex_destroy(&w.m);
	r->arg = NULL;
	return r->err.code;
}
