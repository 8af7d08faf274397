#include "backend/swift.h"
#include "backend/digest.h"
#include "backend/layout.h"
#include "backend/object.h"
#include "backend/options.h"
#include "backend/swift_call.h"
#include "backend/swift_remove.h"
#include "base/id.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES 65536

struct swift {
	struct backend b;
	char *container; /* encoded, with a / before it */
	char *prefix;    /* encoded; "" or ends with / */
	char *base;      /* the prefix as it is */
	char *policy;
	atomic_bool seen; /* the container is there: something in it was read or written */
	struct swift_keeper *keeper;
	struct swift_wire wire;
	const struct env *env;
	struct http *http; /* NULL: the wire is somebody else's */
};

/* An operation while it is under way. */
struct object_call {
	struct swift_call call;
	struct swift *s;
	struct backend_op *op;
	char etag[33];
};

static struct swift *swift_of(struct backend *b)
{
	return (struct swift *)(void *)b;
}

static char *object_path(const struct swift *s, const struct backend_op *op)
{
	char name[LAYOUT_MAX];

	layout_path(op->type, &op->name, name);
	return mem_printf("%s/%s%s", s->container, s->prefix, name);
}

static void op_end(struct object_call *o)
{
	struct backend_op *op = o->op;

	object_judge_put(op);
	if (!o->call.err.code)
		object_pause(op, &o->call.req, o->s->env->clock);
	swift_call_release(&o->call);
	mem_free(o);
	op->done(op);
}

static int get_take(struct object_call *o)
{
	struct backend_op *op = o->op;
	struct buf *out = &o->call.req.out;
	size_t max = op->out.max;
	int code = object_part(&o->call.req, op, &op->err);

	if (code)
		return code;
	if (out->len > max)
		return object_too_large(op, max);
	buf_move(&op->out, out);
	op->out.max = max;
	return 0;
}

/* A GET from exactly the end is no error for us but is one for HTTP: the answer to a HEAD decides.
 */
static void tail_done(struct swift_call *c)
{
	struct object_call *o = c->arg;
	struct backend_op *op = o->op;

	if (c->err.code || c->req.status / 100 != 2)
		swift_call_judge(c, &op->err);
	else
		object_end(op, c->req.length, &op->err);
	op_end(o);
}

static void tail_ask(struct object_call *o)
{
	swift_call_release(&o->call);
	swift_call_init(&o->call, "HEAD", ANSWER_BYTES);
	o->call.path = object_path(o->s, o->op);
	o->call.done = tail_done;
	o->call.arg = o;
	swift_call_start(&o->call, o->s->keeper, &o->s->wire);
}

static bool too_large(const struct swift_call *c, const struct backend_op *op)
{
	const struct http_req *r = &c->req;

	return op->verb == BACKEND_GET && c->err.code == ERR_INVALID &&
	       (r->out.overflow || (r->length != UINT64_MAX && r->length > op->out.max));
}

static void put_check(struct object_call *o)
{
	char etag[80];
	const char *e = etag;

	if (o->call.req.status != 201 || !http_header(&o->call.req, "ETag", etag, sizeof(etag)) ||
		!*etag) {
		err_set(&o->op->err, ERR_ODD,
			"HTTP status %d to an upload, without an ETag, is no Swift store's answer",
			o->call.req.status);
		return;
	}
	e += *e == '"';
	/* A proxy that packs answers makes W/"…" of it, encrypting stores something of their own:
	 * what is no MD5 says nothing. */
	if (strspn(e, "0123456789abcdefABCDEF") == 32 && (!e[32] || e[32] == '"') &&
		strncasecmp(e, o->etag, 32))
		err_set(&o->op->err, ERR_IO, "the store has stored other bytes than were sent");
}

static void object_done(struct swift_call *c)
{
	struct object_call *o = c->arg;
	struct backend_op *op = o->op;
	int s = c->err.code ? 0 : c->req.status;

	if (!c->err.code && object_asks_size(op, &c->req)) {
		tail_ask(o);
		return;
	}
	if (too_large(c, op))
		object_too_large(op, op->out.max);
	else if (op->verb == BACKEND_PUT && op->fresh && s == 412)
		err_set(&op->err, ERR_EXISTS, "there is such an object");
	else if (s / 100 != 2)
		swift_call_judge(c, &op->err);
	else if (op->verb == BACKEND_GET)
		get_take(o);
	else if (op->verb == BACKEND_PUT)
		put_check(o);
	else if (op->verb == BACKEND_REMOVE)
		object_judge_removed(&c->req, 204, &op->err);
	else
		object_size(&c->req, op);
	if (!op->err.code && op->verb != BACKEND_REMOVE)
		atomic_store(&o->s->seen, true);
	op_end(o);
}

