/*
 * objects: how many objects the place holds that the repository lies in, as rank 0 keeps count of
 * them for all ranks: it asks the store, hears of every pack, and ends the run before there are
 * more than are allowed.  The arithmetic and the sentences are engine/guard.h.
 *
 * A rank may have only so many packs open, on their way, or stored but not counted
 * (objects_packs_at_once), and each that is stored keeps its place until allow() says that it is
 * counted: so the limit is kept however late messages are.  While the store is asked again none is
 * allowed.  Loop thread only, on rank 0.
 */
#ifndef ENGINE_OBJECTS_H
#define ENGINE_OBJECTS_H
#include "repo/repo.h"

struct objects_options {
	int ranks;
	unsigned packs_at_once; /* of each rank */
	size_t pack_size;
	uint64_t max;   /* in the place of the repository; 0: any number */
	bool max_given; /* else what is usual for the store */
};

struct objects_events {
	void (*allow)(void *arg, int rank);           /* one more pack, once for each */
	void (*full)(void *arg, const struct err *e); /* the run has to end; once */
	uint64_t (*indexes)(void *arg);               /* index files saved by now */
	void *arg;
};

struct objects;
struct objects *objects_new(struct repo *repo, const struct objects_options *o,
	const struct objects_events *ev);
/*
 * objects_begin: blocking: before anything is stored: is there room?  packs: as many as the index
 * names; bytes: likely to come, 0: nobody knows.  Warns where it is scarce.  ERR_NOSPACE.
 */
int objects_begin(struct objects *o, uint64_t packs, uint64_t bytes, struct err *err);
void objects_pack(struct objects *o, int rank); /* rank has stored one more pack */
/* objects_close: loop_until the store has answered; full() is not called any more. */
void objects_close(struct objects *o);
/* objects_there, objects_max: in the place now, about, and allowed there; 0: not watched. */
uint64_t objects_there(const struct objects *o);
uint64_t objects_max(const struct objects *o);
bool objects_full(const struct objects *o); /* full() was called */
void objects_free(struct objects *o);       /* after objects_close; NULL is fine */

/* objects_packs_at_once: for `on_the_way` packs at a time; 0: by the backend's connections. */
unsigned objects_packs_at_once(const struct repo *repo, unsigned on_the_way);

#endif
