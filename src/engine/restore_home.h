/*
 * restore_home: which rank fetches what lies in a pack, so that each pack is fetched from by one.
 *
 * Packs are numbered in the order of their ids and dealt out, so each rank has as many as the
 * others, or one more or less.  8 bytes a data pack on each rank.
 */
#ifndef ENGINE_RESTORE_HOME_H
#define ENGINE_RESTORE_HOME_H
#include "ranks/agree.h"
#include "repo/catalog.h"

struct restore_homes;
/* restore_homes_new: collective, of a loaded catalog; the same code on all ranks. */
int restore_homes_new(struct router *r, struct agree *a, struct catalog *c,
	struct restore_homes **out, struct err *err);
void restore_homes_free(struct restore_homes *h); /* NULL is fine */
int restore_homes_of(const struct restore_homes *h, const struct id *pack);

#endif
