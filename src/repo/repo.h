/*
 * repo: one rank's view of a repository: its key, its config, its files (docs/format.md 2, 3, 8).
 * No files of the user, no ranks.
 *
 * After opening, and once its guards are set, it is immutable and may be used by all threads of the
 * rank; contexts for crypto and compression are lent by repo_ctx_get.
 */
#ifndef REPO_REPO_H
#define REPO_REPO_H
#include "backend/backend.h"
#include "base/env.h"
#include "format/blob.h"
#include "format/config.h"
#include "kern/chunker.h"
#include "kern/compress.h"
#include "kern/hash.h"
#include "kern/kdf.h"
#include "kern/seal.h"

/*
 * What must hold while this repository is written to.  may(arg, err): may index files and snapshots
 * still be published?  0; ERR_NOTFOUND: no, what they would name may be gone; other errors: it
 * cannot be told now.  Blocking, any thread.
 */
struct repo_guard {
	int (*may)(void *arg, struct err *err);
	void *arg;
};
#define REPO_GUARDS 4

struct repo {
	struct backend *be; /* borrowed */
	const struct env *env;
	struct config config;
	struct seal_key master;
	struct id key_id;   /* of the key file that was opened; zero when adopted */
	struct buf own_key; /* that key file's bytes, if this process wrote it when it made the
			       repository; else empty */
	bool verify; /* open and compare what was sealed before it is uploaded (default true) */
	int level;   /* libzstd level for v2 (COMPRESS_*) */
	bool compress_data;    /* false: --compression off: data blobs stored raw, trees and files
				  still compressed */
	_Atomic bool replaced; /* repo_still_ours has said no */
	struct repo_ctx_pool *pool;
	struct repo_guard guard[REPO_GUARDS]; /* repo_guard */
	size_t guards;
};

/* repo_probe(be): 0 when a config exists, ERR_NOREPO when not, other errors as they come. */
int repo_probe(struct backend *be, struct err *err);

/*
 * repo_look: what lies at a place.  REPO_BEGUN: a key and nothing else: init was ended before it
 * could write the config, or is just about to.  REPO_LOST: files of a repository, but no config;
 * err->msg says which, for the user.
 */
enum repo_state { REPO_NONE, REPO_BEGUN, REPO_LOST, REPO_THERE };
int repo_look(struct backend *be, enum repo_state *state, struct err *err);

struct repo_owner {
	const char *username, *hostname;
};
/* What a new repository shall be. */
struct repo_spec {
	unsigned version;
	uint64_t polynomial; /* 0: draw one */
	struct repo_owner who;
	const struct kdf_params *cost; /* of the key; NULL: half a second of this machine */
	const volatile int
		*stop; /* not 0: end, and leave nothing behind; NULL: nobody can stop it */
};
/*
 * repo_create(be, env, what, pass, n, out, made): write the first key and the config (restic's
 * order), then open it.  In a place that is REPO_BEGUN the key that is there is used, if the
 * password opens it.
 *
 * Others may do the same at the same moment.  Then one repository is left and all have it: *made is
 * false when it is another's, and no key is left of which its config knows nothing (repo_settle.c).
 * Who wants to make one only where there is none looks before.  ERR_EXISTS: what may be a damaged
 * repository.  ERR_PASSWORD: the other one has another password.  After other errors no key of ours
 * is left, or the sentence names it.
 */
int repo_create(struct backend *be, const struct env *env, const struct repo_spec *what,
	const void *pass, size_t n, struct repo **out, bool *made, struct err *err);

/*
 * repo_open(be, env, pass, n, key_hint, out): docs/format.md 2.3.  ERR_NOREPO, ERR_PASSWORD,
 * ERR_INVALID, ….  key_hint may be NULL.  Keys that cannot be read, and those that the password
 * opens but that are not this config's, are passed over with a warning.
 */
int repo_open(struct backend *be, const struct env *env, const void *pass, size_t n,
	const char *key_hint, struct repo **out, struct err *err);

/* repo_adopt: a repository whose config and master key another rank opened. */
struct repo *repo_adopt(struct backend *be, const struct env *env, const struct config *config,
	const struct seal_key *master);
void repo_close(struct repo *r); /* wipes the key; NULL is fine */

/*
 * repo_still_ours: the store's config is still one that our master key opens: before an index file
 * or a snapshot is saved, because a store that cannot create conditionally (Swift) lets a second
 * first backup replace the config of this one.  One GET; it waits for some seconds if not, for the
 * other one gives way if it can. Then what this run has stored cannot be read by anybody:
 * ERR_NOTFOUND, and a key that this process wrote is removed.  Other errors, and a config that is
 * not found: it cannot be told.  A guard (repo_guard) of each repository that was opened or made,
 * arg is the repository.
 */
int repo_still_ours(void *arg, struct err *err);