static int range_set(struct swift_call *c, struct backend_op *op)
{
	char range[OBJECT_RANGE];

	if (object_range(op, range, &op->err))
		return op->err.code;
	if (op->offset || op->length)
		c->header[0] = mem_printf("Range: %s", range);
	return 0;
}

static void put_set(struct object_call *o)
{
	struct backend_op *op = o->op;
	uint8_t md5[16];

	digest_md5(op->data, op->size, md5);
	hex_encode(o->etag, md5, sizeof(md5));
	o->call.header[0] = mem_strdup("Content-Type: binary/octet-stream");
	o->call.header[1] = mem_printf("ETag: %s", o->etag);
	/* A server that knows no such condition takes no notice of it. */
	if (op->fresh)
		o->call.header[2] = mem_strdup("If-None-Match: *");
	o->call.req.body = op->data;
	o->call.req.body_n = op->size;
}

static void swift_start(struct backend *b, struct backend_op *op)
{
	static const char *const methods[] = {[BACKEND_PUT] = "PUT",
		[BACKEND_GET] = "GET",
		[BACKEND_STAT] = "HEAD",
		[BACKEND_REMOVE] = "DELETE"};
	struct object_call *o = mem_zalloc(sizeof(*o));
	size_t max = ANSWER_BYTES;

	err_clear(&op->err);
	op->retry_after_ns = 0;
	if (op->verb == BACKEND_GET) {
		buf_reset(&op->out);
		if (op->out.max > max)
			max = op->out.max;
	}
	o->s = swift_of(b);
	o->op = op;
	swift_call_init(&o->call, methods[op->verb], max);
	if (op->verb == BACKEND_GET && range_set(&o->call, op)) {
		op_end(o);
		return;
	}
	if (op->verb == BACKEND_PUT)
		put_set(o);
	o->call.req.urgent = backend_op_urgent(op);
	o->call.path = object_path(o->s, op);
	o->call.done = object_done;
	o->call.arg = o;
	swift_call_start(&o->call, o->s->keeper, &o->s->wire);
}

static struct swift_dir dir_of(struct backend *b)
{
	struct swift *s = swift_of(b);

	return (struct swift_dir){.container = s->container,
		.prefix = s->prefix,
		.base = s->base,
		.keeper = s->keeper,
		.wire = &s->wire,
		.seen = atomic_load(&s->seen)};
}

static int list(struct backend *b, enum backend_type t, const struct backend_names *to,
	struct err *err)
{
	struct swift_dir d = dir_of(b);

	return swift_list(&d, t, to, err);
}

static int remove_many(struct backend *b, enum backend_type t, const struct id *names, size_t n,
	bool *gone, struct err *err)
{
	struct swift_dir d = dir_of(b);

	return swift_remove_many(&d, t, names, n, gone, err);
}

static int container_call(struct swift *s, const char *method, const char *policy,
	struct backend_usage *usage, struct err *err)
{
	struct swift_call c;
	int code = 0;

	swift_call_init(&c, method, ANSWER_BYTES);
	c.path = mem_strdup(s->container);
	if (policy)
		c.header[0] = mem_printf("X-Storage-Policy: %s", policy);
	if (swift_call_run(&c, s->keeper, &s->wire) || c.req.status / 100 != 2)
		code = swift_call_judge(&c, err);
	if (!code && usage) {
		usage->known = http_header_number(&c.req, "X-Container-Object-Count",
				       &usage->objects) &&
			       http_header_number(&c.req, "X-Container-Bytes-Used", &usage->bytes);
		http_header_number(&c.req, "X-Container-Meta-Quota-Count", &usage->objects_max);
	}
	swift_call_release(&c);
	return code;
}

static int swift_usage(struct backend *b, struct backend_usage *u, struct err *err)
{
	return container_call(swift_of(b), "HEAD", NULL, u, err);
}

static int swift_create(struct backend *b, struct err *err)
{
	struct swift *s = swift_of(b);
	int code = container_call(s, "HEAD", NULL, NULL, err);

	if (code != ERR_NOTFOUND)
		return code;
	err_clear(err);
	return container_call(s, "PUT", s->policy, NULL, err);
}

