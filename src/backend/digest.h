/*
 * digest: the hashes that stores ask for, one shot.  The only file of this room that includes
 * <openssl/...>.
 *
 * Results may overwrite what they are made of (a key by its next key, as a chain of HMACs does).
 */
#ifndef BACKEND_DIGEST_H
#define BACKEND_DIGEST_H
#include "base/buf.h"
#include <stddef.h>
#include <stdint.h>

void digest_sha256(const void *p, size_t n, uint8_t out[32]);
/* HMAC-SHA256 */
void digest_hmac(const void *key, size_t kn, const void *msg, size_t n, uint8_t out[32]);
void digest_md5(const void *p, size_t n, uint8_t out[16]);

/* digest_base64(b, p, n): appends RFC 4648 base64 with padding, as HTTP headers use it; ERR_NOMEM
 * as buf_add.  n up to 1 MiB. */
int digest_base64(struct buf *b, const void *p, size_t n);

#endif