/* One thread's contexts; get and put are cheap. */
#define REPO_CTX_IVS 128
struct repo_ctx {
	struct seal *seal;
	struct compress *compress;
	struct hash *hash;
	struct buf tmp, tmp2; /* scratch, any contents */
	struct repo_ctx *next;
	const struct rnd *rnd;
	uint8_t iv[REPO_CTX_IVS][SEAL_IV];
	unsigned ivs; /* not used yet */
};
struct repo_ctx *repo_ctx_get(struct repo *r);
void repo_ctx_put(struct repo *r, struct repo_ctx *c);
/* repo_ctx_iv: SEAL_IV random bytes, never given before and not all zero; valid until the next
 * call. */
const uint8_t *repo_ctx_iv(struct repo_ctx *c);

#define REPO_FILE_MAX                                                                              \
	((size_t)1 << 30) /* the largest unpacked file read: bytes stored, and plaintext */
#define REPO_SMALL_MAX ((size_t)1 << 20) /* config, keys, locks */
#define REPO_BLOB_MAX  UINT32_MAX /* a blob's plaintext and its stored bytes; restic's own limit */

/*
 * Unpacked files (config, snapshot, index, lock).  Blocking.
 * repo_load: hash, MAC and encoding checked; plaintext in out (initialised with its maximum).  A
 * wrong hash is read once more. repo_save: names it by its ciphertext; verified before upload when
 * r->verify.
 */
int repo_load(struct repo *r, enum backend_type t, const struct id *id, struct buf *out,
	struct err *err);
int repo_save(struct repo *r, enum backend_type t, const void *p, size_t n, struct id *id,
	struct err *err);
/*
 * repo_guard: from now on each index file and each snapshot is uploaded only if all guards say
 * right before that it may be; if one says right after the upload that what it names may be gone,
 * it is removed again and saving it has failed.  An index that names packs which a prune has
 * removed would make the next run believe them stored.  Not while another thread saves.
 * repo_unguard: the guards with this arg do not count any more.
 */
void repo_guard(struct repo *r, int (*may)(void *arg, struct err *err), void *arg);
void repo_unguard(struct repo *r, const void *arg);
/*
 * repo_seal_file: the stored bytes and name for a plaintext, without storing: for asynchronous
 * writers.  repo_open_file: the reverse, on whole stored bytes.
 */
int repo_seal_file(struct repo *r, enum backend_type t, const void *p, size_t n, struct buf *stored,
	struct id *id, struct err *err);
int repo_open_file(struct repo *r, enum backend_type t, const struct id *id, const uint8_t *stored,
	size_t n, struct buf *out, struct err *err);

/*
 * repo_save_index: an index file of n packs, whose blobs follow each other in b; verified before
 * upload when r->verify.  Its plaintext, 150 bytes a blob, is never in memory as a whole (in
 * version 1, where it is stored as it is: once).  Blocking; any thread.
 */
struct repo_pack {
	struct id id;
	size_t blobs;
};
int repo_save_index(struct repo *r, const struct repo_pack *p, size_t n, const struct blob *b,
	struct err *err);
/* repo_load_index: one index file as a stream of packs (format/index.h) without its whole plaintext
 * in memory; one that names no packs is warned of.  Blocking; any thread. */
int repo_load_index(struct repo *r, const struct id *id,
	int (*fn)(void *arg, const struct id *pack, const struct blob *b, size_t n), void *arg,
	struct err *err);

/*
 * repo_open_blob: sealed bytes of blob b to its plaintext (appended at out->p, out reset first):
 * MAC, decompression, length and SHA-256 checked.  Any thread.
 */
int repo_open_blob(struct repo_ctx *c, const struct blob *b, const uint8_t *sealed, struct buf *out,
	struct err *err);
/*
 * repo_open_blob in two steps, for callers that hash several blobs at once (hash_many):
 * repo_unseal_blob is all but the SHA-256, repo_name_blob compares it with what the blob must be;
 * on failure out is emptied.
 */
int repo_unseal_blob(struct repo_ctx *c, const struct blob *b, const uint8_t *sealed,
	struct buf *out, struct err *err);
int repo_name_blob(const struct blob *b, const struct id *is, struct buf *out, struct err *err);

/*
 * repo_upgrade: a repository of version 1 becomes one of version 2: its config is replaced, in one
 * step where the store can; where it cannot the old one comes back if the new one is not taken. The
 * caller has the exclusive lock, and a copy of the config.  Blocking.
 */
int repo_upgrade(struct repo *r, struct err *err);

/* repo_prefix: the one file of type t whose name begins with these hex digits.  ERR_NOTFOUND,
 * ERR_USAGE (ambiguous, not hex). Blocking. */
int repo_prefix(struct repo *r, enum backend_type t, const char *prefix, struct id *id,
	struct err *err);

#endif
