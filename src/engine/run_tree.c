#include "engine/run.h"
#include "base/mem.h"

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
	b->closing--;
	if (s->err.code) {
		run_fail(b, &s->err);
	} else if (!b->cancelled) {
		if (root) {
			b->tree = s->tree;
			b->empty = s->kept == 0;
			b->tree_closed = true;
		} else if (!s->has_parent) {
			tally_add(&b->tally, dirs_new, 1);
			run_item(b, "new", s->path, "", 0);
		} else if (s->meta_same && id_equal(&s->parent, &s->tree)) {
			tally_add(&b->tally, dirs_unmodified, 1);
			run_item(b, "unchanged", s->path, "", 0);
		} else {
			tally_add(&b->tally, dirs_changed, 1);
			run_item(b, "modified", s->path, "", 0);
		}
		if (s->doubt)
			run_forget_tree(b, &s->tree);
		if (!(root && b->empty))
			saver_put(b->saver, BLOB_TREE, &s->tree, &s->tree_json, 0);
	}
	treebuild_free(s);
	if (!root)
		run_child(b, &up, node.p, node.len);
	run_more(b);
}

static void slot_full(void *arg, void *slot)
{
	struct treebuild_slot *s = slot;
	struct backup *b = arg;

	if (b->cancelled) {
		treebuild_free(s);
		return;
	}
	s->arg = b;
	s->task = (struct task){.run = tree_run, .done = tree_done};
	b->closing++;
	jobs_put(b->env->cpu, &s->task);
}

static void child(void *arg, void *slot, uint32_t n, uint8_t *json, size_t size)
{
	(void)arg;
	treebuild_set(slot, n, json, size);
}

struct pending *run_pending_new(struct backup *b)
{
	return pending_new(b->r, TAG_NODE, &(struct pending_ops){child, slot_full, run_failed, b});
}

static void drop(void *slot)
{
	treebuild_free(slot);
}

void run_pending_free(struct pending *p)
{
	pending_free(p, drop);
}

void run_child(struct backup *b, const struct dirref *up, uint8_t *json, size_t n)
{
	if (b->cancelled)
		mem_free(json);
	else
		pending_settle(b->pending, up, json, n);
}
