/* What the files of the reader share. */
#ifndef REPO_READER_PRIV_H
#define REPO_READER_PRIV_H
#include "base/stopped.h"
#include "repo/reader.h"
#include <pthread.h>

#define READER_SPAN ((size_t)16 << 20) /* bytes of one request */

struct reader_copy;

struct reader {
	struct repo *repo;
	struct catalog *catalog;
	pthread_t loop; /* the thread */
	size_t bound, held;
	unsigned limit, active; /* transfers */
	size_t requests;
	bool alone; /* a copy is under way for which there was no room */
	/* what waits for a transfer, oldest first */
	struct reader_copy *copies, **copies_end;
	struct reader_pack *packs, **packs_end;
	struct reader_blobs *blobs, **blobs_end;
};

/* reader_room: one more transfer of n bytes may begin.  reader_hold: it does. */
bool reader_room(const struct reader *rd, size_t n);
void reader_hold(struct reader *rd, size_t n);

/* reader_pump: begins what can begin: after each change of what is queued, held or active. */
void reader_pump(struct reader *rd);
/* Each begins or drops one thing of its queue; false: there is none, or it must wait. */
bool reader_copy_next(struct reader *rd);
bool reader_blobs_next(struct reader *rd);

/*
 * reader_place: looks for a place of a blob from the nth on that can hold it.  type, id and nth in
 * find, and the rest, are set by the caller; done() is called once, maybe at once.
 */
struct reader_place {
	struct catalog_find find;
	bool exact; /* the plaintext must be of this length: */
	uint32_t plain;
	void (*done)(struct reader_place *p);
	struct reader *reader;
	void *arg;                /* the caller's */
	struct catalog_place odd; /* one that was passed over; zero: none */
	bool inside, came;
};
void reader_place_find(struct reader *rd, struct reader_place *p);

/*
 * reader_copies: every copy of w's blob, one after the other, each by a request of its own, until
 * one is right: then q->got is called for the n wants that are this blob, or with `why` if none is.
 * Then done(arg), on the loop; when it was stopped without got().  Loop thread.
 */
void reader_copies(struct reader_blobs *q, struct reader_want **w, size_t n, const struct err *why,
	void (*done)(void *arg), void *arg);

#endif
