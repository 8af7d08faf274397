/*
 * swift_token: the token that all requests of a Swift store share: kept, renewed in time, shown to
 * nobody.
 *
 * A token is immutable and counted.  The keeper asks its source for another one shortly before the
 * present one dies, or when the store refuses it; however many requests want one, at most one
 * question to the source is open.  Where tokens come from is a hook, so that one rank can log in
 * and the others ask that rank.
 */
#ifndef BACKEND_SWIFT_TOKEN_H
#define BACKEND_SWIFT_TOKEN_H
#include "base/env.h"
#include "base/err.h"
#include <stdatomic.h>
#include <stdbool.h>

/* For sentences about a token's end. */
#define SWIFT_GO_ON                                                                                \
	"To go on, open the connection again (on Allas: source allas_conf; for jobs: source "      \
	"allas_conf -k, which leaves the password) "                                               \
	"and start the "                                                                           \
	"same command again: it stores only what is missing"

struct swift_token {
	atomic_uint refs;
	char *value;       /* a secret */
	char *storage_url; /* no / at its end */
	struct ts got;     /* when it came to us */
	struct ts expires; /* sec 0: not known */
	bool inherited;    /* somebody else got it, at an unknown time */
	bool last;         /* no other will follow it: there is no password */
	atomic_bool good;  /* the store has accepted it */
};

/*
 * swift_token_new(value, storage_url, now, expires, out, err): copies both; `expires` NULL: not
 * known.  ERR_INVALID when the value could not be a header or the URL is none. swift_token_drop
 * wipes it with the last reference; NULL is fine.
 */
int swift_token_new(const char *value, const char *storage_url, const struct ts *now,
	const struct ts *expires, struct swift_token **out, struct err *err);
struct swift_token *swift_token_ref(struct swift_token *t);
void swift_token_drop(struct swift_token *t);

/* swift_token_fn: `t` is the receiver's reference, or NULL, and then `e` says why (borrowed). */
typedef void swift_token_fn(void *arg, struct swift_token *t, const struct err *e);

/*
 * The hook.  get(s, stale, done, arg): find a token that is not `stale` (NULL: any; borrowed during
 * the call) and call done(arg, …) exactly once, on any thread or inside get().  ERR_IO: asking
 * again may help; ERR_DENIED, ERR_USAGE: there will never be another.
 */
struct swift_token_source {
	void (*get)(struct swift_token_source *s, const struct swift_token *stale,
		swift_token_fn *done, void *arg);
	void (*free)(struct swift_token_source *s);
};

struct swift_keeper;
/* takes src; borrows env */
struct swift_keeper *swift_keeper_new(struct swift_token_source *src, const struct env *env);
/* waits for an open question; nobody else may wait.  NULL is fine */
void swift_keeper_free(struct swift_keeper *k);

/* A request's wait for a token, embedded in it.  done: as swift_token_fn; may run before the
 * function that was given `w` returns. */
struct swift_wait {
	void (*done)(struct swift_wait *w, struct swift_token *t, const struct err *e);
	struct swift_wait *next;
};

/* swift_keeper_get(k, w): the present token while it lives, else the next one. */
void swift_keeper_get(struct swift_keeper *k, struct swift_wait *w);

/*
 * swift_keeper_refused(k, t, w): the store refused t.  The answer is the present token if that is
 * another one already; otherwise a new one, unless t is new itself and was never accepted: then
 * another of its kind would not help, and the answer is ERR_DENIED.
 */
void swift_keeper_refused(struct swift_keeper *k, struct swift_token *t, struct swift_wait *w);

/*
 * swift_keeper_other(k, t, w): for who gives tokens on: the same without that judgement, which
 * belongs to who was refused.  ERR_IO for a few seconds after a failure, so that many askers are no
 * load for a login server in trouble.
 */
void swift_keeper_other(struct swift_keeper *k, struct swift_token *t, struct swift_wait *w);

/* swift_keeper_did: the store has done a request of this method.  swift_keeper_does: it ever has,
 * so that a refusal of the next one is not for want of a right. */
void swift_keeper_did(struct swift_keeper *k, const char *method);
bool swift_keeper_does(const struct swift_keeper *k, const char *method);

/* swift_keeper_end(k, &got, &end): true: the present token is the last one, and this is when it
 * came and when it dies. */
bool swift_keeper_end(struct swift_keeper *k, struct ts *got, struct ts *end);

#endif
