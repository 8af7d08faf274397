#include "engine/backup.h"
#include "base/mem.h"
#include "dist/claim_dist.h"
#include "dist/idxshare.h"
#include "dist/workq.h"
#include "engine/filejob.h"
#include "engine/treebuild.h"
#include "engine/walk.h"
#include "format/pack.h"
#include "repo/indexer.h"
#include "repo/loader.h"
#include "repo/saver.h"
#include <sys/stat.h>

enum backup_tag {
	TAG_NODE = ROUTER_ENGINE, /* doer -> owner of the slot: a child's JSON */
	TAG_PACK,                 /* each -> rank 0: a pack that is stored */
	TAG_NOTE,                 /* each -> rank 0: something to say about an item */
	TAG_COUNTS,               /* each -> rank 0: progress */
	TAG_FAIL,                 /* each -> rank 0: the run cannot succeed */
	TAG_CANCEL,               /* rank 0 -> all */
	TAG_FLUSH,                /* rank 0 -> all: the tree is closed: store what you hold */
	TAG_FLUSHED               /* each -> rank 0: all my packs are stored (or the run has failed); my counts */
};

#define BATCH_FILES 64
#define BATCH_BYTES ((uint64_t)2 << 20)
#define TICK_NS ((int64_t)200 * 1000 * 1000)
#define CACHE_TREES ((size_t)160 << 20) /* tree packs kept: two and a half of the default size */
#define DIRS_AT_ONCE 64                 /* directories whose parent tree may be on its way */
#define MESSAGE_MAX COMM_MAX

struct backup {
	struct router *r;
	struct agree *a;
	struct repo *repo;
	const struct env *env;
	const struct backup_options *opt;
	const struct backup_events *ev;
	const volatile int *stop;
	int rank, size;

	struct catalog *catalog;
	struct chunker_tables *tables;
	struct nodemake make;
	struct claim *claim;
	struct loader *loader;
	struct saver *saver;
	struct workq *queue;
	struct treebuild *trees;
	struct tally tally;
	struct task tick;

	size_t dirs, files;         /* jobs under way on this rank */
	size_t loading;             /* of the dirs, those whose parent tree is on its way */
	size_t closing;             /* trees being made */
	_Atomic bool canceled;
	bool flushing, flush_asked, flushed, finished;
	struct err err;             /* why the run cannot succeed */

	/* rank 0 */
	struct target *target;
	struct indexer *indexer;
	int ranks_flushed;
	bool failed_told, tree_closed, has_parent;
	struct id tree, parent_tree;
	struct backup_counts *of_rank; /* the newest of each */
	struct ts start;
};

/* One directory under way. */
struct dirjob {
	struct backup *b;
	struct item *item;            /* NULL above the targets */
	const struct target *above;
	struct dirref up;
	bool root, had, meta_same;
	struct id parent;
	struct task task;
	struct loader_tree then;
	struct walk walk;
	struct claim_req known;
	enum claim_verdict *verdict;
};

/* One item of files under way. */
struct filesjob {
	struct backup *b;
	struct item *item;
	struct filejob *job;
};

static void more(struct backup *b);

/* ---- failing ---- */

static void cancel_here(struct backup *b)
{
	struct workq_item *it;

	if (b->canceled)
		return;
	b->canceled = true;
	workq_stop(b->queue);
	while ((it = workq_pop(b->queue)) != NULL)
		item_free(task_of(it, struct item, q));
	saver_cancel(b->saver);
	b->flush_asked = true;
}

static void fail(struct backup *b, const struct err *e)
{
	struct buf m;

	if (b->err.code)
		return;
	b->err = *e;
	buf_init(&m, MESSAGE_MAX);
	wire_put_u32(&m, (uint32_t)-e->code);
	wire_put_bytes(&m, e->msg, strlen(e->msg));
	router_send(b->r, 0, TAG_FAIL, &m);
}

static void failed(void *arg, const struct err *e)
{
	fail(arg, e);
}

