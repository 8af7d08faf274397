/* keyfile: a key file, and the master key inside it (docs/format.md 2.2).  Pure JSON; deriving and
 * sealing are repo's. */
#ifndef FORMAT_KEYFILE_H
#define FORMAT_KEYFILE_H
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "kern/kdf.h"

struct keyfile {
	struct ts created;
	char *username, *hostname; /* owned */
	struct kdf_params kdf;
	uint8_t salt[KDF_SALT];
	struct buf data; /* sealed master key */
};
/* ERR_INVALID, ERR_UNSUPPORTED (kdf) */
int keyfile_parse(struct keyfile *k, const void *json, size_t n, struct err *err);
void keyfile_write(const struct keyfile *k, const struct zone *z, struct buf *out);
void keyfile_release(struct keyfile *k);

int masterkey_parse(struct seal_key *k, const void *json, size_t n, struct err *err);
void masterkey_write(const struct seal_key *k, struct buf *out); /* buf_wipe it after use */

#endif
