/*
 * rest: restic's REST protocol (docs/format.md 16.4), as spoken by rest-server and `rclone serve
 * restic`.
 *
 * An operation is one request; two where the first answer leaves a question: a range at or beyond
 * the end (how long is it?), an upload that is refused because the name is taken (by a try of ours
 * whose answer was lost?), and a deletion of what rclone does not find (is it listed?).
 *
 * `rclone serve restic` says 404 to whatever its own storage fails to do (rclone issue 7550), but
 * lists a directory that does not exist as an empty one.  So a 404 to a listing is "nothing there"
 * only from another server, and only where this program did not make the place itself.
 */
#include "backend/layout.h"
#include "backend/object.h"
#include "backend/rest_list.h"
#include "backend/rest_place.h"
#include "base/mem.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define ACCEPT      "Accept: application/vnd.x.restic.rest.v2"
#define CONNECTIONS 5
#define ANSWER_MAX  65536
#define LIST_MAX    ((size_t)512 << 20) /* bytes of one listing: some five million names */

struct rest {
	struct backend b;
	struct http *h;
	const struct env *env;
	struct rest_place place;
	atomic_bool made; /* create succeeded, so there are directories to be listed */
};

struct rest_op {
	struct rest *s;
	struct backend_op *op;
	struct http_req req;
	struct err first; /* what the first of two requests got */
	char *url;
	char range[sizeof("Range: ") + OBJECT_RANGE];
};

static struct rest *rest_of(struct backend *b)
{
	return (struct rest *)(void *)b;
}

static char *url_of(const struct rest *s, enum backend_type t, const struct id *name)
{
	if (t == BACKEND_CONFIG)
		return mem_printf("%sconfig", s->place.base);
	return mem_printf("%s%s/%s", s->place.base, layout_dir(t), name ? id_hex(name).s : "");
}

static void req_init(struct rest *s, struct http_req *r, const char *method, const char *url)
{
	*r = (struct http_req){.method = method, .url = url, .header = {ACCEPT}, .n_header = 1};
	buf_init(&r->out, ANSWER_MAX);
	if (s->place.auth.len)
		r->header[r->n_header++] = (const char *)s->place.auth.p;
}

static int fault(const struct http_req *r, struct err *e)
{
	char text[160];
	int code = object_status(r->status);

	switch (r->status) {
	case 404:
		return err_set(e, ERR_NOTFOUND, "no such object");
	case 416:
		return err_set(e, ERR_TOOSHORT, "the object is too short");
	case 401:
		return err_set(e, ERR_DENIED,
			"the server wants a user and a password, or these are wrong (401)");
	case 403:
		/* Neither rest-server nor rclone writes HTML or XML: something in between does. */
		if (http_is_markup(r))
			code = ERR_ODD;
		break;
	default:
		if (r->status >= 300 && r->status < 400) {
			if (!http_header(r, "Location", text, sizeof(text)) || strchr(text, '@'))
				text[0] = 0;
			return err_set(e, ERR_ODD,
				"the server redirects to another address, which is not followed "
				"(%d): %s",
				r->status, text);
		}
	}
	http_fault_text(r, text, sizeof(text));
	return err_set(e, code, "the server answers %d%s%s%s", r->status,
		code == ERR_NOSPACE ? " (its disk or quota is full)" : "", text[0] ? ": " : "",
		text);
}

static bool is_ok(const struct http_req *r)
{
	return r->status >= 200 && r->status < 300;
}

/* 0, or the error of a request that should have worked. */
static int judge(const struct http_req *r, struct err *e)
{
	if (r->err.code)
		return err_copy(e, &r->err);
	return is_ok(r) ? 0 : fault(r, e);
}

static void op_end(struct rest_op *c)
{
	struct backend_op *op = c->op;

	object_judge_put(op);
	object_pause(op, &c->req, c->s->env->clock);
	if (op->verb == BACKEND_GET) {
		op->out = c->req.out;
		c->req.out = (struct buf){0};
		if (op->err.code)
			buf_reset(&op->out);
	}
	http_req_release(&c->req);
	mem_free(c->url);
	mem_free(c);
	op->done(op);
}

/* Ask for the size; `done` has the answer. */
static void ask_size(struct rest_op *c, void (*done)(struct http_req *r))
{
	c->req.method = "HEAD";
	c->req.body = NULL;
	c->req.body_n = 0;
	c->req.n_header = c->s->place.auth.len ? 2 : 1;
	c->req.done = done;
	http_start(c->s->h, &c->req);
}

