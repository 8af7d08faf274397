/*
 * crypto: the OpenSSL algorithms that hash, seal and scrypt use, looked up once per process: a
 * look-up costs as much as a small blob.
 *
 * They stay until the process ends.  Thread safe.
 */
#ifndef KERN_CRYPTO_H
#define KERN_CRYPTO_H
#include "base/err.h"
#include <openssl/types.h>

struct crypto {
	EVP_MD *sha256;
	EVP_CIPHER *aes256_ctr, *aes128_ecb;
	EVP_MAC *poly1305;
	EVP_KDF *pbkdf2, *scrypt;
};

/*
 * crypto_ready(err): 0, or ERR_UNSUPPORTED when this OpenSSL lacks an algorithm (a FIPS provider
 * has neither Poly1305 nor scrypt).  The command asks once at start and says so to the user; later
 * users take it for granted.
 */
int crypto_ready(struct err *err);

/* crypto_get(): aborts when crypto_ready() would fail. */
const struct crypto *crypto_get(void);

/* crypto_must(ok): ends the process when an OpenSSL call failed that can only fail for want of
 * memory; as base/mem.h does. */
void crypto_must(int ok);

#endif
