/*
 * backend: an object store that holds a repository's files, behind one asynchronous interface.
 *
 * Many operations may be under way at once; each is a caller-owned struct that must stay alive
 * until its done() has been called, exactly once. done() runs on a thread of the backend, or inside
 * backend_start(): it must be short (post to a loop) and may start further operations. Decorators
 * (retry, limit, fault) are backends over a backend.  All functions are thread safe.
 *
 * A store that is reached over a network says ERR_ODD to an answer that is none of its own: a
 * balancer's, a proxy's, a login page, a 2xx that proves nothing.
 *
 * Names: `config` has none; all other files are named by 64 hex digits.  backend_put never replaces
 * other content: a name is the hash of its bytes; the config, which has no such name, is put with
 * `fresh`.
 *
 * A backend clears op->err (and op->out for a GET) before it begins, and leaves op->out empty when
 * a GET fails.  backend_free may not be called inside done().
 */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "base/id.h"
#include <pthread.h>

enum backend_type {
	BACKEND_CONFIG,
	BACKEND_KEY,
	BACKEND_SNAPSHOT,
	BACKEND_INDEX,
	BACKEND_LOCK,
	BACKEND_PACK,
	BACKEND_TYPES
};
/* "config", "key", "snapshot", "index", "lock", "pack": for messages */
const char *backend_type_name(enum backend_type t);

enum backend_verb { BACKEND_PUT, BACKEND_GET, BACKEND_STAT, BACKEND_REMOVE };
const char *backend_verb_name(enum backend_verb v); /* "put", "get", "stat", "remove" */

struct backend_op {
	enum backend_verb verb;
	enum backend_type type;
	struct id name;
	const uint8_t *data; /* PUT: borrowed until done */
	size_t size;         /* PUT: bytes at data; STAT: result */
	/*
	 * PUT: ERR_EXISTS where there is such a file, which stays.  In one step where the store can
	 * (local, memory, S3); for others see look.c.  It may be what an earlier try of the same
	 * operation stored although it seemed to fail: reading it back tells.
	 */
	bool fresh;
	uint64_t offset; /* GET */
	uint64_t length; /* GET: 0 = to the end; otherwise exactly so many or ERR_TOOSHORT */
	struct buf out;  /* GET: the bytes, owned by the caller; buf_init'ed by the caller with the
			    maximum it accepts */
	struct err err;  /* result; err.code == 0 is success.  ERR_NOTFOUND: no such file (REMOVE:
			    that is success; a bare store of the network says it, see look.c) */
	void (*done)(struct backend_op *op);
	void *arg;               /* the caller's */
	struct backend_op *next; /* for the backend that holds the operation */
	void *inner;             /* likewise */
	unsigned tries;          /* set by the retry decorator: how often it was tried */
	int64_t retry_after_ns;  /* set by a store whose answer asked for a pause before the next
				    try; 0: it did not.  The retry decorator clears it */
};

/* How full the place is in which the repository lies: the bucket or container, with whatever else
 * is in it. */
struct backend_usage {
	bool known; /* else the numbers mean nothing */
	uint64_t objects, bytes;
	uint64_t objects_max; /* what the store says that it will take; 0: it did not say */
};

/* What a listing may find beside the files that can be read by their names. */
enum backend_odd {
	BACKEND_ODD_NAME = 1, /* another name */
	BACKEND_ODD_TEMP, /* a file's name with restic's "-tmp-…" behind it: a killed writer left
			     it, or one writes it just now */
	BACKEND_ODD_CASE, /* 64 hex digits, not all in lower case: a file of ours, perhaps, that no
			     GET finds */
	BACKEND_ODD_KIND, /* a file's name, but a directory, a FIFO, a link that leads nowhere, … */
	BACKEND_ODD_PLACE /* a file's name, but in another directory than the one where a GET looks
			   */
};

/* Who hears of what a listing finds. */
struct backend_names {
	/* each file whose name is 64 lower-case hex digits.  A non-zero result ends the listing and
	 * is returned; err is then its business */
	int (*file)(void *arg, const struct id *name, uint64_t size);
	/* everything else; the path is below the repository's root, hostile, borrowed during the
	 * call.  NULL: nobody wants to know */
	void (*odd)(void *arg, enum backend_odd why, const char *path);
	void *arg;
};

