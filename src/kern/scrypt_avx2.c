/*
 * scrypt_avx2: with registers of 256 bits, two lanes each, and up to three of them in turn: a
 * fourth would not fit into the CPU's 16.
 */
#if defined(__x86_64__)
#define SCRYPT_WIDTH 2
#define TARGET       __attribute__((target("avx2")))
#include "kern/scrypt_romix.h"

TARGET static void mix(const struct scrypt_work *w)
{
	if (w->lanes > 2 * WIDTH)
		romix(w, 3);
	else if (w->lanes > WIDTH)
		romix(w, 2);
	else
		romix(w, 1);
}

static bool supported(void)
{
	return __builtin_cpu_supports("avx2");
}

const struct scrypt_variant scrypt_avx2 = {.name = "avx2",
	.lanes = 6,
	.width = WIDTH,
	.supported = supported,
	.mix = mix};
#endif
