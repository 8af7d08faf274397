/*
 * http_xfer: one transfer of curl, from a request to its answer.  Private to http.c, whose thread
 * alone touches it.
 */
#ifndef BACKEND_HTTP_XFER_H
#define BACKEND_HTTP_XFER_H
#include "backend/http.h"
#include "backend/http_conf.h"
#include <curl/curl.h>

struct http_xfer {
	const struct clock *clock;
	struct http_req *r;
	CURL *easy;
	struct curl_slist *lines;
	char text[CURL_ERROR_SIZE]; /* what curl says about a failure */
	size_t sent;
	curl_off_t down, up;
	int64_t moved; /* when bytes were last seen to move */
	/* Whether the body comes in drops: since when and from which byte it is looked at. */
	int64_t mark;
	curl_off_t mark_down;
	unsigned answers;
	size_t max;  /* the caller's maximum for the body */
	bool begun;  /* the first bytes of the body came */
	bool enough; /* more of a refusal's text is not wanted */
	int status;
	int code; /* ours, when a callback or a time-out ends the transfer */
	const char *why;
	char own_why[ERR_MSG_MAX];
	struct http_xfer *next;
};

/* http_xfer_begin(x, r, conf, clock): makes x, whose `easy` may be one that was used before, ready
 * for curl.  Takes nothing. */
void http_xfer_begin(struct http_xfer *x, struct http_req *r, const struct http_conf *conf,
	const struct clock *clock);

/* http_xfer_give_up(x, code, why): it fails, for this reason unless there was one before. `why` is
 * a constant or x->own_why. */
void http_xfer_give_up(struct http_xfer *x, int code, const char *why);

/* http_xfer_stalled(x, stall_ns): nothing moves for so long, or next to nothing: it was given up.
 */
bool http_xfer_stalled(struct http_xfer *x, int64_t stall_ns);

/* http_xfer_end(x, c, err): what came: the request's status and length, or err.  Its memory, but
 * for the handle, is freed. */
int http_xfer_end(struct http_xfer *x, CURLcode c, struct err *err);

#endif
