/*
 * catalog: which blobs lie in which packs, in memory: the union of index files, or the part of it
 * one rank owns (docs/format.md 6).
 *
 * A multimap: a blob may lie in several packs; equal entries are kept once.  About 60 bytes a blob.
 * Not thread safe; concurrent readers are fine while nobody writes.
 */
#ifndef REPO_CATALOG_H
#define REPO_CATALOG_H
#include "base/err.h"
#include "format/blob.h"

struct repo;

struct catalog;
struct catalog *catalog_new(void);
void catalog_free(struct catalog *c);
/* catalog_add: blobs of one pack (all, or those this rank owns). */
void catalog_add(struct catalog *c, const struct id *pack, const struct blob *b, size_t n);

struct catalog_place {
	struct id pack;
	struct blob blob;
};
/* catalog_find: the nth place (0 first) of a blob; false when there is none. */
bool catalog_find(const struct catalog *c, enum blob_type t, const struct id *id, unsigned nth,
	struct catalog_place *out);
bool catalog_has(const struct catalog *c, enum blob_type t, const struct id *id);

/* Promises: a blob somebody is storing in this run.  catalog_promise: false when it is known or
 * promised already. */
bool catalog_promise(struct catalog *c, enum blob_type t, const struct id *id);
bool catalog_promised(const struct catalog *c, enum blob_type t, const struct id *id);

/* catalog_forget: what is known of a blob is wrong: its places leave; a promise stays. */
void catalog_forget(struct catalog *c, enum blob_type t, const struct id *id);

/* catalog_mark: sets a bit (0 … 7) of a known blob, returns whether it was set before; -1 when the
 * blob is unknown. */
int catalog_mark(struct catalog *c, enum blob_type t, const struct id *id, unsigned bit);

/* all bits; 0 when unknown */
unsigned catalog_marks(const struct catalog *c, enum blob_type t, const struct id *id);

/*
 * catalog_each: every place of every blob, in the order they were added, until fn returns non-zero
 * (which is returned).  fn may mark, not add.
 */
int catalog_each(const struct catalog *c, int (*fn)(void *arg, const struct catalog_place *p),
	void *arg);

size_t catalog_blobs(const struct catalog *c); /* known blobs, each counted once */
size_t catalog_bytes(const struct catalog *c);

/* Packs named by what was added. size: what the pack's file must have: overhead + lengths + header
 * entries. */
struct catalog_pack {
	struct id id;
	uint64_t size;
	uint32_t blobs;
	bool data, tree; /* it holds some of these */
	uint8_t user;    /* the caller's, zero at first */
};
size_t catalog_packs(const struct catalog *c);
struct catalog_pack *catalog_pack(struct catalog *c, size_t i);
struct catalog_pack *catalog_pack_find(struct catalog *c, const struct id *id);

/*
 * catalog_load: all index files of the repository, several at a time over env->readers; runs
 * env->loop until done (loop thread only). A damaged index file is an error, unless warn is given
 * and returns 0 for it: then it is skipped (what came before a fault in its JSON stays: its MAC was
 * right). warn is called on the loop thread.
 */
int catalog_load(struct catalog *c, struct repo *r,
	int (*warn)(void *arg, const struct id *index, const struct err *e), void *arg,
	struct err *err);

#endif