struct backend;
struct backend_vtable {
	const char *scheme;
	void (*start)(struct backend *b, struct backend_op *op);
	/*
	 * list: tells `to` the names of this type.  Blocking.  A directory that does not exist is
	 * empty; any other fault is an error.  Without the retry decorator, names may have been
	 * delivered before an error; with it they are delivered only once the whole listing
	 * succeeded.  `to` may use the backend. There are no files of type BACKEND_CONFIG to list,
	 * but what was to become one may be odd.
	 */
	int (*list)(struct backend *b, enum backend_type t, const struct backend_names *to,
		struct err *err);
	/* make the place (directories, bucket); fine if it exists */
	int (*create)(struct backend *b, struct err *err);
	void (*free)(struct backend *b); /* no operation may be under way */
	int (*usage)(struct backend *b, struct backend_usage *u,
		struct err *err); /* one request, blocking; NULL: such a store does not tell */
	void (*give_up)(struct backend *b); /* backend_give_up; NULL: what is under way cannot be
					       ended.  A decorator passes it on */
};
struct backend {
	const struct backend_vtable *vt;
	unsigned connections; /* operations that make sense at once */
	bool list_order;      /* unused names come back in lexical order (S3, Swift) */
	bool temps; /* files are written under temporary names, which a killed writer leaves */
	uint64_t objects_max; /* so many objects such a place holds by custom; 0: there is no limit
				 that one would meet */
};

#define BACKEND_BUCKET_OBJECTS                                                                     \
	500000 /* in a bucket or container, as on Allas (CSC, 2026): beyond it listings and the    \
		  index of a Ceph bucket suffer */

static inline void backend_start(struct backend *b, struct backend_op *op)
{
	b->vt->start(b, op);
}
/* backend_list_all: with what is odd; backend_list: the files alone. */
static inline int backend_list_all(struct backend *b, enum backend_type t,
	const struct backend_names *to, struct err *err)
{
	return b->vt->list(b, t, to, err);
}
static inline int backend_list(struct backend *b, enum backend_type t,
	int (*fn)(void *, const struct id *, uint64_t), void *arg, struct err *err)
{
	return backend_list_all(b, t, &(struct backend_names){.file = fn, .arg = arg}, err);
}
static inline int backend_create(struct backend *b, struct err *err)
{
	return b->vt->create(b, err);
}
/* backend_usage(b, u, err): u->known is false when the store does not tell; then 0 is returned. */
static inline int backend_usage(struct backend *b, struct backend_usage *u, struct err *err)
{
	*u = (struct backend_usage){0};
	return b->vt->usage ? b->vt->usage(b, u, err) : 0;
}
void backend_free(struct backend *b); /* NULL is fine */

/* backend_op_text(op): "put pack ab12cd34", "get config": for messages. */
struct backend_text {
	char s[32];
};
struct backend_text backend_op_text(const struct backend_op *op);

/* backend_run(b, op): start and wait; op->done is set by this function.  Returns op->err.code and
 * copies the sentence to err. Never on a loop thread that others wait for. */
int backend_run(struct backend *b, struct backend_op *op, struct err *err);

/* Blocking conveniences around backend_run.  `out` must be initialised with its maximum.  name NULL
 * for the config. */
int backend_get(struct backend *b, enum backend_type t, const struct id *name, struct buf *out,
	struct err *err);
int backend_put(struct backend *b, enum backend_type t, const struct id *name, const void *p,
	size_t n, struct err *err);
int backend_put_fresh(struct backend *b, enum backend_type t, const struct id *name, const void *p,
	size_t n, struct err *err);
int backend_remove(struct backend *b, enum backend_type t, const struct id *name, struct err *err);
int backend_stat(struct backend *b, enum backend_type t, const struct id *name, uint64_t *size,
	struct err *err);

/*
 * backend_open(location, opt, env, out, err): the backend for a restic location (location.h) with
 * the retry decorator over it.  Does not touch the store. ERR_USAGE for a location that cannot be
 * understood, ERR_UNSUPPORTED for a kind of store that this program does not speak.  `env`: clock,
 * rnd and log are used, borrowed until backend_free.
 */
