#include "backend/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static void digest(const EVP_MD *md, const void *p, size_t n, uint8_t *out)
{
	/* Fails for want of memory, or where a policy of the system forbids the hash: no store
	 * could be spoken to then. */
	if (!EVP_Digest(n ? p : "", n, out, NULL, md, NULL))
		mem_none();
}

void digest_sha256(const void *p, size_t n, uint8_t out[32])
{
	digest(EVP_sha256(), p, n, out);
}

void digest_md5(const void *p, size_t n, uint8_t out[16])
{
	digest(EVP_md5(), p, n, out);
}

void digest_hmac(const void *key, size_t kn, const void *msg, size_t n, uint8_t out[32])
{
	uint8_t mac[32];

	if (!HMAC(EVP_sha256(), kn ? key : "", (int)kn, n ? msg : (const void *)"", n, mac, NULL))
		mem_none();
	memcpy(out, mac, sizeof(mac));
	mem_wipe(mac, sizeof(mac));
}

int digest_base64(struct buf *b, const void *p, size_t n)
{
	size_t len = (n + 2) / 3 * 4;

	/* EVP_EncodeBlock writes a 0 behind the text. */
	if (buf_reserve(b, len + 1))
		return ERR_NOMEM;
	EVP_EncodeBlock(b->p + b->len, n ? p : (const void *)"", (int)n);
	b->len += len;
	return 0;
}
