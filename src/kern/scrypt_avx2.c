/*
 * scrypt_avx2: with registers of 256 bits, two lanes each.
 *
 * Two registers in turn nearly fill the CPU; a third would make six lanes of it, which only small parameters leave room for.
 */
#if defined(__x86_64__)
#define SCRYPT_WIDTH 2
#define TARGET       __attribute__((target("avx2")))
#include "kern/scrypt_romix.h"

TARGET static void mix(const struct scrypt_work *w)
{
	if (w->lanes > WIDTH)
		romix(w, 2);
	else
		romix(w, 1);
}

static bool supported(void)
{
	return __builtin_cpu_supports("avx2");
}

const struct scrypt_variant scrypt_avx2 = {.name = "avx2", .lanes = 4, .width = WIDTH, .supported = supported, .mix = mix};
#endif