struct swift_token_source;
struct swift_keeper;
struct backend_options {
	unsigned connections; /* 0: the backend's default */
	/* For stores that are reached over HTTP, see http.h.  Borrowed until backend_open returns.
	 */
	const char *cacert, *tls_client_cert, *user_agent;
	bool insecure_tls;
	const char *project;   /* whose S3 keys, see s3_cred.h; NULL: $OS_PROJECT_NAME */
	const char *s3_region; /* NULL: $AWS_DEFAULT_REGION, else what the host name or the server
				  says */
	const char *s3_lookup; /* "dns": the bucket is part of the host name; "path"; NULL, "auto":
				  as the provider wants it */
	bool s3_list_v1;       /* the server knows no ListObjectsV2, and does not say so */
	/* credentials, proxies; NULL: there is no environment.  Kept until backend_free */
	const char *(*getenv)(const char *name);
	/* Swift, see swift_token.h: a source of tokens, called for one instead of looking into the
	 * environment; where to leave who keeps them until backend_free. */
	struct swift_token_source *(*tokens)(void *arg);
	void *tokens_arg;
	struct swift_keeper **keeper; /* NULL: nowhere.  Untouched by stores without tokens */
	bool any_names; /* for tests: a file's name need not be the SHA-256 of its bytes, which S3
			   uploads are checked by */
};
int backend_open(const char *location, const struct backend_options *opt, const struct env *env,
	struct backend **out, struct err *err);

/* The layers, for tests and for backend_open.  Each takes `inner` and frees it with itself. */
/* local.c: docs/format.md 1 */
struct backend *backend_local_new(const char *path, unsigned connections);
/* mem.c: for tests and simulations; thread safe, shared by ranks */
struct backend *backend_mem_new(void);
struct backend *backend_share(struct backend *b); /* mem.c: a handle whose free does not free b */
struct backend_retry_policy {
	int64_t first_ns, max_ns, total_ns; /* docs/format.md 16.1: 1 s, 60 s, 15 min */
};
extern const struct backend_retry_policy backend_retry_default;
/* retry.c */
struct backend *backend_retry_new(struct backend *inner, const struct backend_retry_policy *p,
	const struct env *env);

/* backend_retry_cancel(b): all waits for another try, pending and future, end with ERR_CANCELLED;
 * what is under way or new is still tried once.  But what a run must leave behind is tried on:
 * index files are written, locks removed.  For shutdown. */
void backend_retry_cancel(struct backend *b); /* nothing happens if b is not a retry decorator */

/*
 * backend_give_up(b): for a shutdown that takes too long: as backend_retry_cancel, and what is
 * under way or stands in a line ends with ERR_CANCELLED, as far as the store can do that; but not
 * what is urgent.
 */
void backend_give_up(struct backend *b);

/*
 * backend_op_urgent(op): lock files, whose refresh keeps a run alive, and index files, without
 * which what was stored is worth nothing: they do not wait in a line behind packs, and are not
 * given up.
 */
static inline bool backend_op_urgent(const struct backend_op *op)
{
	return op->type == BACKEND_LOCK || (op->type == BACKEND_INDEX && op->verb == BACKEND_PUT);
}

/* backend_retry_count(b): further tries begun so far, of operations, listings and create; 0 if b is
 * not a retry decorator. */
uint64_t backend_retry_count(struct backend *b);

/* backend_retry_set_wait(b, fn, arg): how to wait `ns` or until `c` is signalled, for tests with a
 * clock of their own.  Before the first operation. */
typedef void backend_retry_wait_fn(void *arg, pthread_cond_t *c, pthread_mutex_t *m, int64_t ns);
void backend_retry_set_wait(struct backend *b, backend_retry_wait_fn *fn, void *arg);

struct backend *backend_look_new(
	struct backend *inner); /* look.c: asks the store before a `fresh` PUT and after a REMOVE of
				   what it does not find */

struct backend *backend_limit_new(struct backend *inner,
	unsigned at_once); /* limit.c: at most so many operations inside, in order; lock files, list
			      and create pass at once */

/*
 * fault.c: fails operations as a seeded random decides, for tests.  Rates in parts per million.
 * What happens to the n-th operation (counted from 1, list and create too) depends on the seed and
 * n alone.  A listing fails after a few names; a failed remove may have removed the file.
 */
struct backend_fault_policy {
	uint64_t seed;
	unsigned put_fail, put_fail_after;      /* error before / after the bytes are stored */
	unsigned get_fail, get_short, get_flip; /* error; truncated (ERR_TOOSHORT if a length was
						   given, else a silent loss); one bit flipped */
	unsigned list_fail, remove_fail;
	unsigned permanent; /* of the failures, how many are ERR_NOSPACE instead of ERR_IO */
	uint64_t
		fail_from_op; /* != 0: from this operation on everything fails: a store that dies */
};
struct backend *backend_fault_new(struct backend *inner, const struct backend_fault_policy *p);
uint64_t backend_fault_count(const struct backend *b); /* faults injected so far */

#endif
