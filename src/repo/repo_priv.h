/*
 * repo_priv: what the files of repo.h share among themselves.
 */
#ifndef REPO_REPO_PRIV_H
#define REPO_REPO_PRIV_H
#include "repo/repo.h"

struct repo_ctx_pool;
struct repo_ctx_pool *repo_ctx_pool_new(void);
void repo_ctx_pool_free(struct repo_ctx_pool *p); /* all contexts must be back */

/* repo_file_hash: a file's name must be the SHA-256 of its bytes.  0 or ERR_INVALID. */
int repo_file_hash(const struct id *id, const uint8_t *p, size_t n, struct err *err);

/*
 * Version 2 puts one byte in front of a compressed file; plain JSON, which begins with a bracket or
 * a brace, is legal beside it: an upgraded repository has both (docs/format.md 3).
 */
#define REPO_COMPRESSED 0x02

/* repo_file_get: the stored bytes of a file, their hash checked; once more when it is wrong,
 * because the fault may have been on the way. */
int repo_file_get(struct repo *r, enum backend_type t, const struct id *id, size_t max,
	struct buf *stored, struct err *err);

/* repo_file_put: stores the bytes of a file; index files and snapshots as the guards allow. */
int repo_file_put(struct repo *r, enum backend_type t, const struct id *id, const uint8_t *stored,
	size_t n, struct err *err);

/* repo_guards_ask: 0: all guards say that the repository may be changed.  *gone: one says no, not
 * because it cannot be told, but because what is to be published may name what is gone. */
int repo_guards_ask(struct repo *r, bool *gone, struct err *err);

/* repo_file_prefix: says in front of an error which file it was; returns its code. */
int repo_file_prefix(struct err *err, const char *what, enum backend_type t, const struct id *id);

/* repo_prefix_be: repo_prefix before the repository is open. */
int repo_prefix_be(struct backend *be, enum backend_type t, const char *prefix, struct id *id,
	struct err *err);

/* A key file and what the password opened in it. */
struct repo_key {
	struct id id;
	struct seal_key master;
	struct buf file; /* its bytes */
};
void repo_key_release(struct repo_key *k); /* wipes it; one of zeros is fine */

/* repo_key_make: a new master key and the key file that wraps it; nothing is stored. */
int repo_key_make(const struct env *env, const struct repo_spec *what, const void *pass, size_t n,
	struct repo_key *k, struct err *err);
/* repo_key_wrap: the same for a master key that there is already. */
int repo_key_wrap(const struct env *env, const struct seal_key *master,
	const struct repo_owner *who, const struct kdf_params *cost, const void *pass, size_t n,
	struct repo_key *k, struct err *err);
/* repo_key_load: its bytes, which have the hash that is its name, into json, which it initialises.
 */
int repo_key_load(struct backend *be, const struct id *id, struct buf *json, struct err *err);
/* repo_key_try: 0: *k is the key (owned by the caller); 1: it is another password's; or an error.
 */
int repo_key_try(struct backend *be, const struct id *id, const void *pass, size_t n,
	struct repo_key *k, struct err *err);
bool repo_key_store_fails(int rc); /* an error of the store, and not of this one key */
/* repo_key_find: docs/format.md 2.3: one that the password opens, and that opens the config as it
 * is stored. */
int repo_key_find(struct backend *be, const struct env *env, const char *hint, const void *pass,
	size_t n, const struct buf *config, struct repo_key *k, struct err *err);

/* repo_key_lost: of these keys, which were listed and then not found, one is listed still: ERR_IO
 * with its name.  0: all were removed. */
int repo_key_lost(struct backend *be, const struct id *id, size_t n, struct err *err);

/* repo_key_opens: the config as it is stored is sealed with this master key. */
bool repo_key_opens(const struct seal_key *master, const struct buf *config);

/* repo_with: the repository of this config as it is stored, and of the key that opens it. */
int repo_with(struct backend *be, const struct env *env, const struct repo_key *k,
	const struct buf *config, struct repo **out, struct err *err);

/* repo_config_get: as it is stored; `stored` is initialised by the caller.  ERR_NOREPO when there
 * is none. */
int repo_config_get(struct backend *be, struct buf *stored, struct err *err);

#endif
