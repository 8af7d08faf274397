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

/* repo_prefix_be: repo_prefix before the repository is open. */
int repo_prefix_be(struct backend *be, enum backend_type t, const char *prefix, struct id *id, struct err *err);

/* repo_key_create: a new master key and the key file that wraps it, stored; *key_id its name. */
int repo_key_create(struct backend *be, const struct env *env, const struct repo_owner *who, const void *pass, size_t n,
	struct seal_key *master, struct id *key_id, struct err *err);
/* repo_key_find: restic-format.md 2.3. */
int repo_key_find(struct backend *be, const struct env *env, const char *hint, const void *pass, size_t n, struct seal_key *master,
	struct id *key_id, struct err *err);

#endif
