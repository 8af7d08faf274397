#include "engine/restore_layout.h"
#include "base/mem.h"
#include "kern/seal.h"
#include "repo/blobtable.h"

/* Whoever wrote the repository may have given a blob any number of places. */
#define PLACES 8

static void room_for_uses(struct restore_window *w, size_t n)
{
	size_t need = w->n_use + n;

	if (need <= w->cap_use)
		return;
	/* A file of terabytes has millions of uses: not twice the memory for that one. */
	w->cap_use = need > w->cap_use + w->cap_use / 2 ? need : w->cap_use + w->cap_use / 2;
	w->use = mem_regrow(w->use, w->cap_use, sizeof(*w->use));
}

/* The nth place that can hold something, or the last of them. */
static int place_of(const struct blobtable *cat, const struct id *id, unsigned nth,
	struct catalog_place *at, struct err *err)
{
	struct catalog_place p;
	unsigned found = 0;
	unsigned i = 0;

	for (; found <= nth && blobtable_find(cat, BLOB_DATA, id, i, &p); i++)
		if (p.blob.length > SEAL_OVERHEAD) {
			*at = p;
			found++;
		}
	if (found)
		return 0;
	return i ? err_set(err, ERR_INVALID, "blob %s has %u bytes in the index", id_short(id).s,
			   p.blob.length)
		 : err_set(err, ERR_NOTFOUND, "blob %s is not in the index", id_short(id).s);
}

/* With the nth place of each blob. */
static int lay_out(struct restore_window *w, struct restore_file *f, const struct node *n,
	unsigned nth, struct err *err)
{
	f->size = 0;
	for (size_t i = 0; i < n->n_content; i++) {
		struct restore_use *u = &w->use[f->first_use + i];
		int rc;

		*u = (struct restore_use){.file = f, .offset = f->size};
		rc = place_of(w->sh->cat, &n->content[i], nth, &u->want.at, err);
		if (rc < 0)
			return rc;
		f->size += blob_plain_size(&u->want.at.blob);
	}
	return 0;
}

int restore_layout(struct restore_window *w, struct restore_file *f, const struct node *n,
	struct err *err)
{
	uint64_t first = 0;
	int rc = 0;

	f->first_use = (uint32_t)w->n_use;
	if (n->n_content > UINT32_MAX - w->n_use)
		return err_set(err, ERR_NOMEM, "a file of %zu blobs is too large", n->n_content);
	room_for_uses(w, n->n_content);
	for (unsigned nth = 0; nth < PLACES && rc == 0; nth++) {
		rc = lay_out(w, f, n, nth, err);
		if (rc == 0 && f->size == n->size) {
			w->n_use += n->n_content;
			f->uses = (uint32_t)n->n_content;
			return 0;
		}
		if (nth == 0)
			first = f->size;
	}
	f->size = 0;
	return rc < 0 ? rc
		      : err_set(err, ERR_INVALID,
				"the snapshot says %llu bytes, but its contents have %llu: nothing "
				"was written",
				(unsigned long long)n->size, (unsigned long long)first);
}
