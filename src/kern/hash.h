/*
 * hash: SHA-256, of one message or of several at once, with a context that is made once and used
 * for millions of blobs.
 *
 * One message is bound by the latency of its rounds: each waits for the one before.  With the SHA
 * extensions of x86 two messages in step take 1.4 times as long as one, and three less than twice
 * as long, so who has several to name hands them over together.  A context or a stream belongs to
 * one thread at a time.
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

/* hash_once: the name of the n bytes at p (NULL if n is 0).  A message that was begun in `h` and
 * not ended is given up. */
void hash_once(struct hash *h, const void *p, size_t n, struct id *out);

/*
 * hash_stream: a long message, fed in pieces by hash_many.  new: begun and empty.  begin: gives up
 * what was fed.  end: the name of all that was fed; begin before the next message.
 */
struct hash_stream;
struct hash_stream *hash_stream_new(void);
void hash_stream_free(struct hash_stream *s);
void hash_stream_begin(struct hash_stream *s);
void hash_stream_end(struct hash_stream *s, struct id *out);

/* The n bytes at p (NULL if n is 0).  Without `stream` they are a message whose name hash_many
 * writes to `out`; else `out` is left alone. */
struct hash_job {
	const uint8_t *p;
	size_t n;
	struct hash_stream *stream;
	struct id out;
};

/*
 * hash_many(h, job, n): all jobs are done when it returns; borrows their bytes until then.  Any n,
 * any sizes; each stream at most once. Jobs are begun in order, and the last one to end runs alone:
 * put the longest first.  A message begun in `h` is given up.
 */
void hash_many(struct hash *h, struct hash_job *job, size_t n);

/* hash_variant(): the name of what hash_many runs on this CPU. */
const char *hash_variant(void);

#endif
