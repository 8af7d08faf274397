/*
 * catalog: what is known of the repository's blobs, as a service: where they lie, who stores one
 * that is new, which are marked, and sums per pack.  The same whether all of it lies in this
 * process (catalog_local) or each rank has the share that it owns (ranks/catalog_ranks): a blob has
 * one owner that answers, so each blob is stored at most once a run (invariant 3); so has a pack,
 * and so has a key of which several may say something (hard links).
 *
 * Asynchronous: requests are caller-owned and come back through done() on the loop thread, possibly
 * before the call returns; what goes to other ranks is batched and sent at the end of each turn.
 * Loop thread only.  What says "collective" all ranks call, in the same order.  A process may have
 * several catalogs, made and freed in the same order on all ranks.
 */
#ifndef REPO_CATALOG_H
#define REPO_CATALOG_H
#include "base/err.h"
#include "format/blob.h"

struct loop;
struct packtable;
struct repo;

struct catalog_place {
	struct id pack;
	struct blob blob;
};

/* What all index files together say about a pack; an entry that is there twice counts once. */
struct catalog_pack {
	struct id id;
	uint64_t size;         /* that its file must have: overhead, blobs, their header entries */
	uint64_t digest;       /* sum of its blobs' blob_digest() */
	uint64_t marked_bytes; /* stored ones, of `marked` */
	uint32_t blobs;
	uint32_t marked; /* of its blobs: those with a mark that catalog_gather was asked for */
	uint32_t raw;    /* of its blobs: those that are not compressed */
	bool data, tree; /* it holds some of these */
	uint16_t user;   /* the caller's, zero at first */
};

