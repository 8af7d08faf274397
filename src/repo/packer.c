#include "repo/packer.h"
#include "base/le.h"
#include "base/mem.h"
#include "base/wire.h"
#include "format/pack.h"
#include <assert.h>
#include <pthread.h>
#include <string.h>

/*
 * Why this cannot stop for ever.  A worker holds at most one room and commits it without waiting
 * for anything; the last commit of a closed pack finishes it, and its PUT goes on without any
 * worker.  So a pack is at rest only while it is open, and at most two are open: one for data, one
 * for trees.  Out of UPLOADER_MIN = 3 packs at least one is on its way to the pool when
 * uploader_take has to wait.  Of several workers that find no open pack one takes; the others wait
 * for that pack, not for packs of their own.
 *
 * A pack is closed at the reservation that fills it; so an open one always has room for a blob of
 * ordinary size, and what does not fit gets a pack of its own.
 */
#define ENTRY_MAX 41

/* A parcel: for each blob its id, u32 length of its plaintext if it is compressed, else 0, u32
 * length and the sealed bytes. */
#define PARCEL_ENTRY (ID_SIZE + 8)

struct packer {
	struct repo *r;
	struct uploader *u;
	size_t target, blobs_max, room; /* of an ordinary pack: bytes of blobs, of everything */
	pthread_mutex_t lock;
	pthread_cond_t opened;
	struct pack *open[2];
	bool taking[2];
	bool cancelled;
};

struct packer *packer_new(struct repo *r, struct uploader *u, size_t target)
{
	struct packer *p = mem_zalloc(sizeof(*p));

	p->r = r;
	p->u = u;
	p->target = target;
	p->blobs_max = target + CHUNKER_MAX + SEAL_OVERHEAD;
	/* Most of what the header could need is never touched, so it is address space only. */
	p->room = p->blobs_max + PACK_HEADER_MAX;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->opened, NULL);
	return p;
}

void packer_free(struct packer *p)
{
	if (!p)
		return;
	uploader_drop(p->u, p->open[0]);
	uploader_drop(p->u, p->open[1]);
	pthread_cond_destroy(&p->opened);
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}

/* Under the lock, or nobody else knows the pack. */
static void pack_add(struct packer *p, struct pack *pk, struct blob *b, struct packer_room *room)
{
	if (pk->n == pk->cap) {
		pk->cap = pk->cap ? 2 * pk->cap : 64;
		pk->blob = mem_regrow(pk->blob, pk->cap, sizeof(*pk->blob));
	}
	b->offset = (uint32_t)pk->data.len;
	*room = (struct packer_room){.p = pk->data.p + pk->data.len, .pack = pk, .index = pk->n};
	pk->blob[pk->n++] = *b;
	pk->data.len += b->length;
	pk->pending++;
	if (pk->data.len >= p->target || pk->n == PACK_ENTRIES_MAX)
		pk->closed = true;
}

static int own_pack(struct packer *p, struct blob *b, struct packer_room *room, struct err *err)
{
	struct pack *pk = uploader_take(p->u, (size_t)b->length + PACK_OVERHEAD + ENTRY_MAX);

	if (!pk)
		return err_set(err, ERR_CANCELLED, "cancelled");
	pk->type = b->type;
	pack_add(p, pk, b, room);
	pk->closed = true;
	return 0;
}

/* Under the lock, which is let go while waiting.  NULL: cancelled. */
static struct pack *open_pack(struct packer *p, enum blob_type t)
{
	struct pack *pk;

	while (!p->cancelled && !p->open[t]) {
		if (p->taking[t]) {
			pthread_cond_wait(&p->opened, &p->lock);
			continue;
		}
		p->taking[t] = true;
		pthread_mutex_unlock(&p->lock);
		pk = uploader_take(p->u, p->room);
		pthread_mutex_lock(&p->lock);
		p->taking[t] = false;
		pthread_cond_broadcast(&p->opened);
		if (!pk)
			return NULL;
		pk->type = t;
		p->open[t] = pk;
	}
	return p->cancelled ? NULL : p->open[t];
}