static void on_fail(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct wire_in w;
	const uint8_t *msg;
	size_t n;
	int code;

	wire_in_init(&w, m->data.p, m->data.len);
	code = -(int)wire_u32(&w);
	msg = wire_bytes(&w, &n);
	if (!b->err.code && m->from == 0)
		err_set(&b->err, code ? code : ERR_IO, "%.*s", (int)n, (const char *)msg);
	if (b->failed_told)
		return;
	b->failed_told = true;
	for (int i = 0; i < b->size; i++)
		router_send(b->r, i, TAG_CANCEL, NULL);
}

static void on_cancel(void *arg, struct comm_msg *m)
{
	(void)m;
	cancel_here(arg);
	more(arg);
}

/* ---- saying ---- */

static void note_here(struct backup *b, const char *action, const char *path, const char *message, uint64_t size)
{
	if (action) {
		if (b->ev->item)
			b->ev->item(b->ev->arg, action, path, size);
	} else if (b->ev->error) {
		b->ev->error(b->ev->arg, path, message);
	}
}

static void note(struct backup *b, const char *action, const char *path, const char *message, uint64_t size)
{
	struct buf m;

	if (!action)
		tally_add(&b->tally, errors, 1);
	if (b->rank == 0) {
		note_here(b, action, path, message, size);
		return;
	}
	buf_init(&m, MESSAGE_MAX);
	wire_put_bytes(&m, action ? action : "", action ? strlen(action) : 0);
	wire_put_bytes(&m, path, strlen(path));
	wire_put_bytes(&m, message ? message : "", message ? strlen(message) : 0);
	wire_put_u64(&m, size);
	router_send(b->r, 0, TAG_NOTE, &m);
}

static void on_note(void *arg, struct comm_msg *m)
{
	struct wire_in w;
	char *s[3];

	wire_in_init(&w, m->data.p, m->data.len);
	for (int i = 0; i < 3; i++) {
		size_t n;
		const uint8_t *p = wire_bytes(&w, &n);

		s[i] = mem_strndup((const char *)p, n);
	}
	note_here(arg, *s[0] ? s[0] : NULL, s[1], s[2], wire_u64(&w));
	for (int i = 0; i < 3; i++)
		mem_free(s[i]);
}

static void notes(struct backup *b, const struct walk_note *n, size_t count)
{
	for (size_t i = 0; i < count; i++)
		note(b, n[i].action, n[i].path, n[i].message, n[i].size);
}

static void item_note(struct backup *b, const char *action, const char *dir, const char *name, uint64_t size)
{
	struct walk_note *n = NULL;
	size_t count = 0;

	if (!b->opt->verbose_items)
		return;
	walk_say(&n, &count, dir, name, action, size, NULL);
	notes(b, n, count);
	walk_notes_release(n, count);
}

/* ---- trees ---- */

static void tree_run(struct task *t)
{
	struct treebuild_slot *s = task_of(t, struct treebuild_slot, task);
	struct backup *b = s->arg;
	struct repo_ctx *ctx = repo_ctx_get(b->repo);

	treebuild_tree(s, &b->make, ctx->hash);
	repo_ctx_put(b->repo, ctx);
}

static void child_done(struct backup *b, const struct dirref *up, uint8_t *json, size_t n);

static void tree_done(struct task *t)
{
	struct treebuild_slot *s = task_of(t, struct treebuild_slot, task);
	struct backup *b = s->arg;
	bool root = s->root;
	struct dirref up = s->up;
	struct buf node = s->node_json;

	s->node_json = (struct buf){ 0 };
	b->closing--;
	if (s->err.code) {
		fail(b, &s->err);
	} else if (!b->canceled) {
		if (root) {
			b->tree = s->tree;
			b->tree_closed = true;
		} else if (!s->has_parent) {
			tally_add(&b->tally, dirs_new, 1);
			item_note(b, "new", s->path, "", 0);
		} else if (s->meta_same && id_equal(&s->parent, &s->tree)) {
			tally_add(&b->tally, dirs_unmodified, 1);
			item_note(b, "unchanged", s->path, "", 0);
		} else {
			tally_add(&b->tally, dirs_changed, 1);
			item_note(b, "modified", s->path, "", 0);
		}
		if (!(root && s->n == 0))
			saver_put(b->saver, BLOB_TREE, &s->tree, &s->tree_json, 0);
	}
	treebuild_close(b->trees, s);
	if (!root)
		child_done(b, &up, node.p, node.len);
	more(b);
}

