#include "backend/s3.h"
#include "backend/digest.h"
#include "backend/layout.h"
#include "backend/object.h"
#include "backend/options.h"
#include "backend/s3_call.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX  65536
#define CONNECTIONS 5

struct s3_op {
	struct backend_op *op;
	struct s3_call call;
	/* a GET that found nothing behind its offset asks for the size */
	bool sizing;
	/* a HEAD that is refused is told no reason: a GET asks for it */
	enum { HEAD_FIRST, HEAD_WHY, HEAD_AGAIN } head;
	char *key;
	char range[OBJECT_RANGE];
	char sha256[2 * ID_SIZE + 1];
};

static struct s3 *s3_of(struct backend *b)
{
	return (struct s3 *)(void *)b;
}

static void op_finish(struct s3_op *o, int code)
{
	struct backend_op *op = o->op;

	object_judge_put(op);
	object_pause(op, &o->call.r, o->call.s->env->clock);
	if (op->verb == BACKEND_GET) {
		op->out = o->call.r.out;
		if (code)
			buf_release(&op->out);
	} else {
		buf_release(&o->call.r.out);
	}
	s3_call_release(&o->call);
	mem_free(o->key);
	mem_free(o);
	op->done(op);
}

/* Every S3 server tells what it has stored. */
static int put_result(struct s3_op *o)
{
	const struct http_req *r = &o->call.r;
	char etag[128];

	if (r->status == 200 && http_header(r, "ETag", etag, sizeof(etag)) && *etag)
		return 0;
	return err_set(&o->op->err, ERR_ODD,
		"%s answers %d to an upload, without an ETag: that is no S3 server's answer",
		o->call.s->place.host, r->status);
}

static bool needs_reason(const struct s3_op *o)
{
	const struct s3_call *c = &o->call;

	return o->op->verb == BACKEND_STAT && o->head == HEAD_FIRST &&
	       (c->r.status == 400 || c->r.status == 403) && !c->e.code[0] && !c->r.err.code;
}

/* The reason may be one that the GET got over, such as another region. */
static bool may_again(const struct s3_op *o)
{
	return o->head == HEAD_WHY &&
	       (o->call.r.err.code ? o->call.r.out.overflow : o->call.r.status / 100 == 2);
}

static void head_go_on(struct s3_op *o)
{
	bool why = o->head == HEAD_FIRST;

	o->head = why ? HEAD_WHY : HEAD_AGAIN;
	s3_call_release(&o->call);
	o->call.method = why ? "GET" : "HEAD";
	o->call.range = why ? "bytes=0-0" : NULL;
	s3_call_start(o->call.s, &o->call);
}

static void answered(struct s3_call *c)
{
	struct s3_op *o = c->arg;
	struct backend_op *op = o->op;
	int code;

	if (needs_reason(o) || may_again(o)) {
		head_go_on(o);
		return;
	}
	/* A server that knows no such condition; whether there is an object was looked for before.
	 */
	if (c->fresh && (c->r.status == 501 || s3_call_judge(c, &op->err) == ERR_UNSUPPORTED)) {
		c->fresh = false;
		s3_call_release(c);
		s3_call_start(c->s, c);
		return;
	}
	if (!o->sizing && object_asks_size(op, &c->r)) {
		o->sizing = true;
		s3_call_release(c);
		c->method = "HEAD";
		c->range = NULL;
		s3_call_start(c->s, c);
		return;
	}
	code = s3_call_judge(c, &op->err);
	if (op->verb == BACKEND_GET && code == ERR_INVALID && c->r.out.overflow)
		code = object_too_large(op, c->r.out.max);
	if (!code && o->sizing) {
		buf_reset(&c->r.out);
		code = object_end(op, c->r.length, &op->err);
	} else if (!code && op->verb == BACKEND_GET) {
		code = object_part(&c->r, op, &op->err);
	} else if (!code && op->verb == BACKEND_PUT) {
		code = put_result(o);
	} else if (!code && op->verb == BACKEND_REMOVE) {
		code = object_judge_removed(&c->r, 204, &op->err);
	} else if (!code && op->verb == BACKEND_STAT) {
		code = object_size(&c->r, op);
	}
	op_finish(o, code);
}

