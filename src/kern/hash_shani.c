/*
 * hash_shani: SHA-256 blocks with the SHA extensions of x86 CPUs.
 *
 * The CPU keeps the eight words of FIPS 180-4, 6.2 in two registers, named here by what they hold
 * from the highest word to the lowest: abef and cdgh.  One instruction does two rounds: from (cdgh,
 * abef) it makes the new abef, and the old abef is the new cdgh.  So after two of them, each
 * writing over the register that is done with, both have their names again.  It wants W + K of its
 * two rounds in the low half of a register.
 *
 * The rounds of one lane are a chain, each waiting some cycles for the one before; other lanes'
 * rounds fit into the gaps.  Three lanes need more than the 16 registers, but what is put aside is
 * not in the chain, and they still are a tenth faster than two.
 */
#include "kern/hash_lanes.h"
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("sha,avx")))
#define PART   static inline __attribute__((always_inline)) TARGET

/* For each lane l < lanes.  Written out, as the rounds are: every index must be a constant, or the
 * lanes leave their registers. */
#define EACH_LANE(what)                                                                            \
	do {                                                                                       \
		AT_LANE(0, what);                                                                  \
		if (lanes > 1)                                                                     \
			AT_LANE(1, what);                                                          \
		if (lanes > 2)                                                                     \
			AT_LANE(2, what);                                                          \
	} while (0)
#define AT_LANE(number, what)                                                                      \
	do {                                                                                       \
		enum { l = number };                                                               \
		what;                                                                              \
	} while (0)

/* FIPS 180-4, 4.2.2. */
static const uint32_t k256[64] __attribute__((aligned(64))) = {0x428a2f98, 0x71374491, 0xb5c0fbcf,
	0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
	0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1,
	0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351,
	0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb,
	0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
	0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814,
	0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* One lane inside a block: w holds the last 16 words of the schedule, those of round t in w[t / 4 %
 * 4]. */
struct regs {
	__m128i abef, cdgh, w[4];
};

PART void load(struct regs *r, const struct hash_lane *l)
{
	__m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)l->s);
	__m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(l->s + 4));
	__m128i abcd = _mm_shuffle_epi32(dcba, 0x1b), efgh = _mm_shuffle_epi32(hgfe, 0x1b);

	r->abef = _mm_unpackhi_epi64(efgh, abcd);
	r->cdgh = _mm_unpacklo_epi64(efgh, abcd);
}

PART void store(const struct regs *r, struct hash_lane *l)
{
	__m128i abcd = _mm_unpackhi_epi64(r->cdgh, r->abef),
		efgh = _mm_unpacklo_epi64(r->cdgh, r->abef);

	_mm_storeu_si128((__m128i *)(void *)l->s, _mm_shuffle_epi32(abcd, 0x1b));
	_mm_storeu_si128((__m128i *)(void *)(l->s + 4), _mm_shuffle_epi32(efgh, 0x1b));
}

/* The words of the schedule for rounds 4 * g … 4 * g + 3 of the block at p; g is a constant
 * wherever this is inlined. */
PART void schedule(struct regs *r, const uint8_t *p, int g)
{
	const __m128i bytes = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
	__m128i *w = &r->w[g & 3];

	if (g < 4) {
		*w = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * g)),
			bytes);
	} else {
		/* W(t) = s1(W(t-2)) + W(t-7) + s0(W(t-15)) + W(t-16), 6.2.2; d holds W(t-4) …
		 * W(t-1). */
		const __m128i b = r->w[(g + 1) & 3], c = r->w[(g + 2) & 3], d = r->w[(g + 3) & 3];

		*w = _mm_sha256msg2_epu32(
			_mm_add_epi32(_mm_sha256msg1_epu32(*w, b), _mm_alignr_epi8(d, c, 4)), d);
	}
}

/* Four rounds of every lane, and the schedule of the next four while the first two are under way.
 */
PART void four(struct regs *r, struct hash_lane *const lane[], const int lanes, int g)
{
	const __m128i k = _mm_load_si128((const __m128i *)(const void *)(k256 + 4 * g));
	__m128i wk[HASH_LANES];

	EACH_LANE(wk[l] = _mm_add_epi32(r[l].w[g & 3], k));
	EACH_LANE(r[l].cdgh = _mm_sha256rnds2_epu32(r[l].cdgh, r[l].abef, wk[l]));
	if (g < 15)
		EACH_LANE(schedule(&r[l], lane[l]->p, g + 1));
	EACH_LANE(r[l].abef = _mm_sha256rnds2_epu32(r[l].abef, r[l].cdgh,
			  _mm_shuffle_epi32(wk[l], 0x0e)));
}

PART void feed_forward(struct regs *r, const struct regs *old)
{
	r->abef = _mm_add_epi32(r->abef, old->abef);
	r->cdgh = _mm_add_epi32(r->cdgh, old->cdgh);
}

PART void run(struct hash_lane *const lane[], size_t n, const int lanes)
{
	struct regs r[HASH_LANES], old[HASH_LANES];

	/* The SHA instructions keep what is above their 128 bits: when others left something there,
	 * each waits for the last to write its register. */
	_mm256_zeroupper();
	EACH_LANE(load(&r[l], lane[l]));
	while (n-- > 0) {
		EACH_LANE(old[l] = r[l]);
		EACH_LANE(schedule(&r[l], lane[l]->p, 0));
		four(r, lane, lanes, 0);
		four(r, lane, lanes, 1);
		four(r, lane, lanes, 2);
		four(r, lane, lanes, 3);
		four(r, lane, lanes, 4);
		four(r, lane, lanes, 5);
		four(r, lane, lanes, 6);
		four(r, lane, lanes, 7);
		four(r, lane, lanes, 8);
		four(r, lane, lanes, 9);
		four(r, lane, lanes, 10);
		four(r, lane, lanes, 11);
		four(r, lane, lanes, 12);
		four(r, lane, lanes, 13);
		four(r, lane, lanes, 14);
		four(r, lane, lanes, 15);
		EACH_LANE(feed_forward(&r[l], &old[l]));
		EACH_LANE(lane[l]->p += HASH_BLOCK);
	}
	EACH_LANE(store(&r[l], lane[l]));
}

TARGET static void one(struct hash_lane *const lane[], size_t n)
{
	run(lane, n, 1);
}

TARGET static void two(struct hash_lane *const lane[], size_t n)
{
	run(lane, n, 2);
}
TARGET static void three(struct hash_lane *const lane[], size_t n)
{
	run(lane, n, 3);
}

/* Leaf 7, EBX, bit 29: the SHA extensions; not every compiler we build with knows them by name. */
static bool supported(void)
{
	unsigned a = 0, b = 0, c = 0, d = 0;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) &&
	       __builtin_cpu_supports("avx");
}

const struct hash_variant hash_shani = {
	.name = "sha-ni",
	.lanes = HASH_LANES,
	.supported = supported,
	.blocks = {one, two, three},
};
#endif
