/*
 * check_data: reads packs whole, all of them or some, as check --read-data is told to
 * (docs/format.md 13.9).
 */
#ifndef ENGINE_CHECK_DATA_H
#define ENGINE_CHECK_DATA_H
#include "engine/check.h"
#include "engine/check_read.h"
#include "repo/reader.h"

/* What is known of a pack, in catalog_pack.user. */
enum { CHECK_PACK_LISTED = 1, CHECK_PACK_BAD = 2 };

/* What reading a pack has shown. */
struct check_pack {
	struct catalog_pack *pack;
	struct check_read found; /* the last time; an error of the store counts as a fault */
	struct err unread;       /* the store's error then; or code 0 */
	bool again;              /* it was read a second time, because of `first` */
	struct err first;
};

struct check_data {
	struct repo *repo;
	struct catalog *catalog;
	const struct env *env;
	const struct check_options *opt;
	const volatile int *stop;
	/* on the loop, for each pack when it is done: the done-th of total */
	void (*read)(void *arg, const struct check_pack *p, uint64_t done, uint64_t total);
	void *arg;
};
/* check_data_run: the packs that the store has, as opt chooses; waits.  After a stop the rest is
 * left out. */
void check_data_run(const struct check_data *d);

#endif