static void op_put(struct s3 *s, struct s3_op *o)
{
	uint8_t sha[ID_SIZE];

	o->call.method = "PUT";
	o->call.fresh = o->op->fresh;
	o->call.body = o->op->data;
	o->call.body_n = o->op->size;
	if (s->names_are_hashes && o->op->type != BACKEND_CONFIG) {
		hex_encode(o->sha256, o->op->name.b, ID_SIZE);
	} else {
		digest_sha256(o->op->size ? o->op->data : (const uint8_t *)"", o->op->size, sha);
		hex_encode(o->sha256, sha, ID_SIZE);
	}
	o->call.sha256 = o->sha256;
}

static void s3_start(struct backend *b, struct backend_op *op)
{
	struct s3 *s = s3_of(b);
	struct s3_op *o = mem_zalloc(sizeof(*o));

	err_clear(&op->err);
	if (op->verb == BACKEND_GET) {
		buf_reset(&op->out);
		if (object_range(op, o->range, &op->err)) {
			mem_free(o);
			op->done(op);
			return;
		}
	}
	o->op = op;
	o->key = s3_key(s, op->type, &op->name);
	o->call.key = o->key;
	o->call.done = answered;
	o->call.arg = o;
	o->call.urgent = backend_op_urgent(op);
	buf_init(&o->call.r.out, ANSWER_MAX);
	switch (op->verb) {
	case BACKEND_PUT:
		op_put(s, o);
		break;
	case BACKEND_GET:
		o->call.r.out = op->out;
		op->out = (struct buf){.max = op->out.max};
		o->call.method = "GET";
		o->call.range = op->offset || op->length ? o->range : NULL;
		break;
	case BACKEND_STAT:
		o->call.method = "HEAD";
		break;
	case BACKEND_REMOVE:
		o->call.method = "DELETE";
		break;
	}
	s3_call_start(s, &o->call);
}

/* usage (may be NULL): what the answer's headers say of it; Ceph tells. */
static int bucket_call(struct s3 *s, const char *method, const char *body,
	struct backend_usage *usage, struct err *err)
{
	struct s3_call c = {.method = method, .path_style = true};
	char sha[2 * 32 + 1];
	uint8_t raw[32];
	int code;

	buf_init(&c.r.out, ANSWER_MAX);
	if (body) {
		digest_sha256(body, strlen(body), raw);
		hex_encode(sha, raw, sizeof(raw));
		c.body = (const uint8_t *)body;
		c.body_n = strlen(body);
		c.sha256 = sha;
	}
	s3_call_run(s, &c);
	code = s3_call_judge(&c, err);
	if (code && !strcmp(c.e.code, "BucketAlreadyOwnedByYou"))
		code = 0;
	if (!code && usage) {
		usage->known = http_header_number(&c.r, "X-RGW-Object-Count", &usage->objects) &&
			       http_header_number(&c.r, "X-RGW-Bytes-Used", &usage->bytes);
		/* -1, no number: none */
		http_header_number(&c.r, "X-RGW-Quota-Bucket-Objects", &usage->objects_max);
	}
	s3_call_release(&c);
	buf_release(&c.r.out);
	return code;
}

static int s3_usage(struct backend *b, struct backend_usage *u, struct err *err)
{
	return bucket_call(s3_of(b), "HEAD", NULL, u, err);
}

/* Whoever may not ask whether the bucket exists may still use it, so a refusal counts as "exists"
 * (as restic has it); so does a bucket that moved. */
