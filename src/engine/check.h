/*
 * check: is everything there, and (read_data) is every byte right (docs/format.md 13.9).  Works on
 * env->cpu with several packs in flight.
 */
#ifndef ENGINE_CHECK_H
#define ENGINE_CHECK_H
#include "repo/loader.h"

struct catalog;

struct check_options {
	bool read_data;
	unsigned subset_n, subset_t; /* n/t, 0 = all */
	double subset_percent;       /* random x %, 0 = off */
	uint64_t subset_bytes;       /* random packs of about so many bytes, 0 = off */
};

struct check_result {
	uint64_t errors, hints, packs_read, snapshots, trees, blobs;
	struct id *broken; /* packs; owned */
	size_t n_broken;
	bool suggest_repair_index, suggest_prune;
};
void check_result_release(struct check_result *r);

struct check_events {
	void (*error)(void *arg, const char *message);
	void (*hint)(void *arg, const char *message);
	void (*stage)(void *arg,
		const char *what); /* "load indexes", "check all packs", "check snapshots, trees and
				      blobs", "read all data" */
	void (*progress)(void *arg, uint64_t done, uint64_t total); /* of the stage */
	void *arg;
};

/*
 * check_run: the catalog is empty and filled here.  0 when it could run to its end (result->errors
 * says whether the repository is good); a damaged index file ends it early, since what it does not
 * tell would only look missing.  A pack that is wrong is read a second time: when it is right then,
 * that is an error all the same, but the pack is not `broken`; neither is one that the store did
 * not give.
 */
int check_run(struct repo *r, struct catalog *cat, const struct env *env,
	const struct check_options *opt, const struct check_events *ev, const volatile int *stop,
	struct check_result *result, struct err *err);

#endif
