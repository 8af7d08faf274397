/*
 * packer: collects sealed blobs into packs, data and tree blobs never in one (docs/format.md 4).
 *
 * Thread safe.  A worker knows a blob's sealed size once it is compressed; it reserves that room in
 * the open pack, seals straight into it and commits: no copy. The commit that completes a full pack
 * writes its header, names it and hands it to the uploader, on that worker's thread.
 */
#ifndef REPO_PACKER_H
#define REPO_PACKER_H
#include "repo/uploader.h"

struct packer;
/* packer_new: target: bytes of blobs after which a pack is closed. */
struct packer *packer_new(struct repo *r, struct uploader *u, size_t target);
void packer_free(struct packer *p); /* drops what was not flushed */

struct packer_room {
	uint8_t *p; /* write exactly the length reserved */
	struct pack *pack;
	size_t index;
};
/*
 * packer_reserve: room for b (id, type, length, plain set; offset is set here).  Blocks while too
 * many packs are in flight.  ERR_CANCELLED after packer_cancel.
 */
int packer_reserve(struct packer *p, struct blob *b, struct packer_room *room, struct err *err);
/* packer_commit: the room is written (or `ok` is false: the pack must never be uploaded; the run
 * has failed). */
void packer_commit(struct packer *p, struct packer_room *room, bool ok, struct repo_ctx *ctx);
/* packer_keep: b (its offset does not count) with its sealed bytes, as they are.  With repo->verify
 * they are opened where they lie now.  Blocks as packer_reserve does. */
int packer_keep(struct packer *p, const struct blob *b, const uint8_t *sealed, struct repo_ctx *ctx,
	struct err *err);
/*
 * The open pack's blobs may be moved to another packer, since sealed bytes do not depend on where
 * they lie; only while nothing is reserved but uncommitted.  A parcel is blobs of one type with
 * their sealed bytes, as a message.
 *
 * packer_tail: bytes of blobs in the open pack of type t.  packer_give: moves the last of them
 * behind out->len, at most `max` bytes in all but at least one blob, if there is one. packer_adopt:
 * packer_keep with all blobs of a parcel.  ERR_INVALID for a damaged parcel, ERR_CANCELLED.
 */
size_t packer_tail(struct packer *p, enum blob_type t);
void packer_give(struct packer *p, enum blob_type t, size_t max, struct buf *out);
int packer_adopt(struct packer *p, enum blob_type t, const void *parcel, size_t n,
	struct repo_ctx *ctx, struct err *err);
/* packer_flush: close all open packs; nothing may be reserved but uncommitted.  Any thread that may
 * block. */
void packer_flush(struct packer *p, struct repo_ctx *ctx);
void packer_cancel(struct packer *p); /* wakes blocked reservers */

#endif