static void range_sized(struct http_req *r)
{
	struct rest_op *c = r->arg;

	if (!judge(r, &c->op->err))
		object_end(c->op, r->length, &c->op->err);
	op_end(c);
}

static void get_answered(struct rest_op *c)
{
	struct backend_op *op = c->op;
	struct http_req *r = &c->req;

	if (object_asks_size(op, r)) {
		ask_size(c, range_sized);
		return;
	}
	if (r->err.code && r->out.overflow)
		object_too_large(op, r->out.max);
	else if (!judge(r, &op->err))
		object_part(r, op, &op->err);
	op_end(c);
}

/* A name is the hash of its contents, so an object of our size under our name is ours.  But for the
 * config: whatever is there is another's. */
static void taken_sized(struct http_req *r)
{
	struct rest_op *c = r->arg;
	bool there = !r->err.code && is_ok(r);

	if (there && c->op->fresh)
		err_set(&c->op->err, ERR_EXISTS, "there is such a file already");
	else if (!there || c->op->type == BACKEND_CONFIG || r->length != c->op->size)
		err_copy(&c->op->err, &c->first);
	op_end(c);
}

static bool is_rclone(const struct http_req *r)
{
	char server[64];

	return http_header(r, "Server", server, sizeof(server)) && !strncmp(server, "rclone/", 7);
}

/* The listing got 404.  ERR_IO: what lies behind the server may work again. */
static int list_missing(struct rest *s, const struct http_req *r, struct err *err)
{
	if (is_rclone(r))
		return err_set(err, ERR_IO,
			"rclone answers 404 to a listing: its own storage fails; see rclone's log");
	if (atomic_load(&s->made))
		return err_set(err, ERR_IO,
			"the server answers 404 to the listing of a directory that it has just "
			"made");
	return 0;
}

static bool is_listed(const struct rest_listing *l, const struct id *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (id_equal(&l->v[i].name, name))
			return true;
	}
	return false;
}

static void removed_listed(struct http_req *r)
{
	struct rest_op *c = r->arg;
	struct backend_op *op = c->op;
	struct rest_listing l = {0};
	int code = judge(r, &op->err);

	if (code == ERR_NOTFOUND)
		list_missing(c->s, r, &op->err);
	else if (!code && !rest_listing_parse(&l, r->out.p, r->out.len, &op->err))
		err_set(&op->err, is_listed(&l, &op->name) ? ERR_IO : ERR_NOTFOUND,
			"rclone answers 404 to a deletion: where the file is listed still, its own "
			"storage fails; see rclone's log");
	rest_listing_release(&l);
	op_end(c);
}

/* rclone's 404 to a deletion, and to a HEAD, may be its storage's failure: only its listing tells.
 */
static void ask_listing(struct rest_op *c)
{
	mem_free(c->url);
	c->url = url_of(c->s, c->op->type, NULL);
	c->req.method = "GET";
	c->req.url = c->url;
	c->req.out.max = LIST_MAX;
	c->req.done = removed_listed;
	http_start(c->s->h, &c->req);
}

static void answered(struct http_req *r)
{
	struct rest_op *c = r->arg;
	struct backend_op *op = c->op;

	switch (op->verb) {
	case BACKEND_GET:
		get_answered(c);
		return;
	case BACKEND_PUT:
		if (!r->err.code && (r->status == 403 || r->status == 409 || r->status == 412)) {
			fault(r, &c->first);
			ask_size(c, taken_sized);
			return;
		}
		/* As restic has it; and there is nothing to say about it. */
		if (!judge(r, &op->err) && (r->status != 200 || http_is_markup(r)))
			err_set(&op->err, ERR_ODD,
				"the server answers %d%s to an upload: that is no REST server's "
				"answer",
				r->status, http_is_markup(r) ? " and a page" : "");
		break;
	case BACKEND_REMOVE:
		if (!r->err.code && r->status == 404 && is_rclone(r) &&
			op->type != BACKEND_CONFIG) {
			ask_listing(c);
			return;
		}
		if (!judge(r, &op->err))
			object_judge_removed(r, 0, &op->err);
		break;
	case BACKEND_STAT:
		if (!judge(r, &op->err))
			object_size(r, op);
		break;
	}
	op_end(c);
}

/* True if there may be such bytes.  REST servers are asked for a range in any case, as by restic.
 */
