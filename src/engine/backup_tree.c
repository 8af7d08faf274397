#include "engine/backup_priv.h"
#include "base/mem.h"

/* A tree that the index has and nobody can read. */
struct forget {
	struct catalog_claim ask;
	struct backup *b;
	struct id id;
	enum catalog_verdict verdict;
};

static void forgotten(struct catalog_claim *r)
{
	struct forget *f = r->arg;
	struct backup *b = f->b;

	mem_free(f);
	run_done(b->run);
}

void backup_forget_tree(struct backup *b, const struct id *id)
{
	struct forget *f = mem_zalloc(sizeof(*f));

	f->b = b;
	f->id = *id;
	f->ask = (struct catalog_claim){.forget = true,
		.type = BLOB_TREE,
		.id = &f->id,
		.n = 1,
		.verdict = &f->verdict,
		.done = forgotten,
		.arg = f};
	run_hold(b->run);
	catalog_claim(b->catalog, &f->ask);
}

/* Its children are settled: a directory becomes a tree. */
static void tree_run(struct task *t)
{
	struct treebuild_slot *s = task_of(t, struct treebuild_slot, task);
	struct backup *b = s->arg;
	struct repo_ctx *ctx = repo_ctx_get(b->repo);

	treebuild_tree(s, &b->make, ctx->hash);
	repo_ctx_put(b->repo, ctx);
}

static void tree_done(struct task *t)
{
	struct treebuild_slot *s = task_of(t, struct treebuild_slot, task);
	struct backup *b = s->arg;
	bool root = s->root;
	struct dirref up = s->up;
	struct buf node = s->node_json;

	s->node_json = (struct buf){0};
	if (s->err.code) {
		run_fail(b->run, &s->err);
	} else if (!backup_cancelled(b)) {
		if (root) {
			b->tree = s->tree;
			b->empty = s->kept == 0;
			b->tree_closed = true;
		} else if (!s->has_parent) {
			tally_add(&b->tally, dirs_new, 1);
			backup_item(b, "new", s->path, "", 0);
		} else if (s->meta_same && id_equal(&s->parent, &s->tree)) {
			tally_add(&b->tally, dirs_unmodified, 1);
			backup_item(b, "unchanged", s->path, "", 0);
		} else {
			tally_add(&b->tally, dirs_changed, 1);
			backup_item(b, "modified", s->path, "", 0);
		}
		if (s->doubt)
			backup_forget_tree(b, &s->tree);
		if (!(root && b->empty))
			saver_put(storing_saver(b->storing), BLOB_TREE, &s->tree, &s->tree_json, 0);
	}
	treebuild_free(s);
	if (!root)
		backup_child(b, &up, node.p, node.len);
	run_done(b->run);
}

static void slot_full(void *arg, void *slot)
{
	struct treebuild_slot *s = slot;
	struct backup *b = arg;

	if (backup_cancelled(b)) {
		treebuild_free(s);
		return;
	}
	s->arg = b;
	s->task = (struct task){.run = tree_run, .done = tree_done};
	run_hold(b->run);
	jobs_put(b->env->cpu, &s->task);
}

static void child(void *arg, void *slot, uint32_t n, uint8_t *json, size_t size)
{
	(void)arg;
	treebuild_set(slot, n, json, size);
}

static void sent(void *arg)
{
	run_sent(((struct backup *)arg)->run);
}

static void came(void *arg)
{
	run_came(((struct backup *)arg)->run);
}

static void failed(void *arg, const struct err *e)
{
	run_fail(((struct backup *)arg)->run, e);
}

struct pending *backup_pending_new(struct backup *b)
{
	return pending_new(b->r, TAG_NODE,
		&(struct pending_ops){child, slot_full, sent, came, failed, b});
}

static void drop(void *slot)
{
	treebuild_free(slot);
}

void backup_pending_free(struct pending *p)
{
	pending_free(p, drop);
}

void backup_child(struct backup *b, const struct dirref *up, uint8_t *json, size_t n)
{
	if (backup_cancelled(b))
		mem_free(json);
	else
		pending_settle(b->pending, up, json, n);
}

void backup_not_included(struct backup *b, struct item *it)
{
	struct dirref up = it->up;

	if (it->kind == ITEM_DIR) {
		backup_unseen(b, it->parents.has);
		backup_child(b, &up, NULL, 0);
	}
	for (size_t i = 0; it->kind == ITEM_FILES && i < it->n; i++) {
		if (it->file[i].had)
			backup_unseen(b, UINT8_MAX);
		up.child = it->file[i].child;
		backup_child(b, &up, NULL, 0);
	}
	item_free(it);
}
