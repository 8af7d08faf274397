/*
 * copies: of a blob that lies in several packs, which copy counts; and what has to be moved when
 * packs go.  Over a blobtable, which must have all places of the blobs that it has.  What it says
 * does not depend on the order in which these were added.
 */
#ifndef REPO_COPIES_H
#define REPO_COPIES_H
#include "repo/blobtable.h"

/* copies_mark: sets the bit `several` of each blob that has the bit `bit` and more than one place;
 * returns how many these are. */
size_t copies_mark(struct blobtable *c, unsigned bit, unsigned several);

/*
 * copies_gather: sets the sums of what is marked with one of `bits`, as blobtable_sum_marks; with
 * one_copy only one of each blob counts: that in the pack whose `user` is the largest; of equal
 * ones that in the pack with the smallest id, and there the first.
 */
void copies_gather(struct blobtable *c, unsigned bits, bool one_copy);

/*
 * moves: the blobs with the bit `bit` that lie in no pack that stays, once each, in one of the
 * packs that move (`user`: enum catalog_fate).  4 bytes each, and 4 a pack; borrows c, to which
 * nothing may be added meanwhile; the fates are those of moves_new.
 */
struct moves;
struct moves *moves_new(struct blobtable *c, unsigned bit);
void moves_free(struct moves *m); /* NULL is fine */
size_t moves_count(const struct moves *m);
/* moves_of: those in this pack; their number, and *blob (owned; NULL for none). */
size_t moves_of(const struct moves *m, const struct id *pack, struct blob **blob);

#endif