/* `user` of packs on each rank (catalog_share), where some of them are to go. */
enum catalog_fate {
	CATALOG_STAYS,
	CATALOG_MOVES, /* what is needed of it and lies in none that stays is stored again */
	CATALOG_GOES   /* nothing that is needed lies in it alone */
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

/* Sets a bit of known blobs.  Two who mark one blob: one of them is the first. */
struct catalog_mark {
	enum blob_type type;
	const struct id *id; /* n of them, borrowed until done */
	size_t n;
	unsigned bit; /* 0 … 7 */
	int8_t *was;  /* n of them, the caller's memory: -1 unknown, 0 not set before, 1 set */
	void (*done)(struct catalog_mark *m);
	void *arg;
	size_t missing; /* the implementation's */
};

/* Which blobs of a pack are to be moved. */
struct catalog_list {
	struct id pack;
	struct blob *blob; /* n of them; owned by the asker when it is done */
	size_t n;
	bool failed; /* there may be more of them: an owner has not answered */
	void (*done)(struct catalog_list *l);
	void *arg;
	size_t missing; /* the implementation's */
};

/* What a load comes across.  Any of them may be NULL. */
struct catalog_watch {
	/* An index file that cannot be read, on the loop.  0: it is skipped (what came before a
	 * fault in its JSON stays: its MAC was right); NULL: it ends the load. */
	int (*damaged)(void *arg, const struct id *index, const struct err *e);
	/* What a file lists for one pack; and at its end how many packs it has named.  On workers,
	 * several at a time, each on the rank that reads the file. */
	void (*pack)(void *arg, const struct id *index, const struct id *pack, const struct blob *b,
		size_t n);
	void (*file)(void *arg, const struct id *index, size_t packs);
	void *arg;
};

struct catalog;
struct catalog_vtable {
	int (*load)(struct catalog *c, struct repo *r, const struct catalog_watch *w,
		uint64_t *packs, struct err *err);
	void (*claim)(struct catalog *c, struct catalog_claim *r);
	void (*find)(struct catalog *c, struct catalog_find *f);
	void (*first)(struct catalog *c, struct catalog_first *f);
	void (*mark)(struct catalog *c, struct catalog_mark *m);
	void (*flush)(struct catalog *c);
	/* bit < 0: whatever their marks */
	int (*each)(struct catalog *c, int bit, int (*fn)(void *arg, const struct catalog_place *p),
		void *arg);
	int (*gather)(struct catalog *c, unsigned bits, bool one_copy, struct err *err);
	struct packtable *(*packs)(struct catalog *c);
	size_t (*several)(struct catalog *c, unsigned bit, unsigned several);
	struct packtable *(*share)(struct catalog *c);
	size_t (*move)(struct catalog *c, unsigned bit);
	void (*list)(struct catalog *c, struct catalog_list *l);
	void (*free)(struct catalog *c);
};
struct catalog {
	const struct catalog_vtable *vt;
};

/*
 * catalog_load: all index files of the repository, several at a time.  Collective; waits
 * (loop_until); the same code on all ranks.  w may be NULL.  *packs (may be NULL): how many packs
 * all files of all ranks name; one that two files name counts twice.
 */
static inline int catalog_load(struct catalog *c, struct repo *r, const struct catalog_watch *w,
	uint64_t *packs, struct err *err)
{
	return c->vt->load(c, r, w, packs, err);
}
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
static inline void catalog_mark(struct catalog *c, struct catalog_mark *m)
{
	c->vt->mark(c, m);
}
/* catalog_flush: send what is batched now, and not only at the end of the turn */
static inline void catalog_flush(struct catalog *c)
{
	c->vt->flush(c);
}
/* catalog_each: every place of every blob that this rank owns, in the order they came, until fn
 * returns non-zero (which is returned). */
static inline int catalog_each(struct catalog *c,
	int (*fn)(void *arg, const struct catalog_place *p), void *arg)
{
	return c->vt->each(c, -1, fn, arg);
}
/* catalog_each_marked: the first place of each blob that this rank owns and that has this bit,
 * likewise. */
static inline int catalog_each_marked(struct catalog *c, unsigned bit,
	int (*fn)(void *arg, const struct catalog_place *p), void *arg)
{
	return c->vt->each(c, (int)bit, fn, arg);
}
/*
 * catalog_gather: brings the sums of each pack together at its owner, with what is marked with one
 * of `bits` (1 << bit; 0: none).  Collective; waits (loop_until).  May be repeated; `user` stays.
 * On an error the sums are of no use.
 */
static inline int catalog_gather(struct catalog *c, unsigned bits, struct err *err)
{
	return c->vt->gather(c, bits, false, err);
}

/* ---- where a blob lies in several packs; copies.h ---- */

/* catalog_several: of the blobs that this rank owns: sets the bit `several` of those with the bit
 * `bit` that lie in several packs, or twice in one; how many these are. */
static inline size_t catalog_several(struct catalog *c, unsigned bit, unsigned several)
{
	return c->vt->several(c, bit, several);
}
/*
 * catalog_share: what this rank's share of the index says of packs: the parts of their sums.  A
 * `user` of these is this rank's own: it has to be the same on all ranks where one of the next is
 * called.
 */
static inline struct packtable *catalog_share(struct catalog *c)
{
	return c->vt->share(c);
}
/* catalog_gather_one: catalog_gather of one bit, but of each blob one copy counts: in the pack
 * whose `user` is the largest. */
static inline int catalog_gather_one(struct catalog *c, unsigned bit, struct err *err)
{
	return c->vt->gather(c, 1u << bit, true, err);
}
/*
 * catalog_move: from now on catalog_list tells which blobs with this bit are to be moved: those
 * that lie in no pack that stays (enum catalog_fate), each out of one of the packs that move.  How
 * many of them this rank owns.  By all ranks before one of them asks.
 */
static inline size_t catalog_move(struct catalog *c, unsigned bit)
{
	return c->vt->move(c, bit);
}
static inline void catalog_list(struct catalog *c, struct catalog_list *l)
{
	c->vt->list(c, l);
}
static inline void catalog_free(struct catalog *c)
{
	if (c)
		c->vt->free(c);
}

/*
 * The packs that this rank owns, after catalog_gather, in an order that stays.  catalog_pack_find:
 * NULL when no index file names it, or another rank owns it.
 */
static inline struct packtable *catalog_table(struct catalog *c)
{
	return c->vt->packs(c);
}
size_t catalog_packs(struct catalog *c);
struct catalog_pack *catalog_pack(struct catalog *c, size_t i);
struct catalog_pack *catalog_pack_find(struct catalog *c, const struct id *id);

/* For serial code on the loop thread: they wait (loop_until), so never in a handler.  found false:
 * it has no nth place. */
bool catalog_find_wait(struct catalog *c, struct loop *l, enum blob_type t, const struct id *id,
	unsigned nth, struct catalog_place *place);
void catalog_mark_wait(struct catalog *c, struct loop *l, struct catalog_mark *m);

#endif
