/* backend: what is the same for all stores: names for messages, blocking conveniences, and the
 * choice by location. */
#include "backend/backend.h"
#include "backend/open.h"
#include "backend/s3.h"
#include "backend/swift.h"
#include "base/latch.h"
#include "base/mem.h"
#include <stdio.h>

const char *backend_type_name(enum backend_type t)
{
	static const char *const names[BACKEND_TYPES] = {
		[BACKEND_CONFIG] = "config",
		[BACKEND_KEY] = "key",
		[BACKEND_SNAPSHOT] = "snapshot",
		[BACKEND_INDEX] = "index",
		[BACKEND_LOCK] = "lock",
		[BACKEND_PACK] = "pack",
	};

	return (unsigned)t < BACKEND_TYPES ? names[t] : "unknown";
}

const char *backend_verb_name(enum backend_verb v)
{
	static const char *const names[] = {
		[BACKEND_PUT] = "put",
		[BACKEND_GET] = "get",
		[BACKEND_STAT] = "stat",
		[BACKEND_REMOVE] = "remove",
	};

	return (unsigned)v < sizeof(names) / sizeof(names[0]) ? names[v] : "unknown";
}

void backend_give_up(struct backend *b)
{
	if (b->vt->give_up)
		b->vt->give_up(b);
}

struct backend_text backend_op_text(const struct backend_op *op)
{
	struct backend_text t;
	const char *verb = backend_verb_name(op->verb);
	const char *type = backend_type_name(op->type);

	if (op->type == BACKEND_CONFIG)
		snprintf(t.s, sizeof(t.s), "%s %s", verb, type);
	else
		snprintf(t.s, sizeof(t.s), "%s %s %.8s", verb, type, id_hex(&op->name).s);
	return t;
}

void backend_free(struct backend *b)
{
	if (b)
		b->vt->free(b);
}

static void run_done(struct backend_op *op)
{
	latch_down(op->arg);
}

int backend_run(struct backend *b, struct backend_op *op, struct err *err)
{
	void *arg = op->arg;
	struct latch l;

	latch_init(&l, 1);
	op->done = run_done;
	op->arg = &l;
	backend_start(b, op);
	latch_wait(&l);
	op->arg = arg;
	return err_copy(err, &op->err);
}

static struct backend_op op_for(enum backend_verb v, enum backend_type t, const struct id *name)
{
	struct backend_op op = {.verb = v, .type = t};

	if (name)
		op.name = *name;
	return op;
}

int backend_get(struct backend *b, enum backend_type t, const struct id *name, struct buf *out,
	struct err *err)
{
	struct backend_op op = op_for(BACKEND_GET, t, name);
	int code;

	op.out = *out;
	code = backend_run(b, &op, err);
	*out = op.out;
	return code;
}

int backend_put(struct backend *b, enum backend_type t, const struct id *name, const void *p,
	size_t n, struct err *err)
{
	struct backend_op op = op_for(BACKEND_PUT, t, name);

	op.data = p;
	op.size = n;
	return backend_run(b, &op, err);
}

int backend_put_fresh(struct backend *b, enum backend_type t, const struct id *name, const void *p,
	size_t n, struct err *err)
{
	struct backend_op op = op_for(BACKEND_PUT, t, name);

	op.data = p;
	op.size = n;
	op.fresh = true;
	return backend_run(b, &op, err);
}

int backend_remove(struct backend *b, enum backend_type t, const struct id *name, struct err *err)
{
	struct backend_op op = op_for(BACKEND_REMOVE, t, name);

	return backend_run(b, &op, err);
}

int backend_stat(struct backend *b, enum backend_type t, const struct id *name, uint64_t *size,
	struct err *err)
{
	struct backend_op op = op_for(BACKEND_STAT, t, name);
	int code = backend_run(b, &op, err);

	if (!code)
		*size = op.size;
	return code;
}

/* One row for each scheme; `open` builds the bare store from the part behind the scheme.  A row
 * without it is a store we know of but do not speak. */
struct scheme {
	enum location_scheme scheme;
	const char *name;
	backend_open_fn *open;
};

static struct backend *open_local(const struct location *l, const struct backend_options *opt,
	const struct env *env, struct err *err)
{
	(void)env;
	(void)err;
	return backend_local_new(l->rest, opt->connections);
}

static const struct scheme schemes[] = {
	{LOCATION_LOCAL, "local", open_local},
	{LOCATION_S3, "s3", backend_s3_open},
	{LOCATION_SWIFT, "swift", backend_swift_open},
	{LOCATION_REST, "rest", backend_rest_open},
};

int backend_open(const char *location, const struct backend_options *opt, const struct env *env,
	struct backend **out, struct err *err)
{
	static const struct backend_options defaults = {0};
	const struct scheme *s = NULL;
	struct location l = {0};
	struct backend *bare;
	struct err why = {0};
	int code = location_parse(&l, location, err);

	*out = NULL;
	if (code)
		goto out;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (schemes[i].scheme == l.scheme)
			s = &schemes[i];
	}
	if (!s || !s->open) {
		code = err_set(err, ERR_UNSUPPORTED,
			"this version cannot use %s repositories, only local directories",
			s ? s->name : "such");
		goto out;
	}
	bare = s->open(&l, opt ? opt : &defaults, env, &why);
	if (!bare) {
		code = err_copy(err, &why);
		goto out;
	}
	/* Whoever waits for a connection waits here: its token is taken and its request signed when
	 * its turn comes.  A try that failed gives its place away. */
	if (l.scheme != LOCATION_LOCAL)
		bare = backend_limit_new(backend_look_new(bare), bare->connections);
	*out = backend_retry_new(bare, &backend_retry_default, env);
out:
	location_release(&l);
	return code;
}
