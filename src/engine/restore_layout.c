#include "engine/restore_layout.h"
#include "base/mem.h"
#include "engine/restore_content.h"
#include "kern/seal.h"
#include "repo/catalog.h"

/* Whoever wrote the repository may have given a blob any number of places. */
#define PLACES 8
/* Questions to the catalog that are out at once. */
#define ASKS 1024

/*
 * All blobs of the window are asked for in one pass, by as many questions at once as there is room
 * for; then each file is judged.  What those files whose blobs do not make up their size have is
 * asked for again, for the next place that can hold something, and so on.
 */
struct ask {
	struct catalog_find find;
	struct layout *l;
	struct restore_use *use;
	unsigned usable; /* places so far */
	bool asking;     /* catalog_find has not returned yet … */
	bool answered;   /* … but the answer is here */
	struct ask *next_free;
};

struct layout {
	struct restore_window *w;
	void (*done)(struct restore_window *w);
	unsigned nth;         /* the place that is asked for in this pass */
	size_t file;          /* the pass has come to this one … */
	uint32_t use;         /* … and this use of it */
	size_t out;           /* questions */
	bool pumping;         /* pump is at work and will see what has come */
	uint64_t *first_size; /* of each file: of its blobs' first places */
	struct ask *free;
	struct ask ask[ASKS];
};

static void room_for_uses(struct restore_window *w, size_t n)
{
	size_t need = w->n_use + n;

	if (need <= w->cap_use)
		return;
	/* A file of terabytes has millions of uses: not twice the memory for that one. */
	w->cap_use = need > w->cap_use + w->cap_use / 2 ? need : w->cap_use + w->cap_use / 2;
	w->use = mem_regrow(w->use, w->cap_use, sizeof(*w->use));
}

int restore_layout_add(struct restore_window *w, struct restore_file *f, const struct node *n,
	struct err *err)
{
	f->first_use = (uint32_t)w->n_use;
	if (n->n_content > UINT32_MAX - w->n_use)
		return err_set(err, ERR_NOMEM, "a file of %zu blobs is too large", n->n_content);
	room_for_uses(w, n->n_content);
	for (size_t i = 0; i < n->n_content; i++) {
		struct restore_use *u = &w->use[w->n_use++];

		*u = (struct restore_use){.file = f};
		u->want.at.blob.id = n->content[i];
	}
	f->uses = (uint32_t)n->n_content;
	return 0;
}

/* ---- asking ---- */

/* One answer: true when the use has its place, or is known to have none. */
static bool settled(struct ask *a)
{
	struct restore_use *u = a->use;

	if (!a->find.found)
		return true;
	if (a->find.place.blob.length > SEAL_OVERHEAD) {
		u->want.at = a->find.place;
		a->usable++;
	} else if (!a->usable) {
		u->want.at.blob.length = a->find.place.blob.length;
	}
	u->absent = false;
	a->find.nth++;
	return a->usable > a->l->nth;
}

static void pump(struct layout *l);

/* Asks until the use is settled, or an answer has to be waited for. */
static void ask_on(struct ask *a)
{
	struct layout *l = a->l;

	do {
		a->answered = false;
		a->asking = true;
		catalog_find(l->w->sh->cat, &a->find);
		a->asking = false;
		if (!a->answered)
			return;
	} while (!settled(a));
	a->next_free = l->free;
	l->free = a;
	l->out--;
}

static void answered(struct catalog_find *f)
{
	struct ask *a = f->arg;
	struct layout *l = a->l;

	a->answered = true;
	if (a->asking)
		return;
	if (!settled(a)) {
		ask_on(a);
	} else {
		a->next_free = l->free;
		l->free = a;
		l->out--;
	}
	pump(l);
}

static void ask(struct layout *l, struct restore_use *u)
{
	struct ask *a = l->free;

	l->free = a->next_free;
	l->out++;
	u->absent = true;
	*a = (struct ask){.l = l,
		.use = u,
		.find = {.type = BLOB_DATA, .id = u->want.at.blob.id, .done = answered, .arg = a}};
	ask_on(a);
}

/* The next use of this pass; NULL at its end. */
static struct restore_use *next_use(struct layout *l)
{
	for (; l->file < l->w->n; l->file++, l->use = 0) {
		struct restore_file *f = l->w->file[l->file];

		if (!f->laid_out && l->use < f->uses)
			return &l->w->use[f->first_use + l->use++];
	}
	return NULL;
}

/* ---- judging ---- */

static int lay_out(struct restore_window *w, struct restore_file *f, struct err *err)
{
	f->size = 0;
	for (uint32_t i = 0; i < f->uses; i++) {
		struct restore_use *u = &w->use[f->first_use + i];
		const struct blob *b = &u->want.at.blob;

		if (u->absent)
			return err_set(err, ERR_NOTFOUND, "blob %s is not in the index",
				id_short(&b->id).s);
		if (b->length <= SEAL_OVERHEAD)
			return err_set(err, ERR_INVALID, "blob %s has %u bytes in the index",
				id_short(&b->id).s, b->length);
		u->offset = f->of.base + f->size;
		f->size += blob_plain_size(b);
	}
	return 0;
}

/* True when it needs another pass. */
static bool judge(struct layout *l, size_t i)
{
	struct restore_file *f = l->w->file[i];
	struct err e;
	int rc;

	err_clear(&e);
	rc = lay_out(l->w, f, &e);
	f->laid_out = rc < 0 || f->size == f->node_size || l->nth + 1 == PLACES;
	if (l->nth == 0)
		l->first_size[i] = f->size;
	if (!f->laid_out)
		return true;
	if (rc == 0 && f->size != f->node_size)
		rc = err_set(&e, ERR_INVALID,
			"the snapshot says %llu bytes, but its contents have %llu: nothing "
			"was written",
			(unsigned long long)f->node_size, (unsigned long long)l->first_size[i]);
	if (rc < 0) {
		f->size = 0;
		f->uses = 0;
		restore_content_fail(f, &e);
	}
	atomic_store(&f->pending, f->uses);
	return false;
}

static bool again(struct layout *l)
{
	bool more = false;

	for (size_t i = 0; i < l->w->n; i++)
		if (!l->w->file[i]->laid_out)
			more |= judge(l, i);
	l->nth++;
	l->file = 0;
	l->use = 0;
	return more;
}

static void pump(struct layout *l)
{
	struct restore_window *w = l->w;
	void (*done)(struct restore_window *) = l->done;

	if (l->pumping)
		return;
	l->pumping = true;
	do {
		struct restore_use *u;

		while (l->free && (u = next_use(l)) != NULL)
			ask(l, u);
		if (l->out) {
			l->pumping = false;
			return;
		}
	} while (again(l));
	mem_free(l->first_size);
	mem_free(l);
	done(w);
}

void restore_layout(struct restore_window *w, void (*done)(struct restore_window *w))
{
	struct layout *l = mem_zalloc(sizeof(*l));

	l->w = w;
	l->done = done;
	l->first_size = mem_array(w->n ? w->n : 1, sizeof(*l->first_size));
	for (size_t i = 0; i < ASKS; i++) {
		l->ask[i].next_free = l->free;
		l->free = &l->ask[i];
	}
	pump(l);
}
