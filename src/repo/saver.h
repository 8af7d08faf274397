/*
 * saver: turns plaintext blobs into durable pack contents.
 *
 * saver_put asks the catalog; a blob that is ours is compressed, sealed, opened again and compared
 * (repo->verify), packed and uploaded, on env->cpu.  What a caller needs of a blob is its id, which
 * it has already, so there is no answer per blob: a failure fails the whole run through `failed`.
 * Loop thread only.  Knows neither files nor ranks.
 */
#ifndef REPO_SAVER_H
#define REPO_SAVER_H
#include "repo/catalog.h"
#include "repo/packer.h"

struct saver_stats { /* of blobs this rank stored */
	uint64_t data_blobs, tree_blobs;
	uint64_t data_added;        /* plaintext bytes */
	uint64_t data_added_packed; /* stored bytes with header entries and pack overhead */
	uint64_t packs;
};

struct saver_events {
	/* a pack is durable: record it in the index */
	void (*stored)(void *arg, const struct pack *p);
	/* the run cannot succeed any more; may come several times */
	void (*failed)(void *arg, const struct err *e);
	void (*drained)(void *arg); /* after saver_drain */
	void (*flushed)(void *arg); /* after saver_flush */
	void *arg;
};

struct saver;
/* saver_new: borrows catalog.  discard: --dry-run: everything but the upload. */
struct saver *saver_new(struct repo *r, struct catalog *catalog, size_t pack_size,
	unsigned packs_in_flight, bool discard, const struct saver_events *ev);
/*
 * saver_hold: from now on a pack that is stored keeps its place among packs_in_flight until
 * saver_release is called, once for each (uploader_hold). A dry run's packs do not.
 */
void saver_hold(struct saver *s);
void saver_release(struct saver *s);
/* saver_put: takes plain (contents moved out), whose SHA-256 is id; gives `charge` bytes back to
 * env->budget once the plaintext is gone. */
void saver_put(struct saver *s, enum blob_type t, const struct id *id, struct buf *plain,
	size_t charge);
/*
 * saver_keep: a blob that is stored already, in a pack that will go: once more, on a worker.  No
 * question is asked of the catalog: the caller keeps it once only.  sealed: its b->length bytes as
 * they are, which have been opened, and plain what they hold, with the right name; both borrowed.
 * They are stored as they are, or compressed and sealed anew where b is not compressed and should
 * be (compress: if it is data, too).  Blocks as packer_reserve does.  saver_kept: on the loop: what
 * `added` has become goes to the saver's stats.
 */
int saver_keep(struct saver *s, struct repo_ctx *ctx, const struct blob *b, const uint8_t *sealed,
	const struct buf *plain, bool compress, struct saver_stats *added, struct err *err);
void saver_kept(struct saver *s, const struct saver_stats *added);
/* saver_drain: ev.drained once all blobs put before lie in packs, full or still open; nothing may
 * be put any more. */
void saver_drain(struct saver *s);
/*
 * Once drained: what lies in open packs may move to another rank's saver, parcel by parcel
 * (packer.h).  saver_tail: its bytes. saver_adopt: takes the parcel's contents in on env->cpu; then
 * done() on the loop, whether it failed, which failed() has said, or not.
 */
size_t saver_tail(const struct saver *s, enum blob_type t);
void saver_give(struct saver *s, enum blob_type t, size_t max, struct buf *out);
struct saver_parcel {
	enum blob_type type;
	struct buf data;
	size_t offset; /* of the parcel in data */
	void (*done)(struct saver_parcel *p);
	void *arg;
	/* saver's */
	struct task task;
	struct saver *s;
	struct err err;
};
void saver_adopt(struct saver *s, struct saver_parcel *p);
/* saver_flush: close all packs; ev.flushed once everything put before is durable or failed and all
 * stored() calls are made. */
void saver_flush(struct saver *s);
void saver_cancel(struct saver *s); /* what is not yet sealed, and packs that are not on their way,
				       are dropped; flush still completes */
void saver_stats(const struct saver *s, struct saver_stats *out);
size_t saver_pending(const struct saver *s); /* blobs between put and packed */
void saver_free(struct saver *s);            /* after flushed only */

#endif