int packer_reserve(struct packer *p, struct blob *b, struct packer_room *room, struct err *err)
{
	struct pack *pk;
	int rc = 0;

	if (b->length <= SEAL_OVERHEAD || (unsigned)b->type > BLOB_TREE)
		return err_set(err, ERR_INVALID, "a blob of %u stored bytes cannot be", b->length);
	if (b->length > UINT32_MAX - PACK_OVERHEAD - ENTRY_MAX)
		return err_set(err, ERR_INVALID,
			"a blob of %u stored bytes does not fit into a pack", b->length);
	if (b->length >= p->target)
		return own_pack(p, b, room, err);
	pthread_mutex_lock(&p->lock);
	pk = open_pack(p, b->type);
	if (!pk) {
		rc = err_set(err, ERR_CANCELLED, "cancelled");
	} else if (pk->data.len + b->length > p->blobs_max) {
		pthread_mutex_unlock(&p->lock);
		return own_pack(p, b, room, err);
	} else {
		pack_add(p, pk, b, room);
		if (pk->closed)
			p->open[b->type] = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* What a reader will find in the pack, compared with what was meant. */
static int pack_check(const struct pack *pk, struct repo_ctx *ctx, struct err *err)
{
	const uint8_t *end = pk->data.p + pk->data.len;
	struct blob *b = NULL;
	uint8_t *plain;
	uint64_t offset;
	uint32_t length;
	size_t n = 0;
	int rc;

	rc = pack_header_span(end - 4, pk->data.len, &offset, &length, err);
	if (rc)
		return rc;
	plain = mem_alloc(length);
	rc = seal_open(ctx->seal, pk->data.p + offset, length, plain);
	if (rc)
		err_set(err, rc, "its header cannot be opened again");
	else
		rc = pack_header_parse(plain, length - SEAL_OVERHEAD, offset, &b, &n, err);
	mem_free(plain);
	if (rc)
		return rc;
	if (n != pk->n)
		rc = err_set(err, ERR_INVALID, "its header names %zu blobs instead of %zu", n,
			pk->n);
	for (size_t i = 0; i < n && !rc; i++) {
		const struct blob *x = &b[i], *y = &pk->blob[i];

		if (!id_equal(&x->id, &y->id) || x->type != y->type || x->offset != y->offset ||
			x->length != y->length || x->plain != y->plain)
			rc = err_set(err, ERR_INVALID,
				"its header has another blob %zu than was meant", i);
	}
	mem_free(b);
	return rc;
}

/*
 * Nobody else knows the pack any more.  The header of a pack of tiny blobs has megabytes: it is not
 * made in the scratch of the context, where every worker's would stay.
 */
static void pack_finish(struct packer *p, struct pack *pk, struct repo_ctx *ctx)
{
	struct err err = {0};
	struct buf header;
	size_t sealed;

	if (pk->broken || !pk->n) {
		uploader_drop(p->u, pk);
		return;
	}
	buf_init(&header, PACK_HEADER_MAX);
	buf_reserve(&header, pk->n * ENTRY_MAX);
	pack_header_write(pk->blob, pk->n, &header);
	sealed = header.len + SEAL_OVERHEAD;
	seal_put(ctx->seal, repo_ctx_iv(ctx), header.p, header.len, pk->data.p + pk->data.len);
	buf_release(&header);
	pk->data.len += sealed;
	le32_put(pk->data.p + pk->data.len, (uint32_t)sealed);
	pk->data.len += 4;
	hash_once(ctx->hash, pk->data.p, pk->data.len, &pk->id);
	if (pack_check(pk, ctx, &err))
		uploader_fail(p->u, pk, &err);
	else
		uploader_put(p->u, pk);
}

void packer_commit(struct packer *p, struct packer_room *room, bool ok, struct repo_ctx *ctx)
{
	struct pack *pk = room->pack;
	bool last;

	pthread_mutex_lock(&p->lock);
	pk->broken |= !ok || p->cancelled;
	last = --pk->pending == 0 && pk->closed;
	pthread_mutex_unlock(&p->lock);
	if (last)
		pack_finish(p, pk, ctx);
}

size_t packer_tail(struct packer *p, enum blob_type t)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = p->open[t] && !p->open[t]->broken ? p->open[t]->data.len : 0;
	pthread_mutex_unlock(&p->lock);
	return n;
}

void packer_give(struct packer *p, enum blob_type t, size_t max, struct buf *out)
{
	size_t n = 0;
	struct pack *pk;

	pthread_mutex_lock(&p->lock);
	pk = p->open[t];
	if (pk && !pk->broken) {
		size_t most = pk->data.len + pk->n * PARCEL_ENTRY;

		assert(!pk->pending);
		buf_reserve(out, most < max ? most : max);
		for (; pk->n; n++) {
			const struct blob *b = &pk->blob[pk->n - 1];

			if (n && out->len + PARCEL_ENTRY + b->length > max)
				break;
			wire_put_id(out, &b->id);
			wire_put_u32(out, b->plain);
			wire_put_bytes(out, pk->data.p + b->offset, b->length);
			pk->data.len = b->offset;
			pk->n--;
		}
	}
	if (pk && !pk->n)
		p->open[t] = NULL;
	else
		pk = NULL;
	pthread_mutex_unlock(&p->lock);
	uploader_drop(p->u, pk);
}

int packer_keep(struct packer *p, const struct blob *blob, const uint8_t *sealed,
	struct repo_ctx *ctx, struct err *err)
{
	struct packer_room room;
	struct blob b = *blob;
	int rc = packer_reserve(p, &b, &room, err);

	if (rc)
		return rc;
	memcpy(room.p, sealed, b.length);
	/* Nothing else will look at it before it is uploaded. */
	if (p->r->verify) {
		buf_reset(&ctx->tmp2);
		buf_reserve(&ctx->tmp2, b.length);
		if (seal_open(ctx->seal, room.p, b.length, ctx->tmp2.p))
			rc = err_set(err, ERR_INVALID,
				"a blob changed on its way from pack to pack: memory or network at "
				"fault?");
	}
	packer_commit(p, &room, rc == 0, ctx);
	return rc;
}

int packer_adopt(struct packer *p, enum blob_type t, const void *parcel, size_t n,
	struct repo_ctx *ctx, struct err *err)
{
	struct wire_in w;
	int rc = 0;

	wire_in_init(&w, parcel, n);
	while (!rc && !wire_done(&w)) {
		struct blob b = {.type = t};
		const uint8_t *sealed;
		size_t length;

		wire_id(&w, &b.id);
		b.plain = wire_u32(&w);
		sealed = wire_bytes(&w, &length);
		b.length = (uint32_t)length;
		rc = w.bad ? err_set(err, ERR_INVALID, "a damaged parcel of blobs")
			   : packer_keep(p, &b, sealed, ctx, err);
	}
	return rc;
}

void packer_flush(struct packer *p, struct repo_ctx *ctx)
{
	for (int t = 0; t < 2; t++) {
		struct pack *pk;
		bool finish;

		pthread_mutex_lock(&p->lock);
		pk = p->open[t];
		p->open[t] = NULL;
		if (pk)
			pk->closed = true;
		finish = pk && !pk->pending;
		if (finish && p->cancelled)
			pk->broken = true;
		pthread_mutex_unlock(&p->lock);
		if (finish)
			pack_finish(p, pk, ctx);
	}
}

void packer_cancel(struct packer *p)
{
	pthread_mutex_lock(&p->lock);
	p->cancelled = true;
	pthread_cond_broadcast(&p->opened);
	pthread_mutex_unlock(&p->lock);
	uploader_cancel(p->u);
}
