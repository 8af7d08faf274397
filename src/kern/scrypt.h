/*
 * scrypt: the key derivation of RFC 7914, several of its p lanes at a time.
 *
 * Knows passwords and salts as bytes; what they are for and which parameters are sane is kdf's
 * business.  PBKDF2 is OpenSSL's, the rest our own (docs/adr/0006-scrypt.md).  Thread safe; uses
 * only the calling thread.
 */
#ifndef KERN_SCRYPT_H
#define KERN_SCRYPT_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* All borrowed.  n is RFC 7914's N, a power of two from 2 on; n * r, r * p are at most 2^24
 * (kdf_check sees to that). */
struct scrypt_job {
	uint64_t n;
	uint32_t r, p;
	const void *pass;
	size_t pass_n;
	const uint8_t *salt;
	size_t salt_n;
	uint8_t *key; /* out: key_n >= 1 bytes, RFC 7914's dkLen */
	size_t key_n;
};

/*
 * scrypt_run(job, err): 0 or ERR_NOMEM.  Takes 64 * r * n bytes for each lane that is under way;
 * there is more than one only while they stay within 128 MiB together.
 */
int scrypt_run(const struct scrypt_job *job, struct err *err);

/* scrypt_reference(job, err): the same by OpenSSL's code, one lane at a time: the measure of ours,
 * and of what other programs need. */
int scrypt_reference(const struct scrypt_job *job, struct err *err);

/* scrypt_variant(): the name of the code that runs on this CPU. */
const char *scrypt_variant(void);

#endif
