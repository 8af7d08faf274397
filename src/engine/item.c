#include "engine/item.h"
#include "base/mem.h"

#define ITEM_FILES_MAX (1u << 20) /* per item, against a damaged message */

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
	mem_free(it->by);
	mem_free(it);
}

struct item_file *item_add_file(struct item *it, const char *name, const char *as, uint32_t child)
{
	if ((it->n & (it->n + 1)) == 0) /* 0, 1, 3, 7, …: room for as many again */
		it->file = mem_regrow(it->file, it->n * 2 + 1, sizeof(*it->file));
	it->file[it->n] = (struct item_file){.name = mem_strdup(name),
		.as = as ? mem_strdup(as) : NULL,
		.child = child};
	return &it->file[it->n++];
}

static void put_str(struct buf *b, const char *s)
{
	wire_put_bytes(b, s ? s : "", s ? strlen(s) : 0);
}

void item_pack(const struct item *it, struct buf *out)
{
	wire_put_u8(out, (uint8_t)it->kind);
	dirref_put(out, &it->up);
	put_str(out, it->path);
	wire_put_u8(out, (uint8_t)(it->apart | it->doubt << 1));
	put_str(out, it->by);
	if (it->by)
		sight_put(out, &it->other);
	if (it->kind == ITEM_DIR) {
		put_str(out, it->name);
		wire_put_u8(out, (uint8_t)(it->meta_same | it->named << 1));
		parents_put(out, &it->parents);
		wire_put_u64(out, it->device);
		wire_put_u32(out, it->depth);
		sight_put(out, &it->seen);
		return;
	}
	wire_put_u8(out, it->follow);
	wire_put_u32(out, (uint32_t)it->n);
	for (size_t i = 0; i < it->n; i++) {
		put_str(out, it->file[i].name);
		put_str(out, it->file[i].as);
		wire_put_u32(out, it->file[i].child);
		wire_put_u8(out, (uint8_t)(it->file[i].had | it->file[i].named << 1 |
					   it->file[i].again << 2 | it->file[i].meta_same << 3));
		if (it->file[i].again)
			wire_put_id(out, &it->file[i].content);
		sight_put(out, &it->file[i].seen);
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
		char *name = wire_text(in), *as = wire_text(in);
		uint32_t child = wire_u32(in);
		uint8_t flags = wire_u8(in);
		struct item_file *f = item_add_file(it, name, *as ? as : NULL, child);

		f->had = flags & 1;
		f->named = flags >> 1 & 1;
		f->again = flags >> 2 & 1;
		f->meta_same = flags >> 3 & 1;
		if (f->again)
			wire_id(in, &f->content);
		sight_get(in, &f->seen);
		mem_free(name);
		mem_free(as);
	}
}

struct item *item_unpack(struct wire_in *in)
{
	enum item_kind kind = wire_u8(in) == ITEM_DIR ? ITEM_DIR : ITEM_FILES;
	struct dirref up;
	struct item *it;
	uint8_t above;
	char *path;

	dirref_get(in, &up);
	path = wire_text(in);
	it = item_new(kind, &up, path);
	mem_free(path);
	above = wire_u8(in);
	it->apart = above & 1;
	it->doubt = above >> 1 & 1;
	it->by = wire_text(in);
	if (*it->by) {
		sight_get(in, &it->other);
	} else {
		mem_free(it->by);
		it->by = NULL;
	}
	if (kind == ITEM_DIR) {
		uint8_t flags;

		it->name = wire_text(in);
		flags = wire_u8(in);
		it->meta_same = flags & 1;
		it->named = flags >> 1 & 1;
		parents_get(in, &it->parents);
		it->device = wire_u64(in);
		it->depth = wire_u32(in);
		sight_get(in, &it->seen);
	} else {
		unpack_files(in, it);
	}
	if (in->bad) {
		item_free(it);
		return NULL;
	}
	return it;
}
