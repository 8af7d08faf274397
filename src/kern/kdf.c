#include "kern/kdf.h"
#include "base/mem.h"
#include "kern/scrypt.h"
#include <string.h>

#define LIMIT ((uint64_t)0x7fffffff)
#define P_MAX 32 /* of a new key */
#define N_MIN                                                                                      \
	16384 /* of a new key: below, a password is hardly protected; a machine that slow waits    \
		 longer instead */

int kdf_check(const struct kdf_params *k, struct err *err)
{
	if (k->n < 2 || (k->n & (k->n - 1)) != 0 || k->n > LIMIT)
		return err_set(err, ERR_INVALID,
			"key derivation: N is not a power of two within limits");
	if (k->r < 1 || k->p < 1)
		return err_set(err, ERR_INVALID, "key derivation: r and p must be positive");
	/* N is below 2^31, r and p below 2^32: no product overflows when the first ones are checked
	 * first. */
	if ((uint64_t)k->r * k->p > LIMIT / 128)
		return err_set(err, ERR_INVALID, "key derivation: r * p is too large");
	if (k->n * k->r > LIMIT / 128)
		return err_set(err, ERR_INVALID, "key derivation: N * r is too large");
	return 0;
}

typedef int scrypt_fn(const struct scrypt_job *job, struct err *err);

static int derive_by(scrypt_fn *run, const struct kdf_params *k, const uint8_t *salt,
	const void *pass, size_t n, struct seal_key *out, struct err *err)
{
	uint8_t key[64];
	const struct scrypt_job job = {
		.n = k->n,
		.r = k->r,
		.p = k->p,
		.pass = pass,
		.pass_n = n,
		.salt = salt,
		.salt_n = KDF_SALT,
		.key = key,
		.key_n = sizeof key,
	};
	int rc = run(&job, err);

	if (!rc) {
		memcpy(out->encrypt, key, 32);
		memcpy(out->mac_k, key + 32, 16);
		memcpy(out->mac_r, key + 48, 16);
	}
	mem_wipe(key, sizeof key);
	return rc;
}

int kdf_derive(const struct kdf_params *k, const uint8_t salt[KDF_SALT], const void *pass, size_t n,
	struct seal_key *out, struct err *err)
{
	int rc = kdf_check(k, err);

	return rc ? rc : derive_by(scrypt_run, k, salt, pass, n, out, err);
}

/* By OpenSSL: about what other programs need to open the repository.  Ours is several times as fast
 * and must not make it slow for them. */
static int64_t cost_of(const struct clock *clock, const struct kdf_params *k)
{
	static const uint8_t salt[KDF_SALT];
	struct seal_key key;
	int64_t start = clock_mono(clock);
	int rc = derive_by(scrypt_reference, k, salt, "calibration", 11, &key, NULL);

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
	/* p passes take p times as long.  A clock that stands still must not make the key unusable
	 * on another machine. */
	if (one > 0 && budget / one > 1)
		out->p = budget / one < P_MAX ? (uint32_t)(budget / one) : P_MAX;
}
