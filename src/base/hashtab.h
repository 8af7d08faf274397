/*
 * hashtab: a set of fixed-size entries found by the fixed-size key at their beginning.  Not thread
 * safe.
 *
 * Open addressing in segments that grow one at a time, so that growing never needs a second copy of
 * everything: entries stay within about 1.3 times their net size plus one segment.  Pointers to
 * entries are valid until the next add.  The key's bytes must be well mixed already (a SHA-256), or
 * HASHTAB_MIX must be given.
 */
#ifndef BASE_HASHTAB_H
#define BASE_HASHTAB_H
#include <stdbool.h>
#include <stddef.h>

enum { HASHTAB_MIX = 1 };

struct hashtab;
struct hashtab *hashtab_new(size_t entry_size, size_t key_size, int flags);
void hashtab_free(struct hashtab *t);
void *hashtab_find(const struct hashtab *t, const void *key); /* NULL if absent */
/* the entry with this key; a new one has its other bytes zeroed */
void *hashtab_add(struct hashtab *t, const void *key, bool *is_new);
bool hashtab_remove(struct hashtab *t, const void *key);
size_t hashtab_count(const struct hashtab *t);
size_t hashtab_bytes(const struct hashtab *t);
/* hashtab_each: all entries in no order, until fn returns non-zero (which is returned). fn must not
 * add or remove. */
int hashtab_each(struct hashtab *t, int (*fn)(void *arg, void *entry), void *arg);

#endif
