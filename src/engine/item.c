#include "engine/item.h"
#include "base/mem.h"

#define ITEM_FILES_MAX (1u << 20) /* per item, against a damaged message */

void dirref_put(struct buf *b, const struct dirref *d)
{
	wire_put_u32(b, d->rank);
	wire_put_u32(b, d->slot);
	wire_put_u32(b, d->child);
}

void dirref_get(struct wire_in *w, struct dirref *d)
{
	d->rank = wire_u32(w);
	d->slot = wire_u32(w);
	d->child = wire_u32(w);
}

struct item *item_new(enum item_kind kind, const struct dirref *up, const char *path)
{
	struct item *it = mem_zalloc(sizeof(*it));

	it->kind = kind;
	it->up = *up;
	it->path = mem_strdup(path);
	return it;
}

void item_free(struct item *it)
{
	if (!it)
		return;
	for (size_t i = 0; i < it->n; i++) {
		mem_free(it->file[i].name);
		mem_free(it->file[i].as);
	}
	mem_free(it->file);
	mem_free(it->path);
	mem_free(it->name);
	mem_free(it);
}

void item_add_file(struct item *it, const char *name, const char *as, uint32_t child, bool had, uint64_t size)
{
	if ((it->n & (it->n + 1)) == 0) /* 0, 1, 3, 7, …: room for as many again */
		it->file = mem_regrow(it->file, it->n * 2 + 1, sizeof(*it->file));
	it->file[it->n++] = (struct item_file){mem_strdup(name), as ? mem_strdup(as) : NULL, child, had, size};
}

static void put_str(struct buf *b, const char *s)
{
	wire_put_bytes(b, s ? s : "", s ? strlen(s) : 0);
}

static char *get_str(struct wire_in *in)
{
	size_t n;
	const uint8_t *p = wire_bytes(in, &n);

	return mem_strndup((const char *)p, n);
}

void item_pack(const struct item *it, struct buf *out)
{
	wire_put_u8(out, (uint8_t)it->kind);
	dirref_put(out, &it->up);
	put_str(out, it->path);
	if (it->kind == ITEM_DIR) {
		put_str(out, it->name);
		wire_put_u8(out, (uint8_t)(it->has_parent | it->meta_same << 1));
		wire_put_id(out, &it->parent);
		wire_put_u64(out, it->device);
		return;
	}
	wire_put_u8(out, it->follow);
	wire_put_u32(out, (uint32_t)it->n);
	for (size_t i = 0; i < it->n; i++) {
		put_str(out, it->file[i].name);
		put_str(out, it->file[i].as);
		wire_put_u32(out, it->file[i].child);
		wire_put_u8(out, it->file[i].had);
		wire_put_u64(out, it->file[i].size);
	}
}

static void unpack_files(struct wire_in *in, struct item *it)
{
	uint32_t n;

	it->follow = wire_u8(in);
	n = wire_u32(in);
	if (n > ITEM_FILES_MAX)
		in->bad = true;
	for (uint32_t i = 0; i < n && !in->bad; i++) {
		char *name = get_str(in), *as = get_str(in);
		uint32_t child = wire_u32(in);
		bool had = wire_u8(in);

		item_add_file(it, name, *as ? as : NULL, child, had, wire_u64(in));
		mem_free(name);
		mem_free(as);
	}
}

struct item *item_unpack(struct wire_in *in)
{
	enum item_kind kind = wire_u8(in) == ITEM_DIR ? ITEM_DIR : ITEM_FILES;
	struct dirref up;
	struct item *it;
	char *path;

	dirref_get(in, &up);
	path = get_str(in);
	it = item_new(kind, &up, path);
	mem_free(path);
	if (kind == ITEM_DIR) {
		uint8_t flags;

		it->name = get_str(in);
		flags = wire_u8(in);
		it->has_parent = flags & 1;
		it->meta_same = flags >> 1 & 1;
		wire_id(in, &it->parent);
		it->device = wire_u64(in);
	} else {
		unpack_files(in, it);
	}
	if (in->bad) {
		item_free(it);
		return NULL;
	}
	return it;
}
