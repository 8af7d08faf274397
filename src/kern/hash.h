/*
 * hash: SHA-256 through OpenSSL, with a context that is made once and used for millions of blobs.
 *
 * A context belongs to one thread at a time.
 */
#ifndef KERN_HASH_H
#define KERN_HASH_H
#include "base/id.h"

struct hash;
struct hash *hash_new(void);
void hash_free(struct hash *h);
void hash_begin(struct hash *h);
void hash_add(struct hash *h, const void *p, size_t n);
void hash_end(struct hash *h, struct id *out);

/* hash_once: begin, add, end. */
void hash_once(struct hash *h, const void *p, size_t n, struct id *out);

#endif
