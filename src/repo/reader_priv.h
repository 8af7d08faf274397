/* What the files of the reader share. */
#ifndef REPO_READER_PRIV_H
#define REPO_READER_PRIV_H
#include "base/stopped.h"
#include "repo/reader.h"
#include "repo/seek.h"
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
	/* What waits for a transfer, oldest first.  Who puts something there says how one of them
	 * is begun or dropped; false: there is none, or it must wait. */
	bool (*copies_next)(struct reader *rd);
	bool (*packs_next)(struct reader *rd);
	bool (*blobs_next)(struct reader *rd);
	struct reader_copy *copies, **copies_end;
	struct reader_pack *packs, **packs_end;
	struct reader_blobs *blobs, **blobs_end;
};

/* reader_room: one more transfer of n bytes may begin.  reader_hold: it does. */
bool reader_room(const struct reader *rd, size_t n);
void reader_hold(struct reader *rd, size_t n);

/* reader_pump: begins what can begin: after each change of what is queued, held or active. */
void reader_pump(struct reader *rd);

/*
 * reader_copies: every copy of w's blob, one after the other, each by a request of its own, until
 * one is right: then q->got is called for the n wants that are this blob, or with `why` if none is.
 * Then done(arg), on the loop; when it was stopped without got().  Loop thread.
 */
void reader_copies(struct reader_blobs *q, struct reader_want **w, size_t n, const struct err *why,
	void (*done)(void *arg), void *arg);

#endif