static bool set_range(struct rest_op *c)
{
	char range[OBJECT_RANGE];

	if (object_range(c->op, range, &c->op->err))
		return false;
	snprintf(c->range, sizeof(c->range), "Range: %s", range);
	c->req.header[c->req.n_header++] = c->range;
	return true;
}

static void rest_start(struct backend *b, struct backend_op *op)
{
	static const char *const methods[] = {[BACKEND_PUT] = "POST",
		[BACKEND_GET] = "GET",
		[BACKEND_STAT] = "HEAD",
		[BACKEND_REMOVE] = "DELETE"};
	struct rest *s = rest_of(b);
	struct rest_op *c = mem_zalloc(sizeof(*c));

	err_clear(&op->err);
	c->s = s;
	c->op = op;
	c->url = url_of(s, op->type, &op->name);
	req_init(s, &c->req, methods[op->verb], c->url);
	c->req.done = answered;
	c->req.arg = c;
	c->req.urgent = backend_op_urgent(op);
	if (op->verb == BACKEND_GET) {
		buf_reset(&op->out);
		c->req.out = op->out;
		if (!set_range(c)) {
			op_end(c);
			return;
		}
	}
	if (op->verb == BACKEND_PUT) {
		c->req.header[c->req.n_header++] = "Content-Type: application/octet-stream";
		c->req.body = op->data;
		c->req.body_n = op->size;
	}
	http_start(s->h, &c->req);
}

static void tell_odd(enum backend_type t, const struct rest_listing *l,
	const struct backend_names *to)
{
	struct id id;

	for (size_t at = 0; at < l->odd.len; at += strlen((const char *)l->odd.p + at) + 1) {
		const char *name = (const char *)l->odd.p + at;

		layout_odd(to, t, layout_name(name, &id), name);
	}
}

static int rest_list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct rest *s = rest_of(b);
	struct rest_listing l = {0};
	struct http_req req;
	char *url;
	int code = 0;

	if (t == BACKEND_CONFIG)
		return 0;
	url = url_of(s, t, NULL);
	req_init(s, &req, "GET", url);
	req.out.max = LIST_MAX;
	if (http_run(s->h, &req) || !is_ok(&req)) {
		code = !req.err.code && req.status == 404 ? list_missing(s, &req, err)
							  : judge(&req, err);
		if (!code)
			layout_gone(to, t);
		goto out;
	}
	code = rest_listing_parse(&l, req.out.p, req.out.len, err);
	if (!code && !l.sized)
		code = rest_listing_sizes(&l, b, t, err);
	buf_release(&req.out);
	for (size_t i = 0; i < l.n && !code; i++) {
		if (l.v[i].size != UINT64_MAX)
			code = to->file(to->arg, &l.v[i].name, l.v[i].size);
	}
	if (!code)
		tell_odd(t, &l, to);
out:
	rest_listing_release(&l);
	http_req_release(&req);
	mem_free(url);
	return code;
}

static int rest_create(struct backend *b, struct err *err)
{
	struct rest *s = rest_of(b);
	char *url = mem_printf("%s?create=true", s->place.base);
	struct http_req req;
	int code;

	req_init(s, &req, "POST", url);
	http_run(s->h, &req);
	code = judge(&req, err);
	if (!code)
		atomic_store(&s->made, true);
	http_req_release(&req);
	mem_free(url);
	return code;
}

static void rest_free(struct backend *b)
{
	struct rest *s = rest_of(b);

	http_free(s->h);
	rest_place_release(&s->place);
	mem_free(s);
}

static void rest_give_up(struct backend *b)
{
	http_give_up(rest_of(b)->h);
}

static const struct backend_vtable rest_vtable = {
	.scheme = "rest",
	.start = rest_start,
	.list = rest_list,
	.create = rest_create,
	.free = rest_free,
	.give_up = rest_give_up,
};

struct backend *backend_rest_open(const struct location *l, const struct backend_options *opt,
	const struct env *env, struct err *err)
{
	struct rest *s = mem_zalloc(sizeof(*s));

	s->b.vt = &rest_vtable;
	s->b.connections = opt->connections ? opt->connections : CONNECTIONS;
	s->env = env;
	if (!rest_place_read(&s->place, l->rest, opt, err) && !options_http(opt, env, &s->h, err))
		return &s->b;
	rest_free(&s->b);
	return NULL;
}