static void slot_full(struct backup *b, struct treebuild_slot *s)
{
	s->arg = b;
	s->task = (struct task){ .run = tree_run, .done = tree_done };
	b->closing++;
	jobs_put(b->env->cpu, &s->task);
}

static void child_here(struct backup *b, uint32_t slot, uint32_t child, uint8_t *json, size_t n)
{
	bool bad = false;
	struct treebuild_slot *s = treebuild_set(b->trees, slot, child, json, n, &bad);
	struct err e;

	if (s)
		slot_full(b, s);
	if (!bad || b->canceled)
		return;
	err_set(&e, ERR_INVALID, "a result for directory %u, entry %u, which nobody waits for: this is an error in the program", slot, child);
	fail(b, &e);
}

/* A child is settled: json (heap, taken; NULL: not included) goes to the rank that waits for it. */
static void child_done(struct backup *b, const struct dirref *up, uint8_t *json, size_t n)
{
	struct buf m;

	if (b->canceled || up->rank == (uint32_t)b->rank) {
		if (b->canceled)
			mem_free(json);
		else
			child_here(b, up->slot, up->child, json, n);
		return;
	}
	buf_init(&m, MESSAGE_MAX);
	wire_put_u32(&m, up->slot);
	wire_put_u32(&m, up->child);
	wire_put_u8(&m, json != NULL);
	wire_put_bytes(&m, json, n);
	mem_free(json);
	router_send(b->r, (int)up->rank, TAG_NODE, &m);
}

static void on_node(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct wire_in w;
	uint32_t slot, child;
	bool there;
	size_t n;
	const uint8_t *p;

	wire_in_init(&w, m->data.p, m->data.len);
	slot = wire_u32(&w);
	child = wire_u32(&w);
	there = wire_u8(&w);
	p = wire_bytes(&w, &n);
	if (!b->canceled)
		child_here(b, slot, child, there ? mem_dup(p, n) : NULL, n);
}

/* ---- files ---- */

static void files_chunk(void *arg, const struct id *id, struct buf *plain, size_t charge)
{
	struct filesjob *f = arg;

	saver_put(f->b->saver, BLOB_DATA, id, plain, charge);
}

static void files_file(void *arg, size_t i, uint8_t *json, size_t n)
{
	struct filesjob *f = arg;
	struct dirref up = f->item->up;

	if (json) {
		tally_add(&f->b->tally, files_done, 1);
		if (f->item->file[i].had)
			tally_add(&f->b->tally, files_changed, 1);
		else
			tally_add(&f->b->tally, files_new, 1);
		item_note(f->b, f->item->file[i].had ? "modified" : "new", f->item->path, f->item->file[i].name, f->job->file[i].size);
	}
	up.child = f->item->file[i].child;
	child_done(f->b, &up, json, n);
}

static void files_done(void *arg)
{
	struct filesjob *f = arg;
	struct backup *b = f->b;

	if (!b->canceled)
		notes(b, f->job->note, f->job->n_note);
	filejob_free(f->job);
	item_free(f->item);
	mem_free(f);
	b->files--;
	more(b);
}

static void files_begin(struct backup *b, struct item *it)
{
	struct filesjob *f = mem_zalloc(sizeof(*f));
	struct filejob_events ev = { files_chunk, files_file, files_done, f };

	f->b = b;
	f->item = it;
	f->job = filejob_new(it, b->env, b->repo, b->tables, b->opt, &b->make, &b->tally, &b->canceled, &ev);
	b->files++;
	filejob_start(f->job);
}

/* ---- directories ---- */

static void dir_begin(struct backup *b, struct dirjob *d);

static void dir_free(struct dirjob *d)
{
	struct backup *b = d->b;

	walk_release(&d->walk);
	mem_free(d->verdict);
	item_free(d->item);
	mem_free(d);
	b->dirs--;
}

/* Files to be read, gathered into items of a fair size. */
struct batch {
	struct item *it;
	uint64_t bytes;
};

static void batch_close(struct backup *b, struct batch *t)
{
	if (t->it)
		workq_push(b->queue, &t->it->q);
	*t = (struct batch){ 0 };
}

