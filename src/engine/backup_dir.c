#include "engine/backup_priv.h"
#include "base/mem.h"
#include <string.h>

#define DEPTH_MAX   10000
#define BATCH_FILES 64
#define BATCH_BYTES ((uint64_t)2 << 20)

/* One directory under way. */
struct dirjob {
	struct backup *b;
	struct item *item; /* NULL above the targets */
	const struct target *above;
	struct dirref up;
	bool root, meta_same, doubt;
	bool late; /* it was not walked */
	uint32_t depth;
	struct parents parents;
	unsigned next; /* of the parents, whose tree is not asked for yet */
	struct task task;
	struct loader_tree then;
	struct walk walk;
	struct catalog_claim known;
	enum catalog_verdict *verdict;
	size_t links; /* asked about, + 1 while asking */
};

static void dir_begin(struct backup *b, struct dirjob *d);

static void dir_free(struct dirjob *d)
{
	struct backup *b = d->b;

	walk_release(&d->walk);
	mem_free(d->verdict);
	item_free(d->item);
	mem_free(d);
	b->dirs--;
	run_done(b->run);
}

/* Files to be read, gathered into items of a fair size. */
struct batch {
	struct item *it;
	uint64_t bytes;
};

static void batch_close(struct backup *b, struct batch *t)
{
	if (t->it)
		run_push(b->run, &t->it->q);
	*t = (struct batch){0};
}

static void batch_add(struct backup *b, struct batch *t, const struct dirjob *d, uint32_t slot,
	uint32_t child, const struct walk_entry *e)
{
	struct dirref up = {(uint32_t)b->rank, slot, 0};
	const char *name = e->name, *as = NULL;
	struct item_file *file;
	char *above = NULL;

	if (e->target) { /* the directory it lies in may be another one, and its node may have
			    another name */
		char *slash;

		above = mem_strdup(e->target->path);
		slash = strrchr(above, '/');
		name = e->target->path + (slash - above) + 1;
		as = strcmp(name, e->name) ? e->name : NULL;
		above[slash == above ? 1 : slash - above] = 0;
	}
	if (t->it && (t->it->n >= BATCH_FILES || t->bytes + e->size > BATCH_BYTES ||
			     (above && strcmp(above, t->it->path))))
		batch_close(b, t);
	if (!t->it) {
		t->it = item_new(ITEM_FILES, &up, above ? above : d->walk.path);
		t->it->follow = above != NULL;
		t->it->apart = d->walk.apart;
	}
	file = item_add_file(t->it, name, as, child);
	file->had = e->had;
	file->named = e->target && e->target->named;
	file->again = e->again;
	file->meta_same = e->meta_same;
	file->content = e->content;
	file->seen = e->seen;
	t->bytes += e->size;
	mem_free(above);
}

static bool all_known(const struct dirjob *d, const struct walk_entry *e)
{
	for (size_t i = 0; i < e->n_ids; i++)
		if (d->verdict[e->ids + i] == CATALOG_ABSENT)
			return false;
	return true;
}

static char *entry_path(const struct dirjob *d, const struct walk_entry *e)
{
	return e->target ? mem_strdup(e->target->path)
			 : mem_printf("%s%s%s", d->walk.path, strcmp(d->walk.path, "/") ? "/" : "",
				   e->name);
}

static void push_dir(struct backup *b, const struct dirjob *d, const struct walk_entry *e,
	uint32_t slot, uint32_t child)
{
	struct dirref up = {(uint32_t)b->rank, slot, child};
	char *path = entry_path(d, e);
	struct item *it = item_new(ITEM_DIR, &up, path);

	it->name = mem_strdup(e->name);
	if (e->had)
		it->parents = d->walk.parents[e->dir];
	it->meta_same = e->meta_same;
	it->device = e->size;
	it->named = e->target && e->target->named;
	it->depth = d->depth + 1;
	it->apart = d->walk.apart;
	it->doubt = d->doubt;
	it->seen = e->seen;
	run_push(b->run, &it->q);
	mem_free(path);
}

static void push_above(struct backup *b, const struct dirjob *d, const struct walk_entry *e,
	uint32_t slot, uint32_t child)
{
	struct dirjob *c = mem_zalloc(sizeof(*c));

	c->above = e->target;
	c->depth = d->depth + 1;
	c->doubt = d->doubt;
	c->up = (struct dirref){(uint32_t)b->rank, slot, child};
	if (e->had)
		c->parents = d->walk.parents[e->dir];
	c->meta_same = e->meta_same;
	dir_begin(b, c);
}

static void unchanged(struct backup *b, const struct dirjob *d, const struct walk_entry *e)
{
	tally_add(&b->tally, files_done, 1);
	tally_add(&b->tally, bytes_done, e->size);
	if (e->meta_same)
		tally_add(&b->tally, files_unmodified, 1);
	else
		tally_add(&b->tally, files_changed, 1);
	if (b->opt->verbose_items) {
		char *path = entry_path(d, e);

		backup_note(b, e->meta_same ? "unchanged" : "modified", path, NULL, e->size);
		mem_free(path);
	}
}

