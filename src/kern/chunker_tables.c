#include "base/mem.h"
#include "kern/chunker_scan.h"
#include "kern/poly.h"

struct chunker_tables *chunker_tables_new(uint64_t poly)
{
	struct chunker_tables *t = mem_zalloc(sizeof *t);
	uint64_t top = poly_mod((uint64_t)1 << CHUNKER_DEGREE, poly), leaving = 1;

	for (int i = 0; i < CHUNKER_WINDOW; i++)
		leaving = poly_mulmod(leaving, 1 << 8, poly);
	for (uint64_t b = 0; b < 256; b++) {
		t->mod[b] = poly_mulmod(b, top, poly) | b << CHUNKER_DEGREE;
		t->out[b] = poly_mulmod(b, leaving, poly);
		t->mod8[b] = t->mod[b] << 8;
		t->out8[b] = t->out[b] << 8;
	}
	t->poly = poly;
	return t;
}

void chunker_tables_free(struct chunker_tables *t)
{
	mem_free(t);
}
