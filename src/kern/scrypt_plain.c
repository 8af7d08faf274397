/*
 * scrypt_plain: with registers of 128 bits, as every CPU of the kinds we know has them (SSE2,
 * NEON); without any, the compiler takes four words instead.
 */
#define SCRYPT_WIDTH 1
#include "kern/scrypt_romix.h"

static void mix(const struct scrypt_work *w)
{
	switch (w->lanes) {
	case 1:
		romix(w, 1);
		break;
	case 2:
		romix(w, 2);
		break;
	case 3:
		romix(w, 3);
		break;
	default:
		romix(w, 4);
	}
}

static bool supported(void)
{
	return true;
}

const struct scrypt_variant scrypt_plain = {.name = "plain",
	.lanes = 4,
	.width = 1,
	.supported = supported,
	.mix = mix};
