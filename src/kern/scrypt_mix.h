/*
 * scrypt_mix: what scrypt and its variants for a CPU (one file each) agree on.  Private to this
 * room and its tests.
 *
 * A lane is one of the p independent runs of scryptROMix (RFC 7914, 5).  A variant takes some lanes
 * through it in step; which lanes and in which memory is scrypt's business.
 */
#ifndef KERN_SCRYPT_MIX_H
#define KERN_SCRYPT_MIX_H
#include "kern/scrypt.h"
#include <stdbool.h>

#define SCRYPT_LANES 6 /* the most that a variant has */
#define SCRYPT_TOGETHER                                                                            \
	((uint64_t)1 << 27) /* bytes of V of all lanes in step, unless one alone needs more */

struct scrypt_work {
	size_t n, r, lanes; /* lanes: 1 to the variant's */
	uint8_t *b; /* each lane's block of 128 * r bytes, one after the other; replaced by what
		       ROMix makes of them */
	void *v;    /* 64 * r * n bytes a lane; of 64 bytes alignment, as x */
	void *x;    /* 1 + 3 * lanes blocks, the first one zero */
	bool fresh; /* nobody has used v, its pages are not there */
};

struct scrypt_variant {
	const char *name;
	size_t lanes;                             /* most in step */
	size_t width;                             /* of them in one register; divides `lanes` */
	bool (*supported)(void);                  /* this CPU can run it */
	void (*mix)(const struct scrypt_work *w); /* NULL: everything is left to OpenSSL */
};
extern const struct scrypt_variant scrypt_openssl, scrypt_plain;
#if defined(__x86_64__)
extern const struct scrypt_variant scrypt_avx2;
#endif

/* scrypt_pick(): the first variant that is supported and passes scrypt_selftest; decided once,
 * thread safe. */
const struct scrypt_variant *scrypt_pick(void);

/* scrypt_selftest(v): whether it gives the answers that are known, each number of lanes it has; not
 * for OpenSSL's, which has no mix. */
bool scrypt_selftest(const struct scrypt_variant *v);

/* scrypt_run_by: as scrypt_run, by a given variant. */
int scrypt_run_by(const struct scrypt_variant *v, const struct scrypt_job *job, struct err *err);

/* scrypt_most(v, job): how many lanes may be in step, 1 to the variant's. */
size_t scrypt_most(const struct scrypt_variant *v, const struct scrypt_job *job);

/* scrypt_next(v, most, left): how many of `left` >= 1 lanes go into the next step, so that all of
 * them take the fewest steps. */
size_t scrypt_next(const struct scrypt_variant *v, size_t most, size_t left);

#endif