/* An error of the repository, which this run mends. */
static void part_lost(struct backup *b, char *what)
{
	tally_add(&b->tally, parts_lost, 1);
	backup_note(b, WALK_WARNING, "the repository", what, 0);
	mem_free(what);
}

/* As the parent has it, but some of its blobs are gone. */
static void lost(struct backup *b, const struct dirjob *d, const struct walk_entry *e)
{
	char *path = entry_path(d, e);

	part_lost(b, mem_printf("the content of %s is missing; the file is read and stored again",
			     path));
	mem_free(path);
}

/*
 * Which entries of the directory become nodes at once, and which are work for somebody. Directories
 * are pushed before files, so that files are done first.
 */
static void dir_spread(struct backup *b, struct dirjob *d)
{
	struct walk *w = &d->walk;
	struct treebuild_slot *s = treebuild_new(w->n);
	uint32_t slot = pending_open(b->pending, s, (uint32_t)w->n);
	struct batch batch = {0};

	s->root = d->root;
	s->up = d->up;
	s->name = d->root ? NULL : mem_strdup(d->item ? d->item->name : d->above->name);
	s->path = b->opt->verbose_items ? mem_strdup(w->path) : NULL;
	s->meta = w->meta;
	s->xattr = w->xattr;
	w->xattr = (struct xattr_list){0};
	s->meta_same = d->meta_same;
	s->doubt = d->doubt;
	s->has_parent = d->parents.has != 0;
	if (s->has_parent)
		s->parent = *parents_first(&d->parents);
	s->arena = w->arena;
	w->arena = (struct buf){0};
	for (size_t i = 0; i < w->n; i++) {
		struct walk_entry *e = &w->entry[i];

		if (e->n_ids && !all_known(d, e)) {
			lost(b, d, e);
			e->kind = WALK_FILE;
			e->again = true;
			nodemake_content(w->ids + e->ids, e->n_ids, &e->content);
		}
		if (e->kind == WALK_UNCHANGED)
			unchanged(b, d, e);
		if (e->kind == WALK_READY || e->kind == WALK_UNCHANGED) {
			treebuild_ready(s, (uint32_t)i, e->json, e->json_n);
			pending_ready(b->pending, slot, (uint32_t)i);
		}
	}
	for (size_t i = w->n; i-- > 0;)
		if (w->entry[i].kind == WALK_DIR)
			push_dir(b, d, &w->entry[i], slot, (uint32_t)i);
	for (size_t i = 0; i < w->n; i++)
		if (w->entry[i].kind == WALK_FILE)
			batch_add(b, &batch, d, slot, (uint32_t)i, &w->entry[i]);
	batch_close(b, &batch);
	for (size_t i = 0; i < w->n; i++)
		if (w->entry[i].kind == WALK_ABOVE)
			push_above(b, d, &w->entry[i], slot, (uint32_t)i);
	pending_opened(b->pending, slot);
}

static void dir_linked(struct dirjob *d)
{
	struct backup *b = d->b;

	if (--d->links)
		return;
	if (!backup_cancelled(b))
		dir_spread(b, d);
	dir_free(d);
}

static void link_answered(struct catalog_first *f)
{
	struct dirjob *d = f->arg;
	struct walk *w = &d->walk;
	struct walk_link *l = task_of(f, struct walk_link, ask);
	struct walk_entry *e = &w->entry[l->entry];

	if (!f->agrees)
		e->json_n = node_apart(w->arena.p + e->json, e->json_n);
	dir_linked(d);
}

/* Which of those that may share an inode number are one with the others? */
static void dir_known(struct catalog_claim *r)
{
	struct dirjob *d = r->arg;
	struct walk *w = &d->walk;

	d->links = 1;
	for (size_t i = 0; i < w->n_link; i++) {
		struct walk_link *l = &w->link[i];

		if (!all_known(d, &w->entry[l->entry]))
			continue; /* it is read again, and asked about then */
		l->ask.done = link_answered;
		l->ask.arg = d;
		d->links++;
		catalog_first(d->b->catalog, &l->ask);
	}
	dir_linked(d);
}

