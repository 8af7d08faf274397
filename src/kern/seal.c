#include "kern/seal.h"
#include "base/mem.h"
#include "kern/crypto.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* Encrypted and authenticated piece by piece, so that the second pass finds the bytes in the cache.
 */
#define PIECE ((size_t)64 * 1024)

struct seal {
	EVP_CIPHER_CTX *ctr, *ecb; /* both keyed; a message only sets the counter */
	EVP_MAC_CTX *mac;
	uint8_t mac_key[32]; /* r, then the s of the message in hand */
};

static bool all_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

bool seal_key_valid(const struct seal_key *k)
{
	return !all_zero(k->encrypt, sizeof k->encrypt) && !all_zero(k->mac_k, sizeof k->mac_k) &&
	       !all_zero(k->mac_r, sizeof k->mac_r);
}

struct seal *seal_new(const struct seal_key *k)
{
	const struct crypto *c = crypto_get();
	static const uint8_t no_iv[SEAL_IV];
	struct seal *s = mem_zalloc(sizeof *s);

	s->ctr = EVP_CIPHER_CTX_new();
	s->ecb = EVP_CIPHER_CTX_new();
	s->mac = EVP_MAC_CTX_new(c->poly1305);
	crypto_must(s->ctr && s->ecb && s->mac);
	crypto_must(EVP_EncryptInit_ex2(s->ctr, c->aes256_ctr, k->encrypt, no_iv, NULL) == 1);
	crypto_must(EVP_EncryptInit_ex2(s->ecb, c->aes128_ecb, k->mac_k, NULL, NULL) == 1);
	crypto_must(EVP_CIPHER_CTX_set_padding(s->ecb, 0) == 1);
	memcpy(s->mac_key, k->mac_r, sizeof k->mac_r);
	return s;
}

void seal_free(struct seal *s)
{
	if (!s)
		return;
	EVP_CIPHER_CTX_free(s->ctr);
	EVP_CIPHER_CTX_free(s->ecb);
	EVP_MAC_CTX_free(s->mac);
	mem_wipe(s, sizeof *s);
	mem_free(s);
}

/* Poly1305 clamps r itself, so that a key file's r may be stored either way. */
static void mac_begin(struct seal *s, const uint8_t iv[SEAL_IV])
{
	int n = 0;

	crypto_must(EVP_EncryptUpdate(s->ecb, s->mac_key + 16, &n, iv, SEAL_IV) == 1 && n == 16);
	crypto_must(EVP_MAC_init(s->mac, s->mac_key, sizeof s->mac_key, NULL) == 1);
}

/* OpenSSL's vector code wants groups of eight blocks: a call that ends within one costs all of its
 * bytes a third more. */
static void mac_add(struct seal *s, const uint8_t *p, size_t n)
{
	size_t whole = n - n % 128;

	crypto_must(EVP_MAC_update(s->mac, p, whole) == 1);
	crypto_must(EVP_MAC_update(s->mac, p + whole, n - whole) == 1);
}

static void mac_end(struct seal *s, uint8_t out[SEAL_MAC])
{
	size_t n = 0;

	crypto_must(EVP_MAC_final(s->mac, out, &n, SEAL_MAC) == 1 && n == SEAL_MAC);
}

static void cipher_begin(struct seal *s, const uint8_t iv[SEAL_IV])
{
	crypto_must(EVP_EncryptInit_ex2(s->ctr, NULL, NULL, iv, NULL) == 1);
}

static void cipher_run(struct seal *s, const uint8_t *in, size_t n, uint8_t *out)
{
	int done = 0;

	crypto_must(EVP_EncryptUpdate(s->ctr, out, &done, in, (int)n) == 1 && (size_t)done == n);
}

void seal_put(struct seal *s, const uint8_t iv[SEAL_IV], const uint8_t *in, size_t n, uint8_t *out)
{
	uint8_t *text = out + SEAL_IV;

	memmove(out, iv, SEAL_IV);
	cipher_begin(s, out);
	mac_begin(s, out);
	for (size_t at = 0; at < n; at += PIECE) {
		size_t part = n - at < PIECE ? n - at : PIECE;

		cipher_run(s, in + at, part, text + at);
		mac_add(s, text + at, part);
	}
	mac_end(s, text + n);
}

int seal_open(struct seal *s, const uint8_t *in, size_t n, uint8_t *out)
{
	uint8_t mac[SEAL_MAC];
	const uint8_t *text = in + SEAL_IV;

	if (n < SEAL_OVERHEAD || all_zero(in, SEAL_IV))
		return ERR_INVALID;
	n -= SEAL_OVERHEAD;
	mac_begin(s, in);
	mac_add(s, text, n);
	mac_end(s, mac);
	if (CRYPTO_memcmp(mac, text + n, SEAL_MAC) != 0)
		return ERR_INVALID;

	/* `out` may be in + SEAL_IV, so the counter is set before anything is written. */
	cipher_begin(s, in);
	for (size_t at = 0; at < n; at += PIECE)
		cipher_run(s, text + at, n - at < PIECE ? n - at : PIECE, out + at);
	return 0;
}