static void batch_add(struct backup *b, struct batch *t, const struct dirjob *d, uint32_t slot, uint32_t child, const struct walk_entry *e)
{
	struct dirref up = { (uint32_t)b->rank, slot, 0 };
	const struct target *g = e->target;

	if (t->it && (g || t->it->n >= BATCH_FILES || t->bytes + e->size > BATCH_BYTES))
		batch_close(b, t);
	if (g) {
		char *dir = mem_strdup(g->path), *slash = strrchr(dir, '/');
		const char *name = slash + 1;

		t->it = item_new(ITEM_FILES, &up, slash == dir ? "/" : (*slash = 0, dir));
		item_add_file(t->it, name, e->name, child, e->had, e->size);
		mem_free(dir);
		batch_close(b, t);
		return;
	}
	if (!t->it)
		t->it = item_new(ITEM_FILES, &up, d->walk.path);
	item_add_file(t->it, e->name, NULL, child, e->had, e->size);
	t->bytes += e->size;
}

static bool all_known(const struct dirjob *d, const struct walk_entry *e)
{
	for (size_t i = 0; i < e->n_ids; i++)
		if (d->verdict[e->ids + i] == CLAIM_ABSENT)
			return false;
	return true;
}

static void push_dir(struct backup *b, const struct dirjob *d, const struct walk_entry *e, uint32_t slot, uint32_t child)
{
	struct dirref up = { (uint32_t)b->rank, slot, child };
	char *path = e->target ? mem_strdup(e->target->path) : mem_printf("%s%s%s", d->walk.path, strcmp(d->walk.path, "/") ? "/" : "", e->name);
	struct item *it = item_new(ITEM_DIR, &up, path);

	it->name = mem_strdup(e->name);
	it->has_parent = e->had;
	it->meta_same = e->meta_same;
	it->parent = e->parent;
	it->device = e->size;
	workq_push(b->queue, &it->q);
	mem_free(path);
}

static void push_above(struct backup *b, const struct walk_entry *e, uint32_t slot, uint32_t child)
{
	struct dirjob *c = mem_zalloc(sizeof(*c));

	c->above = e->target;
	c->up = (struct dirref){ (uint32_t)b->rank, slot, child };
	c->had = e->had;
	c->meta_same = e->meta_same;
	c->parent = e->parent;
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
	item_note(b, e->meta_same ? "unchanged" : "modified", d->walk.path, e->name, e->size);
}

