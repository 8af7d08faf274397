#include "engine/tally.h"

void tally_read(const struct tally *t, struct backup_counts *out)
{
#define READ(name) out->name = atomic_load_explicit(&t->name, memory_order_relaxed);
	TALLY_LIST(READ)
#undef READ
}

void tally_put(struct buf *b, const struct backup_counts *c)
{
#define PUT(name) wire_put_u64(b, c->name);
	TALLY_ALL(PUT)
#undef PUT
}

void tally_get(struct wire_in *w, struct backup_counts *c)
{
#define GET(name) c->name = wire_u64(w);
	TALLY_ALL(GET)
#undef GET
}

void tally_sum(struct backup_counts *sum, const struct backup_counts *c)
{
#define SUM(name) sum->name += c->name;
	TALLY_ALL(SUM)
#undef SUM
}
