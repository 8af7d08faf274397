/*
 * hash_lanes: what hash_many and its variants for a CPU (one file each) agree on.  Private to this
 * room and its tests.
 *
 * A lane is one message on its way.  A variant takes some lanes forward by the same number of
 * blocks; what a block is made of (the bytes in place, what a stream had left over, the padding) is
 * hash_many's business.
 */
#ifndef KERN_HASH_LANES_H
#define KERN_HASH_LANES_H
#include "kern/hash.h"

#define HASH_BLOCK ((size_t)64)
#define HASH_LANES 3 /* the most that a variant has */

struct hash_lane {
	uint32_t s[8];    /* FIPS 180-4: H0 … H7 */
	const uint8_t *p; /* of the next block; no alignment */
};

/*
 * blocks[k - 1](lane, n): n >= 1 blocks of each of k different lanes, k <= lanes; moves their p.  A
 * variant without lanes leaves everything to OpenSSL.
 */
struct hash_variant {
	const char *name;
	size_t lanes;
	bool (*supported)(void); /* this CPU can run it */
	void (*blocks[HASH_LANES])(struct hash_lane *const lane[], size_t n);
};
extern const struct hash_variant hash_openssl;
#if defined(__x86_64__)
extern const struct hash_variant hash_shani;
#endif

/* hash_pick(): the first variant that is supported and passes hash_selftest; decided once, thread
 * safe. */
const struct hash_variant *hash_pick(void);

/* hash_selftest(v): whether it agrees with OpenSSL, each number of lanes it has. */
bool hash_selftest(const struct hash_variant *v);

/* As their namesakes in hash.h, by a given variant, which must be that of all streams among the
 * jobs. */
struct hash_stream *hash_stream_new_by(const struct hash_variant *v);
void hash_many_by(const struct hash_variant *v, struct hash *h, struct hash_job *job, size_t n);

#endif