static void swift_free(struct backend *b)
{
	struct swift *s = swift_of(b);

	/* A renewal may be under way; nobody needs its answer any more. */
	if (s->http)
		http_cancel(s->http);
	swift_keeper_free(s->keeper);
	http_free(s->http);
	mem_free(s->container);
	mem_free(s->prefix);
	mem_free(s->base);
	mem_free(s->policy);
	mem_free(s);
}

static void swift_give_up(struct backend *b)
{
	struct swift *s = swift_of(b);

	if (s->http)
		http_give_up(s->http);
}

static const struct backend_vtable swift_vtable = {
	.scheme = "swift",
	.start = swift_start,
	.list = list,
	.create = swift_create,
	.free = swift_free,
	.give_up = swift_give_up,
	.usage = swift_usage,
	.remove_many = remove_many,
};

static char *encoded(const char *before, const char *s, const char *after)
{
	struct buf b;
	char *out;

	buf_init(&b, 8192);
	buf_adds(&b, before);
	http_encode(&b, s, strlen(s), "/");
	buf_adds(&b, after);
	out = mem_strdup(buf_str(&b));
	buf_release(&b);
	return out;
}

int swift_new(const char *place, struct swift_token_source *src, const struct swift_wire *wire,
	const char *policy, unsigned connections, const struct env *env, struct backend **out,
	struct err *err)
{
	char *container, *prefix;
	struct swift *s;
	int code = swift_place_parse(place, &container, &prefix, err);

	*out = NULL;
	if (!code && policy && policy[strcspn(policy, "\r\n")])
		code = err_set(err, ERR_USAGE,
			"SWIFT_DEFAULT_CONTAINER_POLICY has more than one line");
	if (code) {
		src->free(src);
		mem_free(container);
		mem_free(prefix);
		return code;
	}
	s = mem_zalloc(sizeof(*s));
	s->b.vt = &swift_vtable;
	s->b.connections = connections ? connections : 5;
	s->b.list_order = true;
	s->b.objects_max = BACKEND_BUCKET_OBJECTS;
	s->b.removes_many = true;
	s->container = encoded("/", container, "");
	s->prefix = encoded("", prefix, *prefix ? "/" : "");
	s->base = mem_printf("%s%s", prefix, *prefix ? "/" : "");
	s->policy = policy ? mem_strdup(policy) : NULL;
	s->wire = *wire;
	s->env = env;
	s->keeper = swift_keeper_new(src, env);
	*out = &s->b;
	mem_free(container);
	mem_free(prefix);
	return 0;
}

static void wire_http(void *arg, struct http_req *r)
{
	http_start(arg, r);
}

/* Where tokens come from: another rank, or the environment's user. */
static struct swift_token_source *open_source(const struct backend_options *opt,
	const struct swift_wire *wire, const struct env *env, struct err *err)
{
	struct swift_creds c;

	if (opt->tokens)
		return opt->tokens(opt->tokens_arg);
	if (!opt->getenv) {
		err_set(err, ERR_USAGE,
			"a swift: location needs an environment with a token or a password");
		return NULL;
	}
	if (!swift_creds_read(&c, opt->getenv, err))
		return swift_login_source_new(&c, wire, env);
	swift_creds_release(&c);
	return NULL;
}

struct backend *backend_swift_open(const struct location *l, const struct backend_options *opt,
	const struct env *env, struct err *err)
{
	struct swift_wire wire = {.start = wire_http};
	struct backend_options with_ca = *opt;
	struct swift_token_source *src;
	struct backend *b = NULL;
	struct http *h = NULL;

	/* What OpenStack's own clients call --cacert. */
	if (!with_ca.cacert)
		with_ca.cacert = options_getenv(opt, "OS_CACERT");
	if (options_http(&with_ca, env, &h, err))
		return NULL;
	wire.arg = h;
	src = open_source(opt, &wire, env, err);
	if (!src || swift_new(l->rest, src, &wire,
			    options_getenv(opt, "SWIFT_DEFAULT_CONTAINER_POLICY"), opt->connections,
			    env, &b, err)) {
		http_free(h);
		return NULL;
	}
	swift_of(b)->http = h;
	if (opt->keeper)
		*opt->keeper = swift_of(b)->keeper;
	return b;
}
