/* kdf: scrypt from a password to a seal key (docs/format.md 2.2). */
#ifndef KERN_KDF_H
#define KERN_KDF_H
#include "base/clock.h"
#include "kern/seal.h"

#define KDF_SALT 64

struct kdf_params {
	uint64_t n;
	uint32_t r, p;
};

/* kdf_check: the sanity limits of docs/format.md 2.2 (before any memory is taken).  0 or
 * ERR_INVALID. */
int kdf_check(const struct kdf_params *k, struct err *err);

/* kdf_derive: `pass` of n bytes.  0, ERR_INVALID (parameters), ERR_NOMEM. */
int kdf_derive(const struct kdf_params *k, const uint8_t salt[KDF_SALT], const void *pass, size_t n,
	struct seal_key *out, struct err *err);

/*
 * kdf_calibrate: parameters with which common scrypt code, as other programs use it to open the
 * repository, takes about `ms` milliseconds and at most `mib` MiB on this machine (restic: 500,
 * 60).  kdf_derive itself is faster and takes more memory.
 */
void kdf_calibrate(const struct clock *clock, unsigned ms, unsigned mib, struct kdf_params *out);

#endif
