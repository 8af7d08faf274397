/*
 * scrypt: the frame of RFC 7914, 6.  PBKDF2 makes a block for each lane, ROMix replaces it, PBKDF2
 * makes the key of all blocks.
 */
#include "base/pages.h"
#include "kern/crypto.h"
#include "kern/scrypt_mix.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

static int no_memory(uint64_t bytes, struct err *err)
{
	return err_set(err, ERR_NOMEM, "key derivation needs %llu MiB of memory",
		(unsigned long long)(bytes >> 20) + 1);
}

/* OpenSSL's parameters are not const, but only read; bytes without an address are empty. */
static OSSL_PARAM octets(const char *name, const void *p, size_t n)
{
	return OSSL_PARAM_construct_octet_string(name,
		n ? (void *)(uintptr_t)p : (void *)(uintptr_t) "", n);
}

static bool derive(EVP_KDF *kdf, const OSSL_PARAM *par, uint8_t *out, size_t n)
{
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	bool ok;

	crypto_must(ctx != NULL);
	ok = EVP_KDF_derive(ctx, out, n, par) == 1;
	if (!ok)
		ERR_clear_error();
	EVP_KDF_CTX_free(ctx);
	return ok;
}

/* PBKDF2-HMAC-SHA256 with one iteration.  PKCS5 = 1 turns checks off that want many and long salts.
 */
static bool pbkdf2(const struct scrypt_job *job, const uint8_t *salt, size_t salt_n, uint8_t *out,
	size_t n)
{
	unsigned iterations = 1;
	int pkcs5 = 1;
	char sha256[] = "SHA256";
	OSSL_PARAM par[] = {
		octets(OSSL_KDF_PARAM_PASSWORD, job->pass, job->pass_n),
		octets(OSSL_KDF_PARAM_SALT, salt, salt_n),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_uint(OSSL_KDF_PARAM_ITER, &iterations),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &pkcs5),
		OSSL_PARAM_construct_end(),
	};

	return derive(crypto_get()->pbkdf2, par, out, n);
}

int scrypt_reference(const struct scrypt_job *job, struct err *err)
{
	uint64_t n = job->n, mem;
	uint32_t r = job->r, p = job->p;
	OSSL_PARAM par[7];

	/* What scrypt takes, and some: OpenSSL's own limit of about 1 GiB is below what kdf_check
	 * allows. */
	mem = 128 * (uint64_t)r * (n + p + 2) + (1 << 20);
	par[0] = octets(OSSL_KDF_PARAM_PASSWORD, job->pass, job->pass_n);
	par[1] = octets(OSSL_KDF_PARAM_SALT, job->salt, job->salt_n);
	par[2] = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n);
	par[3] = OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r);
	par[4] = OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p);
	par[5] = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &mem);
	par[6] = OSSL_PARAM_construct_end();
	return derive(crypto_get()->scrypt, par, job->key, job->key_n) ? 0 : no_memory(mem, err);
}

size_t scrypt_most(const struct scrypt_variant *v, const struct scrypt_job *job)
{
	const uint64_t fit = SCRYPT_TOGETHER / (64 * (uint64_t)job->r * job->n);
	size_t most = job->p < v->lanes ? job->p : v->lanes;

	if (fit < most)
		most = (size_t)fit;
	return most ? most : 1;
}

size_t scrypt_next(const struct scrypt_variant *v, size_t most, size_t left)
{
	size_t steps = (left + most - 1) / most, take = (left + steps - 1) / steps;

	/* A register that is not full costs as much as a full one. */
	take = (take + v->width - 1) / v->width * v->width;
	if (take > most)
		take = most;
	return take < left ? take : left;
}

int scrypt_run_by(const struct scrypt_variant *v, const struct scrypt_job *job, struct err *err)
{
	const size_t block = 128 * (size_t)job->r, b_n = block * job->p;
	size_t most = scrypt_most(v, job), v_n, x_n, size;
	struct scrypt_work w = {.n = (size_t)job->n, .r = job->r, .fresh = true};
	uint8_t *map, *b;
	bool ok;

	if (!v->mix)
		return scrypt_reference(job, err);
	for (;; most--) {
		v_n = block * (w.n / 2) * most;
		x_n = block * (1 + 3 * most);
		size = v_n + x_n + b_n;
		map = pages_map(size);
		if (map)
			break;
		/* Slower with fewer lanes is better than not at all. */
		if (most == 1)
			return no_memory(size, err);
	}
	/*
	 * One piece of memory for all steps: each page is paid for once, and they are a third of
	 * what a key costs (docs/adr/0006-scrypt.md).  V comes first, for its large pages.
	 */
	w.v = map;
	w.x = map + v_n;
	b = map + v_n + x_n;
	ok = pbkdf2(job, job->salt, job->salt_n, b, b_n);
	w.b = b;
	for (size_t left = job->p; ok && left; left -= w.lanes, w.b += block * w.lanes) {
		w.lanes = scrypt_next(v, most, left);
		v->mix(&w);
		w.fresh = false;
	}
	ok = ok && pbkdf2(job, b, b_n, job->key, job->key_n);
	/*
	 * V tells what the password was to whoever tries passwords against it.  It is not wiped,
	 * which would take as long as a tenth of a step: unmapped it is out of this process at
	 * once, for good, and the kernel clears a page before another one gets it.
	 */
	pages_unmap(map, size);
	return ok ? 0 : no_memory(size, err);
}

int scrypt_run(const struct scrypt_job *job, struct err *err)
{
	return scrypt_run_by(scrypt_pick(), job, err);
}