/* Which entries of the directory become nodes at once, and which are work for somebody.  Directories are pushed before files, so that files are done first. */
static void dir_spread(struct backup *b, struct dirjob *d)
{
	struct walk *w = &d->walk;
	struct treebuild_slot *s = treebuild_open(b->trees, w->n);
	uint32_t slot = s->number;
	struct batch batch = { 0 };

	s->root = d->root;
	s->up = d->up;
	s->name = d->root ? NULL : mem_strdup(d->item ? d->item->name : d->above->name);
	s->path = mem_strdup(w->path);
	s->meta = w->meta;
	s->xattr = w->xattr;
	w->xattr = (struct xattr_list){ 0 };
	s->has_parent = d->had;
	s->meta_same = d->meta_same;
	s->parent = d->parent;
	s->arena = w->arena;
	w->arena = (struct buf){ 0 };
	for (size_t i = 0; i < w->n; i++) {
		struct walk_entry *e = &w->entry[i];

		if (e->kind == WALK_UNCHANGED && !all_known(d, e)) {
			log_msg(&b->env->log, LOG_WARN, "%s/%s: unchanged, but its content is missing in the repository: it is read again", w->path, e->name);
			e->kind = WALK_FILE;
		}
		if (e->kind == WALK_UNCHANGED)
			unchanged(b, d, e);
		if (e->kind == WALK_READY || e->kind == WALK_UNCHANGED)
			treebuild_ready(s, (uint32_t)i, e->json, e->json_n);
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
			push_above(b, &w->entry[i], slot, (uint32_t)i);
	if (s->pending == 0)
		slot_full(b, s);
}

static void dir_known(struct claim_req *r)
{
	struct dirjob *d = r->arg;
	struct backup *b = d->b;

	if (!b->canceled)
		dir_spread(b, d);
	dir_free(d);
	more(b);
}

static void dir_walked(struct task *t)
{
	struct dirjob *d = task_of(t, struct dirjob, task);
	struct backup *b = d->b;
	struct walk *w = &d->walk;

	if (!b->canceled)
		notes(b, w->note, w->n_note);
	if (b->canceled || w->err.code) {
		if (!b->canceled && !w->vanished)
			note(b, NULL, w->path, w->err.msg, 0);
		if (d->root) /* cannot happen: nothing is opened for the root */
			fail(b, &w->err);
		else
			child_done(b, &d->up, NULL, 0);
		dir_free(d);
		more(b);
		return;
	}
	d->verdict = mem_array(w->n_ids ? w->n_ids : 1, sizeof(*d->verdict));
	d->known = (struct claim_req){ .take = false, .type = BLOB_DATA, .id = w->ids, .n = w->n_ids, .verdict = d->verdict, .done = dir_known, .arg = d };
	if (w->n_ids)
		claim_ask(b->claim, &d->known);
	else
		dir_known(&d->known);
}

static void dir_run(struct task *t)
{
	struct dirjob *d = task_of(t, struct dirjob, task);

	if (!d->b->canceled)
		walk_run(&d->walk);
}

static void dir_walk(struct dirjob *d)
{
	d->task = (struct task){ .run = dir_run, .done = dir_walked };
	jobs_put(d->b->env->readers, &d->task);
}

static void dir_parent(struct loader_tree *t)
{
	struct dirjob *d = t->arg;

	d->b->loading--;
	if (t->err.code) {
		log_msg(&d->b->env->log, LOG_WARN, "parent snapshot: %s: %s; its files are read again", d->walk.path, t->err.msg);
		d->walk.has_parent = false;
		buf_release(&t->plain);
	} else {
		d->walk.parent = t->plain;
		t->plain = (struct buf){ 0 };
	}
	dir_walk(d);
}

static void dir_begin(struct backup *b, struct dirjob *d)
{
	d->b = b;
	b->dirs++;
	d->walk.opt = b->opt;
	d->walk.make = &b->make;
	d->walk.tally = &b->tally;
	d->walk.above = d->above;
	d->walk.path = d->item ? d->item->path : d->above->path;
	d->walk.device = d->item ? d->item->device : 0;
	d->walk.has_parent = d->had;
	if (!d->had) {
		dir_walk(d);
		return;
	}
	d->then = (struct loader_tree){ .id = d->parent, .done = dir_parent, .arg = d };
	b->loading++;
	loader_tree_get(b->loader, &d->then);
}

static void item_begin(struct backup *b, struct item *it)
{
	struct dirjob *d;

	if (it->kind == ITEM_FILES) {
		files_begin(b, it);
		return;
	}
	d = mem_zalloc(sizeof(*d));
	d->item = it;
	d->up = it->up;
	d->had = it->has_parent;
	d->meta_same = it->meta_same;
	d->parent = it->parent;
	dir_begin(b, d);
}

/* ---- the order of things ---- */

static bool busy(const struct backup *b)
{
	return b->dirs || b->files || b->closing;
}

/* Room for another item: enough to keep the readers busy; more while parents' trees are on their way. */
static bool room(const struct backup *b)
{
	return b->files + b->dirs - b->loading < 2 * jobs_threads(b->env->readers) + 2 && b->loading < DIRS_AT_ONCE;
}

static void ask_flush(struct backup *b)
{
	for (int i = 0; i < b->size; i++)
		router_send(b->r, i, TAG_FLUSH, NULL);
}

/* What can be done next?  Called whenever something has ended. */
static void more(struct backup *b)
{
	struct workq_item *it;

	while (!b->canceled && room(b) && (it = workq_pop(b->queue)) != NULL)
		item_begin(b, task_of(it, struct item, q));
	workq_want(b->queue, !b->canceled && !b->flush_asked && room(b));
	if (b->rank == 0 && b->tree_closed && !b->flushing && !b->canceled) {
		b->tree_closed = false;
		ask_flush(b);
	}
	if (b->flush_asked && !b->flushing && !busy(b)) {
		b->flushing = true;
		saver_flush(b->saver);
	}
}

static void on_flush(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;

	(void)m;
	b->flush_asked = true;
	workq_stop(b->queue);
	more(b);
}

static struct workq_item *q_unpack(void *arg, struct wire_in *in)
{
	struct item *it = item_unpack(in);

	(void)arg;
	return it ? &it->q : NULL;
}

static void q_pack(void *arg, struct workq_item *it, struct buf *out)
{
	struct item *i = task_of(it, struct item, q);

	(void)arg;
	item_pack(i, out);
	item_free(i);
}

static void q_arrived(void *arg)
{
	struct backup *b = arg;
	struct workq_item *it;

	if (b->canceled)
		while ((it = workq_pop(b->queue)) != NULL)
			item_free(task_of(it, struct item, q));
	more(b);
}

static void counts(struct backup *b, struct backup_counts *c)
{
	struct saver_stats s;
	struct loader_stats l;

	memset(c, 0, sizeof(*c));
	tally_read(&b->tally, c);
	saver_stats(b->saver, &s);
	loader_stats(b->loader, &l);
	c->data_blobs = s.data_blobs;
	c->tree_blobs = s.tree_blobs;
	c->data_added = s.data_added;
	c->data_added_packed = s.data_added_packed;
	c->trees_read = l.trees;
	c->store_gets = l.gets;
	c->items_stolen = workq_stolen(b->queue);
}

static void send_counts(struct backup *b, unsigned tag)
{
	struct backup_counts c;
	struct buf m;

	counts(b, &c);
	buf_init(&m, MESSAGE_MAX);
	tally_put(&m, &c);
	router_send(b->r, 0, tag, &m);
}

static void on_counts(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct wire_in w;

	wire_in_init(&w, m->data.p, m->data.len);
	tally_get(&w, &b->of_rank[m->from]);
}

static void sum_counts(const struct backup *b, struct backup_counts *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (int i = 0; i < b->size; i++)
		tally_sum(sum, &b->of_rank[i]);
}

static void saver_flushed(void *arg)
{
	struct backup *b = arg;

	b->flushed = true;
	send_counts(b, TAG_FLUSHED);
	if (b->rank != 0)
		b->finished = true;
}

static void on_flushed(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;

	on_counts(b, m);
	if (++b->ranks_flushed == b->size)
		indexer_flush(b->indexer);
}

static void indexer_flushed(void *arg)
{
	struct backup *b = arg;

	b->finished = true;
}

static void pack_stored(void *arg, const struct pack *p)
{
	struct backup *b = arg;
	struct buf m;

	if (b->opt->dry_run)
		return;
	if (b->rank == 0) {
		indexer_add(b->indexer, &p->id, p->blob, p->n);
		return;
	}
	buf_init(&m, MESSAGE_MAX);
	wire_put_id(&m, &p->id);
	wire_put_u32(&m, (uint32_t)p->n);
	for (size_t i = 0; i < p->n; i++) {
		wire_put_id(&m, &p->blob[i].id);
		wire_put_u8(&m, (uint8_t)p->blob[i].type);
		wire_put_u32(&m, p->blob[i].offset);
		wire_put_u32(&m, p->blob[i].length);
		wire_put_u32(&m, p->blob[i].plain);
	}
	router_send(b->r, 0, TAG_PACK, &m);
}

static void on_pack(void *arg, struct comm_msg *m)
{
	struct backup *b = arg;
	struct wire_in w;
	struct id pack;
	struct blob *blob;
	uint32_t n;
	struct err e;

	wire_in_init(&w, m->data.p, m->data.len);
	wire_id(&w, &pack);
	n = wire_u32(&w);
	if (n > PACK_ENTRIES_MAX)
		w.bad = true;
	blob = mem_array(w.bad ? 1 : n, sizeof(*blob));
	for (uint32_t i = 0; i < n && !w.bad; i++) {
		wire_id(&w, &blob[i].id);
		blob[i].type = wire_u8(&w) == BLOB_TREE ? BLOB_TREE : BLOB_DATA;
		blob[i].offset = wire_u32(&w);
		blob[i].length = wire_u32(&w);
		blob[i].plain = wire_u32(&w);
	}
	if (wire_done(&w)) {
		indexer_add(b->indexer, &pack, blob, n);
	} else {
		err_set(&e, ERR_INVALID, "a damaged pack record from rank %d", m->from);
		fail(b, &e);
	}
	mem_free(blob);
}

static void tick(struct task *t)
{
	struct backup *b = task_of(t, struct backup, tick);
	struct backup_counts sum;
	struct err e;

	if (b->flushed && b->rank != 0)
		return;
	if (b->stop && *b->stop && !b->err.code) {
		err_set(&e, ERR_CANCELED, "stopped by a signal");
		fail(b, &e);
	}
	if (b->rank == 0) {
		if (b->opt->lock && lock_lost(b->opt->lock) && !b->err.code) {
			err_set(&e, ERR_LOCKED, "the lock on the repository was lost: no snapshot can be saved");
			fail(b, &e);
		}
		indexer_tick(b->indexer);
		if (!b->ranks_flushed)
			counts(b, &b->of_rank[0]);
		sum_counts(b, &sum);
		if (b->ev->progress)
			b->ev->progress(b->ev->arg, &sum);
	} else {
		send_counts(b, TAG_COUNTS);
	}
	loop_after(b->env->loop, TICK_NS, &b->tick);
}

static void start_root(struct backup *b)
{
	struct dirjob *d = mem_zalloc(sizeof(*d));

	d->above = b->target;
	d->root = true;
	d->had = b->has_parent;
	d->parent = b->parent_tree;
	dir_begin(b, d);
}

static void run_init(struct backup *b)
{
	struct saver_events se = { pack_stored, failed, saver_flushed, b };
	struct workq_ops ops = { q_pack, q_unpack, q_arrived, failed, b };
	unsigned in_flight = b->opt->packs_in_flight ? b->opt->packs_in_flight : b->repo->be->connections;

	b->make = (struct nodemake){ owners_new(), b->env->zone, b->opt->with_atime };
	b->tables = chunker_tables_new(b->repo->config.polynomial);
	b->claim = b->size == 1 ? claim_local_new(b->catalog) : claim_dist_new(b->r, b->catalog);
	b->loader = loader_new(b->repo, b->claim, CACHE_TREES);
	/* the packs being filled and those on their way */
	b->saver = saver_new(b->repo, b->claim, b->opt->pack_size, in_flight + 2, b->opt->dry_run, &se);
	b->queue = workq_new(b->r, b->env, &ops);
	b->trees = treebuild_new();
	b->tick = (struct task){ .done = tick };
	router_on(b->r, TAG_NODE, on_node, b);
	router_on(b->r, TAG_CANCEL, on_cancel, b);
	router_on(b->r, TAG_FLUSH, on_flush, b);
	if (b->rank == 0) {
		b->of_rank = mem_array((size_t)b->size, sizeof(*b->of_rank));
		b->indexer = indexer_new(b->repo, 0, failed, indexer_flushed, b);
		router_on(b->r, TAG_PACK, on_pack, b);
		router_on(b->r, TAG_NOTE, on_note, b);
		router_on(b->r, TAG_COUNTS, on_counts, b);
		router_on(b->r, TAG_FAIL, on_fail, b);
		router_on(b->r, TAG_FLUSHED, on_flushed, b);
	}
}

static void run_release(struct backup *b)
{
	loop_cancel(b->env->loop, &b->tick);
	for (unsigned t = TAG_NODE; t <= TAG_FLUSHED; t++)
		router_on(b->r, t, NULL, NULL);
	workq_free(b->queue);
	saver_free(b->saver);
	loader_free(b->loader);
	claim_free(b->claim);
	treebuild_free(b->trees);
	indexer_free(b->indexer);
	owners_free(b->make.owners);
	chunker_tables_free(b->tables);
	catalog_free(b->catalog);
	target_free(b->target);
	mem_free(b->of_rank);
}

static void summary(const struct backup *b, struct backup_result *res)
{
	struct snapshot_summary *s = &res->summary;
	struct backup_counts *c = &res->counts;

	sum_counts(b, c);
	*s = (struct snapshot_summary){ .backup_start = b->start, .backup_end = clock_now(b->env->clock) };
	s->files_new = c->files_new;
	s->files_changed = c->files_changed;
	s->files_unmodified = c->files_unmodified;
	s->dirs_new = c->dirs_new;
	s->dirs_changed = c->dirs_changed;
	s->dirs_unmodified = c->dirs_unmodified;
	s->data_blobs = c->data_blobs;
	s->tree_blobs = c->tree_blobs;
	s->data_added = c->data_added;
	s->data_added_packed = c->data_added_packed;
	s->total_files_processed = c->files_done;
	s->total_bytes_processed = c->bytes_done;
}

/* Rank 0, after every pack and index is stored: the snapshot, last of all. */
static int save_snapshot(struct backup *b, struct backup_result *res)
{
	static const char empty_tree[] = "ac08ce34ba4f8123618661bef2425f7028ffb9ac740578a3ee88684d2523fee8";
	struct snapshot s = b->opt->head;
	struct id empty;
	struct buf json;
	int rc = 0;

	summary(b, res);
	res->tree = b->tree;
	id_parse(&empty, empty_tree, ID_HEX);
	if (id_equal(&b->tree, &empty))
		return err_set(&b->err, ERR_USAGE, "snapshot is empty");
	if (b->opt->skip_if_unchanged && b->opt->parent && id_equal(&b->tree, &b->opt->parent->tree)) {
		res->unchanged = true;
		return 0;
	}
	if (b->opt->dry_run)
		return 0;
	if (b->opt->lock && lock_lost(b->opt->lock))
		return err_set(&b->err, ERR_LOCKED, "the lock on the repository was lost: no snapshot can be saved");
	s.tree = b->tree;
	s.has_parent = b->opt->parent != NULL;
	if (s.has_parent)
		s.parent = b->opt->parent->id;
	s.has_summary = true;
	s.summary = res->summary;
	buf_init(&json, (size_t)64 << 20);
	snapshot_write(&s, b->env->zone, &json);
	rc = json.overflow ? err_set(&b->err, ERR_NOMEM, "the snapshot's list of paths is too long") :
			     repo_save(b->repo, BACKEND_SNAPSHOT, json.p, json.len, &res->snapshot, &b->err);
	buf_release(&json);
	return rc;
}

/* Rank 0 has the targets and the parent; the others learn only whether there is something to do. */
static int prepare(struct backup *b)
{
	int rc = 0;

	b->start = clock_now(b->env->clock);
	if (b->rank == 0) {
		b->has_parent = b->opt->parent && !b->opt->force;
		if (b->has_parent)
			b->parent_tree = b->opt->parent->tree;
		rc = target_tree(&b->opt->targets, b->opt->cwd, &b->target, &b->err);
	}
	if (rc == 0)
		err_clear(&b->err);
	rc = agree_all(b->a, &b->err);
	if (rc)
		return rc;
	b->catalog = catalog_new();
	return idxshare_load(b->r, b->repo, b->catalog, &b->err);
}

int backup_run(struct router *r, struct agree *a, struct repo *repo, const struct env *env, const struct backup_options *opt, const struct backup_events *ev, const volatile int *stop,
	       struct backup_result *result, struct err *err)
{
	struct backup *b = mem_zalloc(sizeof(*b));
	int rc;

	memset(result, 0, sizeof(*result));
	*b = (struct backup){ .r = r, .a = a, .repo = repo, .env = env, .opt = opt, .ev = ev, .stop = stop, .rank = router_rank(r), .size = router_size(r) };
	rc = prepare(b);
	if (rc < 0) {
		err_copy(err, &b->err);
		catalog_free(b->catalog);
		target_free(b->target);
		mem_free(b);
		return rc;
	}
	run_init(b);
	agree_all(a, &b->err); /* all listen before the first speaks */
	loop_after(env->loop, TICK_NS, &b->tick);
	if (b->rank == 0)
		start_root(b);
	more(b);
	router_run(r, &b->finished);
	if (b->rank == 0 && !b->failed_told)
		save_snapshot(b, result);
	else if (b->rank == 0)
		sum_counts(b, &result->counts);
	rc = agree_all(a, &b->err);
	err_copy(err, &b->err);
	run_release(b);
	mem_free(b);
	return rc;
}
