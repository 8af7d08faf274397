#include "base/mem.h"
#include "repo/reader_priv.h"
#include <assert.h>

/*
 * Every transfer holds its bytes from the moment it is asked for until a worker is done with them.
 * A worker never waits for anything but memory and the file system of its client, so what is held
 * is let go in the end, and what waits for room begins: but for copies (reader_copy.c), which a
 * range that holds its bytes waits for.  Therefore one copy passes without room.
 */

struct reader *reader_new(struct repo *r, struct catalog *catalog, size_t bound)
{
	struct reader *rd = mem_zalloc(sizeof(*rd));

	rd->repo = r;
	rd->catalog = catalog;
	rd->loop = pthread_self();
	rd->limit = r->be->connections ? r->be->connections : 1;
	rd->bound = bound ? bound : (rd->limit + 1) * READER_SPAN;
	rd->copies_end = &rd->copies;
	rd->packs_end = &rd->packs;
	rd->blobs_end = &rd->blobs;
	return rd;
}

void reader_free(struct reader *rd)
{
	assert(!rd || (!rd->requests && !rd->active && !rd->held));
	mem_free(rd);
}

bool reader_room(const struct reader *rd, size_t n)
{
	return rd->active < rd->limit &&
	       (!rd->held || (n <= rd->bound && rd->held <= rd->bound - n));
}

void reader_hold(struct reader *rd, size_t n)
{
	rd->active++;
	rd->held += n;
}

void reader_pump(struct reader *rd)
{
	while ((rd->copies_next && rd->copies_next(rd)) || (rd->packs_next && rd->packs_next(rd)) ||
		(rd->blobs_next && rd->blobs_next(rd)))
		;
}

int reader_explain(const struct reader_want *w, struct err *e)
{
	if (!id_is_zero(&w->at.pack))
		err_prefix(e, "pack %s", id_short(&w->at.pack).s);
	return err_prefix(e, "load %s %s", blob_type_name(w->at.blob.type),
		id_short(&w->at.blob.id).s);
}