static int s3_create(struct backend *b, struct err *err)
{
	struct s3 *s = s3_of(b);
	struct err ignored = {0};
	char *body = NULL;
	int code = bucket_call(s, "HEAD", NULL, NULL, err);

	if (code == ERR_DENIED || !code) {
		err_clear(err);
		return 0;
	}
	if (code != ERR_NOTFOUND)
		return err_prefix(err, "bucket %s", s->place.bucket);
	pthread_mutex_lock(&s->lock);
	/* Only a region that somebody named is one that the server must know. */
	if (s->region[0] && strcmp(s->region, "us-east-1") != 0)
		body = mem_printf(
			"<CreateBucketConfiguration "
			"xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>%s"
			"</LocationConstraint></CreateBucketConfiguration>",
			s->region);
	pthread_mutex_unlock(&s->lock);
	code = bucket_call(s, "PUT", body ? body : "", NULL, err);
	/* Another rank or user of ours may have been faster. */
	if (code == ERR_IO || code == ERR_EXISTS) {
		if (!bucket_call(s, "HEAD", NULL, NULL, &ignored))
			code = 0;
	}
	mem_free(body);
	if (!code) {
		err_clear(err);
		return 0;
	}
	return err_prefix(err, "create the bucket %s", s->place.bucket);
}

static void s3_free(struct backend *b)
{
	struct s3 *s = s3_of(b);

	http_free(s->http);
	s3_cred_release(&s->cred);
	mem_free((char *)(uintptr_t)s->where.project);
	mem_free((char *)(uintptr_t)s->where.conf.home);
	s3_place_release(&s->place);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

static void s3_give_up(struct backend *b)
{
	http_give_up(s3_of(b)->http);
}

static const struct backend_vtable s3_vtable = {
	.scheme = "s3",
	.start = s3_start,
	.list = s3_list,
	.create = s3_create,
	.free = s3_free,
	.give_up = s3_give_up,
	.usage = s3_usage,
	.remove_many = s3_remove_many,
};

int backend_s3_new(const char *place, struct http *http, const struct s3_options *o,
	const struct env *env, struct backend **out, struct err *err)
{
	struct s3 *s = mem_zalloc(sizeof(*s));
	const char *region = o->region   ? o->region
			     : o->getenv ? o->getenv("AWS_DEFAULT_REGION")
					 : NULL;
	int code;

	*out = NULL;
	s->b.vt = &s3_vtable;
	s->b.connections = o->connections ? o->connections : CONNECTIONS;
	s->b.objects_max = BACKEND_BUCKET_OBJECTS;
	s->b.removes_many = true;
	s->b.list_order = false; /* ranges are read at the same time */
	s->http = http;
	s->env = env;
	s->names_are_hashes = !o->any_names;
	s->page = o->page;
	s->list_v1 = o->list_v1;
	pthread_mutex_init(&s->lock, NULL);
	code = s3_place_parse(&s->place, place, err);
	if (!code && o->lookup && strcmp(o->lookup, "auto") != 0)
		s->place.virtual_host = !strcmp(o->lookup, "dns");
	s->where = (struct s3_cred_where){.host = s->place.host,
		.project = o->project ? mem_strdup(o->project) : NULL,
		.conf = {.home = o->home ? mem_strdup(o->home) : NULL, .getenv = o->getenv}};
	if (!code)
		code = s3_cred_find(&s->cred, &s->where, err);
	if (code) {
		s3_free(&s->b);
		return code;
	}
	snprintf(s->region, sizeof(s->region), "%s",
		region && *region && strlen(region) < S3_REGION_MAX ? region : s->place.region);
	*out = &s->b;
	return 0;
}

struct backend *backend_s3_open(const struct location *l, const struct backend_options *opt,
	const struct env *env, struct err *err)
{
	struct s3_options o = {.home = options_getenv(opt, "HOME"),
		.getenv = opt->getenv,
		.project = opt->project,
		.region = opt->s3_region,
		.lookup = opt->s3_lookup,
		.list_v1 = opt->s3_list_v1,
		.connections = opt->connections,
		.any_names = opt->any_names};
	struct backend *b = NULL;
	struct http *http;

	if (!options_http(opt, env, &http, err))
		backend_s3_new(l->rest, http, &o, env, &b, err);
	return b;
}
