/*
 * reader: what lies in packs: blobs, or whole packs; several requests at once, decoded by workers,
 * under one bound of memory for all of its clients.  One for each repository; none knows of others.
 *
 * Blobs: sorted by pack, those that lie close together fetched at once, opened and named in groups;
 * a blob that is wanted several times in a request is fetched once.  What comes is not believed:
 * where it is wrong, or nothing came, each copy of the blob is tried by a request of its own, this
 * one first, for the fault may lie on the way or in another part of the range asked for.
 * Packs: every byte, and never another copy; where the bound leaves connections without work, in
 * pieces, by several at once.
 *
 * bound: bytes, of what is asked for or has come and is not yet handed over, as stored.  What is
 * larger passes alone; and of copies that are tried by themselves one at a time is not kept
 * waiting, because those who hold the rest wait for it.  Plaintext is beside it: for each worker
 * one group of blobs, TASK_BYTES in reader_blobs.c.
 *
 * Loop thread only, but for reader_read and where a callback says so.
 */
#ifndef REPO_READER_H
#define REPO_READER_H
#include "repo/catalog.h"
#include "repo/repo.h"

struct reader;
/* reader_new: borrows both; on the loop thread.  bound 0: so much that all connections of the store
 * are busy while workers decode; with more, what is to be decoded has left the processor's cache.
 */
struct reader *reader_new(struct repo *r, struct catalog *catalog, size_t bound);
void reader_free(struct reader *rd); /* no request may be under way.  NULL is fine */

/* ---- blobs ---- */

/* A blob that is wanted; embedded in what the client knows of it. */
struct reader_want {
	struct catalog_place at;
};
/* reader_want_of(w, type, member): the struct that embeds it. */
#define reader_want_of(w, type, member) task_of(w, type, member)

/* What came of it. */
struct reader_got {
	struct buf *plain;              /* NULL: it cannot be had */
	const uint8_t *sealed;          /* at->blob.length bytes as they are stored */
	const struct catalog_place *at; /* this copy's place; else the first one's */
	const struct err *err;          /* why the first copy cannot be had; else NULL */
};

struct reader_blobs {
	/* Set by the client.  want: n of them, which it lends, with the array, until the end; the
	 * reader puts them into another order. */
	struct reader_want **want;
	size_t n;
	/* `at` of each says where it lies, as a catalog did; copies of another length are of no
	 * use.  Else only its blob.type and blob.id are set, and the reader sets the rest (pack
	 * zero: it is in no index). */
	bool placed;
	bool takes;               /* got() may take the plaintext (buf_move) */
	const volatile int *stop; /* not 0: drop it.  May be NULL */
	/* got: once for each want, in any order, unless it is dropped; on a worker, on several at
	 * once.  All of *g is borrowed for the call. */
	void (*got)(struct reader_blobs *q, struct reader_want *w, const struct reader_got *g);
	/* progress: on the loop, now and then, when more was handed over; may be NULL.  ended: on
	 * the loop, exactly once, the last of all calls; maybe before reader_blobs_start returns;
	 * may free it, and start others, but not end the reader. */
	void (*progress)(struct reader_blobs *q);
	void (*ended)(struct reader_blobs *q);
	void *arg;
	/* the reader's own */
	struct reader *reader;
	size_t next, under_way; /* the first want not asked for; fetches */
	bool queued;
	struct seek *places; /* being looked for */
	struct reader_blobs *later;
};
void reader_blobs_start(struct reader *rd, struct reader_blobs *q);

/* reader_explain(w, e): makes e, which came with w, a sentence by itself: "load data 12345678: pack
 * ab12cd34: …"; returns its code. */
int reader_explain(const struct reader_want *w, struct err *e);

/*
 * One blob, waited for.  plain: set up by this call, owned by the caller.
 *
 * reader_read: for a thread that may wait, such as a file system's: any but the loop's (an
 * assertion) and env->cpu's workers, and several at once.  The loop must be turned until it
 * returns. ERR_CANCELLED: *stop (may be NULL).  reader_read_here: for the loop's thread
 * (loop_until).
 */
int reader_read_here(struct reader *rd, enum blob_type t, const struct id *id, struct buf *plain,
	struct err *err);
int reader_read(struct reader *rd, enum blob_type t, const struct id *id, const volatile int *stop,
	struct buf *plain, struct err *err);

/* ---- whole packs ---- */

struct reader_pack {
	/* set by the client */
	struct id id;
	uint64_t size; /* that its file should have, for the bound; 0: not known */
	const volatile int *stop;
	/*
	 * got: on a worker.  The n bytes at p, borrowed; or why there are none.  False: they are
	 * not what they should be; then the pack is read once more, and `again` is set.
	 */
	bool (*got)(struct reader_pack *k, const uint8_t *p, size_t n, const struct err *err);
	void (*ended)(struct reader_pack *k); /* on the loop, exactly once; as above */
	void *arg;
	bool again; /* it was read a second time */
	/* the reader's own */
	struct reader *reader;
	struct backend_op
		op; /* its buffer stays, for the next pack: the pages need not be had anew */
	struct task task;
	size_t held;
	bool right;
	bool cut, whole, bad; /* comes in pieces; may not any more; one of them is not right */
	size_t asked, pieces; /* bytes asked for in pieces; of those, under way */
	struct reader_pack *later;
};
/* reader_pack_start: k is zeroed before its first use, and may be used again when it has ended.
 * reader_pack_release: lets its buffer go. */
void reader_pack_start(struct reader *rd, struct reader_pack *k);
void reader_pack_release(struct reader_pack *k);

#endif
