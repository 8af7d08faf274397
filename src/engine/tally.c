#include "engine/tally.h"

void tally_read(const struct tally *t, struct backup_counts *out)
{
#define READ(name) out->name = atomic_load_explicit(&t->name, memory_order_relaxed);
	BACKUP_TALLY(READ)
#undef READ
}