static void dir_walked(struct task *t)
{
	struct dirjob *d = task_of(t, struct dirjob, task);
	struct backup *b = d->b;
	struct walk *w = &d->walk;

	if (!backup_cancelled(b) && !w->back)
		backup_notes(b, w->note, w->n_note);
	if (!backup_cancelled(b) && (w->back || w->fatal)) {
		struct item *it = d->item;

		if (w->fatal) {
			run_fail(b->run, &w->err);
		} else {
			d->item = NULL; /* goes on; its path is not used here any more */
			if (w->differs)
				backup_back_differs(b, it, &w->meta);
			else
				backup_back(b, it);
		}
		dir_free(d);
		return;
	}
	if (backup_cancelled(b) || d->late || w->err.code) {
		if (!backup_cancelled(b) && !d->late && !w->vanished && !d->root)
			backup_note(b, NULL, w->path, w->err.msg, 0);
		backup_unseen(b, d->parents.has);
		if (!d->root)
			backup_child(b, &d->up, NULL, 0);
		else if (w->err.code) /* a million targets in one directory, say */
			run_fail(b->run, &w->err);
		dir_free(d);
		return;
	}
	d->verdict = mem_array(w->n_ids ? w->n_ids : 1, sizeof(*d->verdict));
	d->known = (struct catalog_claim){.take = false,
		.type = BLOB_DATA,
		.id = w->ids,
		.n = w->n_ids,
		.verdict = d->verdict,
		.done = dir_known,
		.arg = d};
	if (w->n_ids)
		catalog_claim(b->catalog, &d->known);
	else
		dir_known(&d->known);
}

static void dir_run(struct task *t)
{
	struct dirjob *d = task_of(t, struct dirjob, task);

	if (run_flags_late(run_flags(d->b->run)))
		d->late = true;
	else
		walk_run(&d->walk);
}

static void dir_walk(struct dirjob *d)
{
	d->task = (struct task){.run = dir_run, .done = dir_walked};
	jobs_put(d->b->env->readers, &d->task);
}

static void unreadable(const struct dirjob *d, const struct err *e)
{
	part_lost(d->b,
		mem_printf("the parent snapshot's tree of %s cannot be read (%s): what lies "
			   "there is read and stored again",
			d->walk.path, e->msg));
}

static void dir_parents(struct dirjob *d);

static void dir_parent(struct loader_tree *t)
{
	struct dirjob *d = t->arg;
	unsigned i = d->next++;

	if (t->err.code) {
		/* Pack and index say other things, or the pack is gone.  The trees below are likely
		 * to lie in the same one, and nobody will read them. */
		if (!backup_cancelled(d->b))
			unreadable(d, &t->err);
		backup_forget_tree(d->b, &d->parents.tree[i]);
		d->doubt = true;
		buf_release(&t->plain);
	} else {
		d->walk.parent[i].has = true;
		d->walk.parent[i].tree = t->plain;
		t->plain = (struct buf){0};
	}
	dir_parents(d);
}

/* One after the other: mostly there is one, and two of them are mostly the same tree. */
static void dir_parents(struct dirjob *d)
{
	while (d->next < PARENTS_MAX && !parents_have(&d->parents, d->next))
		d->next++;
	if (d->next == PARENTS_MAX) {
		if (d->parents.has)
			d->b->loading--;
		dir_walk(d);
		return;
	}
	d->then = (struct loader_tree){.id = d->parents.tree[d->next],
		.done = dir_parent,
		.arg = d};
	loader_tree_get(d->b->loader, &d->then);
}

static void dir_begin(struct backup *b, struct dirjob *d)
{
	d->b = b;
	b->dirs++;
	if (!d->item) /* else the run has begun it */
		run_hold(b->run);
	d->walk.opt = b->opt;
	d->walk.make = &b->make;
	d->walk.tally = &b->tally;
	d->walk.above = d->above;
	d->walk.path = d->item ? d->item->path : d->above->path;
	d->walk.device = d->item ? d->item->device : 0;
	for (int i = 0; i < PARENTS_MAX; i++)
		d->walk.parent[i].settled = b->settled[i];
	d->walk.partials = b->partials;
	if (d->item) {
		d->walk.named = d->item->named;
		d->walk.foreign = d->up.rank != (uint32_t)b->rank;
		d->walk.seen = &d->item->seen;
		d->walk.by = d->item->by;
		d->walk.other = &d->item->other;
		d->walk.apart = d->item->apart;
	}
	if (d->parents.has)
		b->loading++;
	dir_parents(d);
}

void backup_dir(struct backup *b, struct item *it)
{
	struct dirjob *d;

	if (it->depth > DEPTH_MAX) {
		backup_note(b, NULL, it->path,
			"more than 10000 directories lie above it: does one of them contain "
			"itself?",
			0);
		backup_child(b, &it->up, NULL, 0);
		item_free(it);
		run_done(b->run);
		return;
	}
	d = mem_zalloc(sizeof(*d));
	d->item = it;
	d->up = it->up;
	d->parents = it->parents;
	d->meta_same = it->meta_same;
	d->depth = it->depth;
	d->doubt = it->doubt;
	dir_begin(b, d);
}

void backup_root(struct backup *b)
{
	struct dirjob *d = mem_zalloc(sizeof(*d));

	d->above = b->target;
	d->root = true;
	d->parents = b->parents;
	dir_begin(b, d);
}
