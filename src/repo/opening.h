/*
 * opening: a repository from its place to its lock, in steps: store, probe, key (or a new
 * repository), lock.
 *
 * It asks and tells through callbacks and prints nothing; it knows no process: no signals, no
 * terminal, no environment but what its options name, and it never exits.  Several may be open at
 * once, each with its own credentials.  All calls and callbacks happen on the caller's thread,
 * except `lost`.  Whichever step has failed, opening_close leaves nothing behind: no lock, no key
 * in memory, nothing under way.
 */
#ifndef REPO_OPENING_H
#define REPO_OPENING_H
#include "backend/open.h"
#include "repo/lock.h"

/* NULL for what a client does not care for; who asks nothing gives no answer. */
struct opening_calls {
	/*
	 * The password of a repository that is there.  `wrong` is NULL at first; else it says why
	 * the one before did not do: then another one, or an error (err_copy(err, wrong)), which
	 * ends it. `out` has no maximum yet (password_get gives one); it is wiped.
	 */
	int (*password)(void *arg, const struct err *wrong, struct buf *out, struct err *err);
	int (*new_password)(void *arg, struct buf *out, struct err *err); /* of one that is made */
	bool (*make)(void *arg);            /* there is none: is one to be made? */
	void (*made)(void *arg, bool ours); /* else another run has, at the same moment */
	void (*moved)(void *arg);           /* it lies at `other`, which is the place now */
	/* A store that the opening uses from now on; one that is about to be freed. */
	void (*opened)(void *arg, struct backend *be);
	void (*closing)(void *arg, struct backend *be);
	/*
	 * The lock is held by others, as `held` says, and will be tried for left_ns more: waits
	 * pause_ns.  True: cut short, to end.  NULL: it is slept.
	 */
	bool (*wait)(void *arg, const struct err *held, int64_t left_ns, int64_t pause_ns);
	void (*lost)(void *arg, const struct err *why); /* lock_acquire's on_lost: any thread */
	void *arg;
};

/* All pointers in it are borrowed until opening_close. */
struct opening_options {
	const char *place;            /* a restic location */
	const char *other;            /* where it is looked for too; NULL: nowhere */
	struct backend_options store; /* `keeper` is the opening's own */
	const char *key_hint;         /* NULL: none */
	struct repo_spec spec;        /* of one that is made */
	struct lock_owner who;
	int64_t lock_wait_ns;             /* how long a lock of others is waited for */
	const struct lock_timing *timing; /* NULL: lock_timing_default */
	struct opening_calls calls;
};

struct opening { /* to be read only */
	struct opening_options opt;
	const struct env *env;
	const char *place; /* where it is: opt.place or opt.other */
	struct backend *be;
	struct swift_keeper *keeper; /* of be's tokens; NULL: it has none */
	struct repo *repo;
	struct lock *lock;
	enum repo_state found; /* by opening_repo, where it says ERR_NOREPO */
};

/* opening_init(o, opt, env): borrows env until opening_close. */
void opening_init(struct opening *o, const struct opening_options *opt, const struct env *env);

/* opening_store: the store at the place; it is not touched yet. */
int opening_store(struct opening *o, struct err *err);

/* opening_probe: 0: there is a repository, at the place or the other one (the store is that one's
 * now); ERR_NOREPO. */
int opening_probe(struct opening *o, struct err *err);

/* opening_key: repo_open with the password that is asked for, until one is right. */
int opening_key(struct opening *o, struct err *err);

/* opening_make: repo_create, as opt.spec says; one that another run has made meanwhile must be such
 * a one too (ERR_EXISTS). */
int opening_make(struct opening *o, struct err *err);

/*
 * opening_repo: opening_probe, then opening_key; opening_make where there is none and `make` says
 * so. ERR_NOREPO: o->found says what there is instead, and the sentence too, without what to do
 * about it.
 */
int opening_repo(struct opening *o, struct err *err);

int opening_lock(struct opening *o, bool exclusive, struct err *err);

/* opening_unlock: the lock and the key are given up; the store stays. */
void opening_unlock(struct opening *o);
/* opening_close: all of it.  A zeroed or closed one is fine. */
void opening_close(struct opening *o);

#endif
