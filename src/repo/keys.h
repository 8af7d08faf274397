/*
 * keys: the key files of a repository that is open, each of which wraps its master key under
 * another password (docs/format.md 2.2).
 *
 * Blocking; any thread, one at a time.
 */
#ifndef REPO_KEYS_H
#define REPO_KEYS_H
#include "format/keyfile.h"
#include "repo/repo.h"

/* keys_each: calls fn with what is in each key file, as the store lists them; k is NULL and e says
 * why where one cannot be read.  Stops with fn's non-zero return. */
int keys_each(struct repo *r,
	int (*fn)(void *arg, const struct id *id, const struct keyfile *k, const struct err *e),
	void *arg, struct err *err);

/*
 * keys_add: a new key file that this password opens; *id is its name.  cost as in struct repo_spec.
 * It counts only once it was read back, opened with the password, and what it wraps has opened the
 * config; else it is removed again, or the sentence names it.
 */
int keys_add(struct repo *r, const struct repo_owner *who, const struct kdf_params *cost,
	const void *pass, size_t n, struct id *id, struct err *err);

/* keys_remove: ERR_USAGE for the one that the repository was opened with. */
int keys_remove(struct repo *r, const struct id *id, struct err *err);
/* keys_replace: that one too: the repository counts as opened with `by` (of keys_add) from now on.
 */
int keys_replace(struct repo *r, const struct id *by, struct err *err);

#endif
