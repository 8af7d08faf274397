#include "kern/kdf.h"
#include "base/mem.h"
#include "kern/crypto.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#define LIMIT ((uint64_t)0x7fffffff)
#define P_MAX 32    /* of a new key */
#define N_MIN 16384 /* of a new key: below, a password is hardly protected; a machine that slow waits longer instead */

int kdf_check(const struct kdf_params *k, struct err *err)
{
	if (k->n < 2 || (k->n & (k->n - 1)) != 0 || k->n > LIMIT)
		return err_set(err, ERR_INVALID, "key derivation: N is not a power of two within limits");
	if (k->r < 1 || k->p < 1)
		return err_set(err, ERR_INVALID, "key derivation: r and p must be positive");
	/* N is below 2^31, r and p below 2^32: no product overflows when the first ones are checked first. */
	if ((uint64_t)k->r * k->p > LIMIT / 128)
		return err_set(err, ERR_INVALID, "key derivation: r * p is too large");
	if (k->n * k->r > LIMIT / 128)
		return err_set(err, ERR_INVALID, "key derivation: N * r is too large");
	return 0;
}

int kdf_derive(const struct kdf_params *k, const uint8_t salt[KDF_SALT], const void *pass, size_t n, struct seal_key *out, struct err *err)
{
	uint8_t key[64];
	uint64_t cost = k->n, mem;
	uint32_t r = k->r, p = k->p;
	EVP_KDF_CTX *ctx = NULL;
	OSSL_PARAM par[7];
	int rc = kdf_check(k, err);

	if (rc)
		return rc;
	/* What scrypt takes, and some: OpenSSL's own limit of about 1 GiB is below what the checks above allow. */
	mem = 128 * (uint64_t)r * (cost + p + 2) + (1 << 20);
	par[0] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, n ? (void *)(uintptr_t)pass : (void *)key, n);
	par[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, KDF_SALT);
	par[2] = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &cost);
	par[3] = OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r);
	par[4] = OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p);
	par[5] = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &mem);
	par[6] = OSSL_PARAM_construct_end();
	ctx = EVP_KDF_CTX_new(crypto_get()->scrypt);
	crypto_must(ctx != NULL);
	if (EVP_KDF_derive(ctx, key, sizeof key, par) != 1) {
		ERR_clear_error();
		rc = err_set(err, ERR_NOMEM, "key derivation needs %llu MiB of memory", (unsigned long long)(mem >> 20));
		goto out;
	}
	memcpy(out->encrypt, key, 32);
	memcpy(out->mac_k, key + 32, 16);
	memcpy(out->mac_r, key + 48, 16);
out:
	EVP_KDF_CTX_free(ctx);
	mem_wipe(key, sizeof key);
	return rc;
}

static int64_t cost_of(const struct clock *clock, const struct kdf_params *k)
{
	static const uint8_t salt[KDF_SALT];
	struct seal_key key;
	int64_t start = clock_mono(clock);
	int rc = kdf_derive(k, salt, "calibration", 11, &key, NULL);

	mem_wipe(&key, sizeof key);
	/* Parameters that do not fit into memory are as good as too slow. */
	return rc ? INT64_MAX : clock_mono(clock) - start;
}

void kdf_calibrate(const struct clock *clock, unsigned ms, unsigned mib, struct kdf_params *out)
{
	const int64_t budget = (int64_t)ms * 1000000;
	const uint64_t bytes = (uint64_t)mib << 20;
	int64_t one;

	*out = (struct kdf_params){.n = 2, .r = 8, .p = 1};
	while (128 * out->n * 2 * out->r < bytes && out->n * 2 * out->r <= LIMIT / 128)
		out->n *= 2;
	while ((one = cost_of(clock, out)) > budget && out->n > N_MIN)
		out->n /= 2;
	/* p passes take p times as long.  A clock that stands still must not make the key unusable on another machine. */
	if (one > 0 && budget / one > 1)
		out->p = budget / one < P_MAX ? (uint32_t)(budget / one) : P_MAX;
}
