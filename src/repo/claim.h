/*
 * claim: who stores a blob.  Each blob id has one owner that answers, so each blob is stored at
 * most once a run (invariant 3).  And what the first one said of something that several may come
 * across, hard links: there too each key has one owner.
 *
 * Asynchronous: requests are caller-owned and come back through done() on the loop thread, possibly
 * before the call returns.  Loop thread only. Implementations: claim_local (one rank, over a
 * catalog), ranks/claim_ranks (owner ranks, in batches).
 */
#ifndef REPO_CLAIM_H
#define REPO_CLAIM_H
#include "repo/catalog.h"

enum claim_verdict {
	CLAIM_KNOWN, /* indexed by a pack that is stored */
	CLAIM_TAKEN, /* somebody in this run has promised it */
	CLAIM_YOURS, /* the asker promises it now */
	CLAIM_ABSENT /* asked without taking: neither known nor promised */
};

struct claim_req {
	bool take;   /* false: only ask */
	bool forget; /* first of all: what is known of them is wrong */
	enum blob_type type;
	const struct id *id; /* n of them, borrowed until done */
	size_t n;
	enum claim_verdict *verdict; /* n of them, the caller's memory */
	void (*done)(struct claim_req *r);
	void *arg;
	size_t missing; /* the implementation's: answers outstanding */
};

struct claim_find {
	enum blob_type type;
	struct id id;
	unsigned nth; /* 0 first: another copy after a damaged one */
	bool found;
	struct catalog_place place;
	void (*done)(struct claim_find *f);
	void *arg;
};

struct claim_first {
	struct id key, what; /* both well mixed (SHA-256) */
	bool agrees;         /* nobody has said anything else of this key before */
	void (*done)(struct claim_first *f);
	void *arg;
};

struct claim;
struct claim_vtable {
	void (*ask)(struct claim *c, struct claim_req *r);
	void (*find)(struct claim *c, struct claim_find *f);
	void (*first)(struct claim *c, struct claim_first *f);
	void (*flush)(struct claim *c);
	void (*free)(struct claim *c);
};
struct claim {
	const struct claim_vtable *vt;
};
static inline void claim_ask(struct claim *c, struct claim_req *r)
{
	c->vt->ask(c, r);
}
static inline void claim_find(struct claim *c, struct claim_find *f)
{
	c->vt->find(c, f);
}
static inline void claim_first(struct claim *c, struct claim_first *f)
{
	c->vt->first(c, f);
}
/* claim_flush: send what is batched; the main loop calls it each turn. */
static inline void claim_flush(struct claim *c)
{
	c->vt->flush(c);
}
static inline void claim_free(struct claim *c)
{
	if (c)
		c->vt->free(c);
}

/* claim_local_new(cat): borrows the catalog. */
struct claim *claim_local_new(struct catalog *cat);
/* claim_answer(cat, take, forget, type, id): what the owner of a catalog says; used by both
 * implementations. */
enum claim_verdict claim_answer(struct catalog *cat, bool take, bool forget, enum blob_type type,
	const struct id *id);
/* claim_firsts_new, claim_agrees: likewise what was said first: 32 bytes a key and the table's
 * room. */
struct hashtab *claim_firsts_new(void);
bool claim_agrees(struct hashtab *firsts, const struct id *key, const struct id *what);

#endif
