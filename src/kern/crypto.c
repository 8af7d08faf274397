#include "kern/crypto.h"
#include "base/mem.h"
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <pthread.h>
#include <stdlib.h>

static struct crypto found;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	found.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	found.aes256_ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	found.aes128_ecb = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
	found.poly1305 = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	found.pbkdf2 = EVP_KDF_fetch(NULL, "PBKDF2", NULL);
	found.scrypt = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
}

static const char *missing(void)
{
	pthread_once(&once, fetch);
	if (!found.sha256)
		return "SHA-256";
	if (!found.aes256_ctr || !found.aes128_ecb)
		return "AES";
	if (!found.poly1305)
		return "Poly1305";
	if (!found.pbkdf2)
		return "PBKDF2";
	if (!found.scrypt)
		return "scrypt";
	return NULL;
}

int crypto_ready(struct err *err)
{
	const char *name = missing();

	if (name)
		return err_set(err, ERR_UNSUPPORTED,
			"OpenSSL on this machine offers no %s (is its default provider switched "
			"off?)",
			name);
	return 0;
}

const struct crypto *crypto_get(void)
{
	if (missing())
		abort();
	return &found;
}

void crypto_must(int ok)
{
	if (!ok)
		mem_none();
}
