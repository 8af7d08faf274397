/*
 * blobtable: which blobs lie in which packs, in memory: the union of index files, or the part of it
 * one rank owns (docs/format.md 6).  What a catalog answers from.
 *
 * A multimap: a blob may lie in several packs; equal entries are kept once.  About 60 bytes a blob.
 * Not thread safe; concurrent readers are fine while nobody writes.
 */
#ifndef REPO_BLOBTABLE_H
#define REPO_BLOBTABLE_H
#include "repo/packtable.h"

struct blobtable;
struct blobtable *blobtable_new(void);
void blobtable_free(struct blobtable *c);
/* blobtable_add: blobs of one pack (all, or those this rank owns). */
void blobtable_add(struct blobtable *c, const struct id *pack, const struct blob *b, size_t n);

/* blobtable_find: the nth place (0 first) of a blob; false when there is none. */
bool blobtable_find(const struct blobtable *c, enum blob_type t, const struct id *id, unsigned nth,
	struct catalog_place *out);

/* blobtable_mark: sets a bit (0 … 7) of a known blob, returns whether it was set before; -1 when
 * the blob is unknown. */
int blobtable_mark(struct blobtable *c, enum blob_type t, const struct id *id, unsigned bit);

/* all bits; 0 when unknown */
unsigned blobtable_marks(const struct blobtable *c, enum blob_type t, const struct id *id);

/*
 * blobtable_each: every place of every blob, in the order they were added, until fn returns
 * non-zero (which is returned).  fn may mark, not add.
 */
int blobtable_each(const struct blobtable *c, int (*fn)(void *arg, const struct catalog_place *p),
	void *arg);

/* blobtable_each_marked: the first place of each blob with this bit, likewise. */
int blobtable_each_marked(const struct blobtable *c, unsigned bit,
	int (*fn)(void *arg, const struct catalog_place *p), void *arg);

size_t blobtable_blobs(const struct blobtable *c); /* known blobs, each counted once */
size_t blobtable_bytes(const struct blobtable *c);

/* blobtable_packs: those named by what was added, with the sums of it; borrowed.
 * blobtable_sum_marks: sets their sums of what is marked with one of `bits`. */
struct packtable *blobtable_packs(const struct blobtable *c);
void blobtable_sum_marks(struct blobtable *c, unsigned bits);

/*
 * blobtable_claim: what the owner of a blob answers (struct catalog_claim).  forget: what is known
 * of it is wrong: its places leave first.  take: if it is not known and nobody stores it, the asker
 * is promised to store it; once in a run.
 */
enum catalog_verdict blobtable_claim(struct blobtable *c, bool take, bool forget,
	enum blob_type type, const struct id *id);

/* blobtable_load: catalog_load for all of the repository into one table */
int blobtable_load(struct blobtable *c, struct repo *r, const struct catalog_watch *w,
	struct err *err);

#endif
