/*
 * catalog: what is known of the repository's blobs, as a service: where they lie, and who stores
 * one that is new.  Each blob id has one owner that answers, so each blob is stored at most once a
 * run (invariant 3).  And what the first one said of something that several may come across, hard
 * links: there too each key has one owner.
 *
 * Asynchronous: requests are caller-owned and come back through done() on the loop thread, possibly
 * before the call returns.  Loop thread only.  Implementations: catalog_local (one rank, over a
 * blobtable), ranks/catalog_ranks (owner ranks, in batches).
 */
#ifndef REPO_CATALOG_H
#define REPO_CATALOG_H
#include "format/blob.h"

struct catalog_place {
	struct id pack;
	struct blob blob;
};

/* Packs named by what was added. size: what the pack's file must have: overhead + lengths + header
 * entries. */
struct catalog_pack {
	struct id id;
	uint64_t size;
	uint32_t blobs;
	bool data, tree; /* it holds some of these */
	uint8_t user;    /* the caller's, zero at first */
};

enum catalog_verdict {
	CATALOG_KNOWN, /* indexed by a pack that is stored */
	CATALOG_TAKEN, /* somebody in this run has promised it */
	CATALOG_YOURS, /* the asker promises it now */
	CATALOG_ABSENT /* asked without taking: neither known nor promised */
};

struct catalog_claim {
	bool take;   /* false: only ask */
	bool forget; /* first of all: what is known of them is wrong */
	enum blob_type type;
	const struct id *id; /* n of them, borrowed until done */
	size_t n;
	enum catalog_verdict *verdict; /* n of them, the caller's memory */
	void (*done)(struct catalog_claim *r);
	void *arg;
	size_t missing; /* the implementation's: answers outstanding */
};

struct catalog_find {
	enum blob_type type;
	struct id id;
	unsigned nth; /* 0 first: another copy after a damaged one */
	bool found;
	struct catalog_place place;
	void (*done)(struct catalog_find *f);
	void *arg;
};

struct catalog_first {
	struct id key, what; /* both well mixed (SHA-256) */
	bool agrees;         /* nobody has said anything else of this key before */
	void (*done)(struct catalog_first *f);
	void *arg;
};

struct catalog;
struct catalog_vtable {
	void (*claim)(struct catalog *c, struct catalog_claim *r);
	void (*find)(struct catalog *c, struct catalog_find *f);
	void (*first)(struct catalog *c, struct catalog_first *f);
	void (*flush)(struct catalog *c);
	void (*free)(struct catalog *c);
};
struct catalog {
	const struct catalog_vtable *vt;
};
static inline void catalog_claim(struct catalog *c, struct catalog_claim *r)
{
	c->vt->claim(c, r);
}
static inline void catalog_find(struct catalog *c, struct catalog_find *f)
{
	c->vt->find(c, f);
}
static inline void catalog_first(struct catalog *c, struct catalog_first *f)
{
	c->vt->first(c, f);
}
/* catalog_flush: send what is batched; the main loop calls it each turn. */
static inline void catalog_flush(struct catalog *c)
{
	c->vt->flush(c);
}
static inline void catalog_free(struct catalog *c)
{
	if (c)
		c->vt->free(c);
}

#endif
