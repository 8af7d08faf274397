#include "cmd/find_ids.h"
#include "base/buf.h"
#include "base/hashtab.h"
#include "base/mem.h"

/* Both sets are asked with a whole ID: the key of the second is its beginning. */
#define BRIEF (ID_SHORT_HEX / 2)

struct wanted { /* an entry; of those in `brief` the rest of the ID is zero */
	struct id id;
	bool seen; /* a pack: the index has it */
};

struct find_ids {
	struct hashtab *whole[FIND_KINDS], *brief[FIND_KINDS];
};

struct find_ids *find_ids_new(void)
{
	struct find_ids *f = mem_zalloc(sizeof(*f));

	for (int k = 0; k < FIND_KINDS; k++) {
		f->whole[k] = hashtab_new(sizeof(struct wanted), ID_SIZE, 0);
		f->brief[k] = hashtab_new(sizeof(struct wanted), BRIEF, 0);
	}
	return f;
}

void find_ids_free(struct find_ids *f)
{
	for (int k = 0; f && k < FIND_KINDS; k++) {
		hashtab_free(f->whole[k]);
		hashtab_free(f->brief[k]);
	}
	mem_free(f);
}

int find_ids_add(struct find_ids *f, enum find_kind kind, const char *id, struct err *err)
{
	struct id key = {{0}};
	size_t n = strlen(id);
	bool is_new;

	if ((n != ID_HEX && n != ID_SHORT_HEX) || hex_decode(key.b, id, n))
		return err_set(err, ERR_USAGE,
			"%s is not an ID: give all %d hex digits or the first %d", id, ID_HEX,
			ID_SHORT_HEX);
	hashtab_add(n == ID_HEX ? f->whole[kind] : f->brief[kind], key.b, &is_new);
	return 0;
}

bool find_ids_has(const struct find_ids *f, enum find_kind kind, const struct id *id)
{
	return hashtab_find(f->whole[kind], id->b) || hashtab_find(f->brief[kind], id->b);
}

static int unpack(void *arg, const struct catalog_place *p)
{
	struct find_ids *f = arg;
	struct wanted *whole = hashtab_find(f->whole[FIND_PACKS], p->pack.b),
		      *brief = hashtab_find(f->brief[FIND_PACKS], p->pack.b);
	bool is_new;

	if (whole)
		whole->seen = true;
	if (brief)
		brief->seen = true;
	if (!whole && !brief)
		return 0;
	hashtab_add(f->whole[p->blob.type == BLOB_TREE ? FIND_TREES : FIND_BLOBS], p->blob.id.b,
		&is_new);
	return 0;
}

struct missing {
	size_t digits;
	struct buf names;
};

static int name_missing(void *arg, void *entry)
{
	const struct wanted *w = entry;
	struct missing *m = arg;

	if (!w->seen)
		buf_addf(&m->names, " %.*s", (int)m->digits, id_hex(&w->id).s);
	return 0;
}

int find_ids_unpack(struct find_ids *f, struct catalog *c, struct err *err)
{
	struct missing m = {.digits = ID_HEX};
	int rc = 0;

	buf_init(&m.names, SIZE_MAX / 2);
	catalog_each(c, unpack, f);
	hashtab_each(f->whole[FIND_PACKS], name_missing, &m);
	m.digits = ID_SHORT_HEX;
	hashtab_each(f->brief[FIND_PACKS], name_missing, &m);
	if (m.names.len)
		rc = err_set(err, ERR_NOTFOUND, "the index does not have the pack%s",
			buf_str(&m.names));
	buf_release(&m.names);
	return rc;
}
