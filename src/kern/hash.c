#include "kern/hash.h"
#include "base/mem.h"
#include "kern/crypto.h"
#include <openssl/evp.h>

struct hash {
	EVP_MD_CTX
	*ctx; /* its algorithm is set; a message begins with a NULL type, which keeps it */
};

struct hash *hash_new(void)
{
	struct hash *h = mem_zalloc(sizeof *h);

	h->ctx = EVP_MD_CTX_new();
	crypto_must(h->ctx && EVP_DigestInit_ex2(h->ctx, crypto_get()->sha256, NULL) == 1);
	return h;
}

void hash_free(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	mem_free(h);
}

void hash_begin(struct hash *h)
{
	crypto_must(EVP_DigestInit_ex2(h->ctx, NULL, NULL) == 1);
}

void hash_add(struct hash *h, const void *p, size_t n)
{
	crypto_must(EVP_DigestUpdate(h->ctx, p, n) == 1);
}

void hash_end(struct hash *h, struct id *out)
{
	unsigned n = 0;

	crypto_must(EVP_DigestFinal_ex(h->ctx, out->b, &n) == 1 && n == ID_SIZE);
}
