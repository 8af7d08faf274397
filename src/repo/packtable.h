/*
 * packtable: sums per pack (struct catalog_pack), found by the pack's id, numbered in the order
 * they came.  80 bytes a pack.  Not thread safe.
 */
#ifndef REPO_PACKTABLE_H
#define REPO_PACKTABLE_H
#include "repo/catalog.h"

struct packtable;
struct packtable *packtable_new(void);
void packtable_free(struct packtable *t);
/* packtable_number: that of this pack; a new one has nothing in it yet */
size_t packtable_number(struct packtable *t, const struct id *pack);
size_t packtable_count(const struct packtable *t);
/* packtable_at: until the next new one */
struct catalog_pack *packtable_at(struct packtable *t, size_t number);
struct catalog_pack *packtable_find(struct packtable *t, const struct id *pack); /* or NULL */
size_t packtable_bytes(const struct packtable *t);

#endif
