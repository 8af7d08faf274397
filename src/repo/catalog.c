#include "repo/catalog.h"
#include "base/loop.h"
#include "repo/packtable.h"

size_t catalog_packs(struct catalog *c)
{
	return packtable_count(catalog_table(c));
}

struct catalog_pack *catalog_pack(struct catalog *c, size_t i)
{
	return packtable_at(catalog_table(c), i);
}

struct catalog_pack *catalog_pack_find(struct catalog *c, const struct id *id)
{
	return packtable_find(catalog_table(c), id);
}

static void found(struct catalog_find *f)
{
	*(bool *)f->arg = true;
}

bool catalog_find_wait(struct catalog *c, struct loop *l, enum blob_type t, const struct id *id,
	unsigned nth, struct catalog_place *place)
{
	bool done = false;
	struct catalog_find f = {.type = t, .id = *id, .nth = nth, .done = found, .arg = &done};

	catalog_find(c, &f);
	if (!done)
		loop_until(l, &done);
	if (f.found)
		*place = f.place;
	return f.found;
}

static void marked(struct catalog_mark *m)
{
	*(bool *)m->arg = true;
}

void catalog_mark_wait(struct catalog *c, struct loop *l, struct catalog_mark *m)
{
	bool done = false;

	m->done = marked;
	m->arg = &done;
	catalog_mark(c, m);
	if (!done)
		loop_until(l, &done);
}
