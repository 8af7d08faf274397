/*
 * backend: an object store that holds a repository's files, behind one asynchronous interface.
 *
 * Many operations may be under way at once; each is a caller-owned struct that must stay alive
 * until its done() has been called, exactly once. done() runs on a thread of the backend, or inside
 * backend_start(): it must be short (post to a loop) and may start further operations. Decorators
 * (decorators.h) are backends over a backend.  All functions are thread safe.
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
	BACKEND_ODD_PLACE, /* a file's name, but in another directory than the one where a GET looks
			    */
	BACKEND_ODD_GONE   /* the directory itself, which is not there */
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
	 * empty, and odd (ODD_GONE); any other fault is an error.  Without the retry decorator,
	 * names may have been delivered before an error; with it they are delivered only once the
	 * whole listing succeeded.  `to` may use the backend. There are no files of type
	 * BACKEND_CONFIG to list, but what was to become one may be odd.
	 */
	int (*list)(struct backend *b, enum backend_type t, const struct backend_names *to,
		struct err *err);
	/* make the place (directories, bucket); fine if it exists */
	int (*create)(struct backend *b, struct err *err);
	void (*free)(struct backend *b); /* no operation may be under way */
	int (*usage)(struct backend *b, struct backend_usage *u,
		struct err *err); /* one request, blocking; NULL: such a store does not tell */
	/* backend_remove_many; NULL: it cannot.  A decorator passes it on */
	int (*remove_many)(struct backend *b, enum backend_type t, const struct id *names, size_t n,
		bool *gone, struct err *err);
	/* backend_clear_temps; NULL: there are none.  A decorator passes it on */
	int (*clear_temps)(struct backend *b, enum backend_type t, int64_t before_s,
		uint64_t *removed, struct err *err);
	void (*give_up)(struct backend *b); /* backend_give_up; NULL: what is under way cannot be
					       ended.  A decorator passes it on */
};
struct backend {
	const struct backend_vtable *vt;
	unsigned connections; /* operations that make sense at once */
	bool list_order;      /* unused names come back in lexical order (S3, Swift) */
	bool removes_many;    /* backend_remove_many may be tried */
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

/*
 * backend_remove_many: up to BACKEND_REMOVE_MANY files with one request, where the store has such a
 * thing.  0: it has answered: gone[i] (the caller's) is true for those that it says are not there
 * any more; of the others nothing is known, and they can be tried one by one.  ERR_UNSUPPORTED: it
 * has no such thing; other errors: it did not answer; gone is all false then.  Blocking.
 */
#define BACKEND_REMOVE_MANY 1000
int backend_remove_many(struct backend *b, enum backend_type t, const struct id *names, size_t n,
	bool *gone, struct err *err);

/*
 * backend_clear_temps: removes the temporary files of this type that killed writers have left:
 * those that have not changed since then (seconds of the epoch), for somebody may be writing one.
 * *removed counts up. Blocking.
 */
static inline int backend_clear_temps(struct backend *b, enum backend_type t, int64_t before_s,
	uint64_t *removed, struct err *err)
{
	return b->vt->clear_temps ? b->vt->clear_temps(b, t, before_s, removed, err) : 0;
}

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

#endif
