#include "format/index.h"
#include "base/mem.h"
#include "format/fields.h"
#include "format/pack.h"

#define PUT(b, text) buf_add(b, text, sizeof(text) - 1)

void index_begin(struct index_out *x, struct buf *out)
{
	*x = (struct index_out){.out = out};
	PUT(out, "{\"packs\":[");
}

static void put_blob(struct buf *out, const struct blob *b)
{
	PUT(out, "{\"id\":");
	fields_put_id(out, &b->id);
	if (b->type == BLOB_TREE)
		PUT(out, ",\"type\":\"tree\",\"offset\":");
	else
		PUT(out, ",\"type\":\"data\",\"offset\":");
	buf_addu(out, b->offset);
	PUT(out, ",\"length\":");
	buf_addu(out, b->length);
	if (b->plain) {
		PUT(out, ",\"uncompressed_length\":");
		buf_addu(out, b->plain);
	}
	PUT(out, "}");
}

void index_pack(struct index_out *x, const struct id *pack, const struct blob *b, size_t n)
{
	struct buf *out = x->out;

	if (x->packs++)
		PUT(out, ",");
	PUT(out, "{\"id\":");
	fields_put_id(out, pack);
	PUT(out, ",\"blobs\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			PUT(out, ",");
		put_blob(out, &b[i]);
		if (x->drain && out->len >= INDEX_DRAIN)
			x->drain(x->arg, out);
	}
	PUT(out, "]}");
}

void index_end(struct index_out *x)
{
	PUT(x->out, "]}\n");
}

struct reading {
	index_fn *fn;
	void *arg;
	unsigned version;
	bool has_packs;
	int stopped; /* what fn returned */

	/* The pack at hand. */
	struct id pack;
	bool has_pack;
	struct blob *b;
	size_t n, cap;
	uint64_t bytes;
	unsigned seen; /* members of the blob at hand */
};

enum { SEEN_ID = 1, SEEN_TYPE = 2, SEEN_OFFSET = 4, SEEN_LENGTH = 8, SEEN_ALL = 15 };

static int read_type(struct json_in *j, enum blob_type *t)
{
	int rc = json_string(j, "type");

	if (rc < 0)
		return rc;
	if (FIELD(j, "data"))
		*t = BLOB_DATA;
	else if (FIELD(j, "tree"))
		*t = BLOB_TREE;
	else
		return json_bad(j, "a blob has an unknown type");
	return 1;
}

static int blob_member(void *arg, struct json_in *j)
{
	struct reading *r = arg;
	struct blob *b = &r->b[r->n];

	if (FIELD(j, "id")) {
		r->seen |= SEEN_ID;
		return field_id(j, &b->id, "the id of a blob");
	}
	if (FIELD(j, "type")) {
		r->seen |= SEEN_TYPE;
		return read_type(j, &b->type);
	}
	if (FIELD(j, "offset")) {
		r->seen |= SEEN_OFFSET;
		return field_u32(j, &b->offset, "offset");
	}
	if (FIELD(j, "length")) {
		r->seen |= SEEN_LENGTH;
		return field_u32(j, &b->length, "length");
	}
	if (FIELD(j, "uncompressed_length"))
		return field_u32(j, &b->plain, "uncompressed_length");
	return 0;
}

static int read_blob(struct reading *r, struct json_in *j)
{
	struct blob *b;

	if (r->n == PACK_ENTRIES_MAX)
		return json_bad(j, "a pack has more than %u blobs", PACK_ENTRIES_MAX);
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->b = mem_regrow(r->b, r->cap, sizeof(*r->b));
	}
	b = &r->b[r->n];
	memset(b, 0, sizeof(*b));
	r->seen = 0;
	if (fields_rest(j, blob_member, r) < 0)
		return ERR_INVALID;
	if (r->seen != SEEN_ALL)
		return json_bad(j, "a blob without id, type, offset or length");
	/* 32 bytes are the seal's.  A sum below 4 GiB is what makes 32-bit offsets enough, here and
	 * in a pack header. */
	if (b->length < 32 || b->length > UINT32_MAX - b->offset)
		return json_bad(j, "a blob cannot have offset %u and length %u", b->offset,
			b->length);
	r->bytes += b->length;
	if (r->bytes > UINT32_MAX)
		return json_bad(j, "a pack of 4 GiB or more");
	if (b->plain && r->version < 2)
		return json_bad(j,
			"a compressed blob, which a repository of version 1 cannot have");
	r->n++;
	return 0;
}

static int read_blobs(struct reading *r, struct json_in *j)
{
	enum json_token token = json_next(j);

	r->n = 0;
	r->bytes = 0;
	if (token == JSON_NULL)
		return 1;
	if (token != JSON_ARRAY)
		return json_bad(j, "blobs is not an array");
	while ((token = json_next(j)) == JSON_OBJECT)
		if (read_blob(r, j) < 0)
			return ERR_INVALID;
	return token == JSON_ARRAY_END ? 1 : json_bad(j, "a blob is not an object");
}

static int pack_member(void *arg, struct json_in *j)
{
	struct reading *r = arg;

	if (FIELD(j, "id")) {
		r->has_pack = true;
		return field_id(j, &r->pack, "the id of a pack");
	}
	if (FIELD(j, "blobs"))
		return read_blobs(r, j);
	return 0;
}

static int read_packs(struct reading *r, struct json_in *j)
{
	enum json_token token = json_next(j);

	/* Twice would be taken for a sum here and for the last by restic. */
	if (r->has_packs)
		return json_bad(j, "there are two \"packs\"");
	r->has_packs = true;
	if (token == JSON_NULL)
		return 1;
	if (token != JSON_ARRAY)
		return json_bad(j, "packs is not an array");
	while ((token = json_next(j)) == JSON_OBJECT) {
		r->has_pack = false;
		r->n = 0;
		r->bytes = 0;
		if (fields_rest(j, pack_member, r) < 0)
			return ERR_INVALID;
		if (!r->has_pack)
			return json_bad(j, "a pack without id");
		/* A pack without blobs says nothing. */
		if (r->n)
			r->stopped = r->fn(r->arg, &r->pack, r->b, r->n);
		if (r->stopped)
			return ERR_CANCELLED;
	}
	return token == JSON_ARRAY_END ? 1 : json_bad(j, "a pack is not an object");
}

static int index_member(void *arg, struct json_in *j)
{
	return FIELD(j, "packs") ? read_packs(arg, j) : 0;
}

/* null is to Go, and so to restic, an index without packs, and so is an object that does not speak
 * of them. */
static int read_document(struct reading *r, struct json_in *j)
{
	enum json_token token = json_next(j);
	int rc = 0;

	if (token == JSON_BAD)
		return j->err.code;
	if (token != JSON_OBJECT && token != JSON_NULL)
		return json_bad(j, "an index is not an object");
	if (token == JSON_OBJECT)
		rc = fields_rest(j, index_member, r);
	return rc < 0 ? rc : json_expect(j, JSON_END, "an index");
}

int index_read(struct json_in *j, unsigned version, index_fn *fn, void *arg, struct err *err)
{
	struct reading r = {.fn = fn, .arg = arg, .version = version};
	int rc = read_document(&r, j);

	mem_free(r.b);
	if (r.stopped)
		return r.stopped;
	if (rc < 0) {
		/* The code is the reader's own: a piece may have failed to come. */
		rc = err_copy(err, &j->err);
		if (err)
			err_prefix(err, "index");
		return rc;
	}
	return 0;
}
