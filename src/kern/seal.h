/*
 * seal: restic's authenticated encryption (docs/format.md 2.1): IV || AES-256-CTR ciphertext ||
 * Poly1305-AES MAC.
 *
 * A sealer holds prepared OpenSSL contexts for one key and belongs to one thread at a time.
 */
#ifndef KERN_SEAL_H
#define KERN_SEAL_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_IV       16
#define SEAL_MAC      16
#define SEAL_OVERHEAD 32

struct seal_key {
	uint8_t encrypt[32];
	uint8_t mac_k[16];
	uint8_t mac_r[16]; /* clamped on use */
};

bool seal_key_valid(const struct seal_key *k); /* false when a part is all zero */

struct seal;
struct seal *seal_new(const struct seal_key *k);
void seal_free(struct seal *s); /* wipes the key */

/*
 * seal_put(s, iv, in, n, out): n bytes of plaintext to n + SEAL_OVERHEAD bytes at `out`.  `iv` is
 * 16 random bytes, not all zero. `in` may be out + SEAL_IV (in place), otherwise they must not
 * overlap.
 */
void seal_put(struct seal *s, const uint8_t iv[SEAL_IV], const uint8_t *in, size_t n, uint8_t *out);

/*
 * seal_open(s, in, n, out): checks the MAC in constant time, then decrypts n - SEAL_OVERHEAD bytes
 * to `out` (which may be in + SEAL_IV). ERR_INVALID when n < SEAL_OVERHEAD, the IV is zero or the
 * MAC is wrong; then nothing is written.
 */
int seal_open(struct seal *s, const uint8_t *in, size_t n, uint8_t *out);

#endif
