/*
 * http: the thread that drives all transfers.
 *
 * A request waits in line until its host has a free connection, then becomes a transfer: one of
 * curl's handles, which are kept and used again.  Only the thread touches transfers; other threads
 * leave requests in `head` and write to an eventfd that the thread polls together with curl's
 * sockets.
 *
 * Only functions that curl 7.61 has are needed (that of RHEL 8), but for a list of several CA
 * files.
 */
#include "backend/http.h"
#include "backend/http_xfer.h"
#include "base/latch.h"
#include "base/mem.h"
#include "base/thread.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SECOND        INT64_C(1000000000)
#define STALL_DEFAULT (300 * SECOND)
#define HEADERS_MAX   65536
#define CONNECTIONS   5
#define LOOK_MS       500 /* how often stalled transfers are looked for */
#define IDLE_MS       60000

struct http {
	const struct env *env;
	struct http_conf conf;
	int64_t stall_ns;
	unsigned connections;
	CURLM *multi;
	struct http_xfer *active, *spare; /* the thread's */
	struct http_req *line, **line_tail;
	bool look; /* something changed: one of the line may be admitted */
	pthread_t thread;
	int wake_fd;
	pthread_mutex_t lock; /* for what follows */
	struct http_req *head, **tail;
	bool stop, cancelled, given_up;
};

static void wake(struct http *h)
{
	uint64_t one = 1;

	/* It fails only when the counter is full: then the thread is awake anyway. */
	if (write(h->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void end_request(struct http_req *r, int code, const char *why)
{
	if (code) {
		r->status = 0;
		err_set(&r->err, code, "%s", why);
	}
	r->done(r);
}

static void spare(struct http *h, struct http_xfer *x)
{
	x->next = h->spare;
	h->spare = x;
}

/* Makes r a transfer, or ends it at once. */
static void xfer_begin(struct http *h, struct http_req *r)
{
	struct http_xfer *x = h->spare;
	struct err why = {0};

	if (x)
		h->spare = x->next;
	else
		x = mem_zalloc(sizeof(*x));
	if (!x->easy)
		x->easy = curl_easy_init();
	if (x->easy) {
		http_xfer_begin(x, r, &h->conf, h->env->clock);
		if (!x->code && curl_multi_add_handle(h->multi, x->easy) == CURLM_OK) {
			x->next = h->active;
			h->active = x;
			return;
		}
		http_xfer_give_up(x, ERR_IO, "no memory for another transfer");
		http_xfer_end(x, CURLE_OK, &why);
	} else {
		err_set(&why, ERR_IO, "no memory for another transfer");
	}
	spare(h, x);
	end_request(r, why.code, why.msg);
}

/* Ends x, which is under way: its handle is for the next one, its request is done. */
static void xfer_end(struct http *h, struct http_xfer *x, CURLcode c)
{
	struct http_req *r = x->r;
	struct http_xfer **p = &h->active;
	struct err why = {0};

	while (*p != x)
		p = &(*p)->next;
	*p = x->next;
	curl_multi_remove_handle(h->multi, x->easy);
	http_xfer_end(x, c, &why);
	spare(h, x);
	h->look = true;
	end_request(r, why.code, why.msg);
}

/* ---- the thread ---- */

static unsigned busy_at(const struct http *h, const char *url)
{
	size_t n = http_server_len(url);
	unsigned busy = 0;

	for (const struct http_xfer *x = h->active; x; x = x->next)
		busy += !x->r->urgent && http_server_len(x->r->url) == n &&
			!strncmp(x->r->url, url, n);
	return busy;
}

/* Take what other threads left; true when the end has come. */
static bool collect(struct http *h, bool *cancelled, bool *given_up)
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
	*cancelled = h->cancelled;
	*given_up = h->given_up;
	h->given_up = false;
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
		xfer_begin(h, r);
	}
}

static void cancel_all(struct http *h, bool urgent_too)
{
	static const char why[] = "cancelled";
	struct http_req **p = &h->line;
	struct http_xfer *next;

	for (struct http_xfer *x = h->active; x; x = next) {
		next = x->next;
		if (x->r->urgent && !urgent_too)
			continue;
		http_xfer_give_up(x, ERR_CANCELLED, why);
		xfer_end(h, x, CURLE_ABORTED_BY_CALLBACK);
	}
	while (*p) {
		if ((*p)->urgent && !urgent_too)
			p = &(*p)->next;
		else
			end_request(unlink_at(h, p), ERR_CANCELLED, why);
	}
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
		xfer_end(h, (struct http_xfer *)(void *)x, c);
		any = true;
	}
	return any;
}

static bool end_stalled(struct http *h)
{
	struct http_xfer *next;
	bool any = false;

	for (struct http_xfer *x = h->active; x; x = next) {
		next = x->next;
		if (!http_xfer_stalled(x, h->stall_ns))
			continue;
		xfer_end(h, x, CURLE_OPERATION_TIMEDOUT);
		any = true;
	}
	return any;
}

static void *http_main(void *arg)
{
	struct http *h = arg;
	struct curl_waitfd wait = {.fd = h->wake_fd, .events = CURL_WAIT_POLLIN};
	bool cancelled, given_up;

	while (!collect(h, &cancelled, &given_up)) {
		uint64_t n;
		int running, look = LOOK_MS;

		if (cancelled || given_up)
			cancel_all(h, cancelled);
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
	cancel_all(h, true);
	return NULL;
}

/* ---- life ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode started;

static void start_once(void)
{
	started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Before any other call of curl, once a process: older ones may not be started by two threads. */
static int libcurl_start(struct err *err)
{
	pthread_once(&once, start_once);
	if (!started)
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "libcurl does not start: %s",
		curl_easy_strerror(started));
}

static void http_drop(struct http *h)
{
	while (h->spare) {
		struct http_xfer *x = h->spare;

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

int http_new(const struct http_options *o, const struct env *env, struct http **out,
	struct err *err)
{
	int code = libcurl_start(err), rc;
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
		code = err_set(err, ERR_IO,
			"transfers cannot be set up: no memory or no file descriptor");
	if (!code)
		code = http_conf_read(&h->conf, o, err);
#if LIBCURL_VERSION_NUM < 0x074d00
	if (!code && o->cacert && strchr(o->cacert, ','))
		code = err_set(err, ERR_UNSUPPORTED,
			"this libcurl takes one file of certificates, not a list");
#endif
	if (!code) {
		curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)(2 * h->connections + 4));
		rc = thread_start(&h->thread, http_main, h);
		code = rc ? err_sys(err, rc, "a thread for transfers") : 0;
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
	h->cancelled = true;
	pthread_mutex_unlock(&h->lock);
	wake(h);
}

void http_give_up(struct http *h)
{
	pthread_mutex_lock(&h->lock);
	h->given_up = true;
	pthread_mutex_unlock(&h->lock);
	wake(h);
}

static void run_done(struct http_req *r)
{
	latch_down(r->arg);
}

int http_run(struct http *h, struct http_req *r)
{
	struct latch l;

	latch_init(&l, 1);
	r->done = run_done;
	r->arg = &l;
	http_start(h, r);
	latch_wait(&l);
	r->arg = NULL;
	return r->err.code;
}
