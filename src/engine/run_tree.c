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
	treebuild_close(b->trees, s);
	if (!root)
		run_child(b, &up, node.p, node.len);
	run_more(b);
}

void run_slot_full(struct backup *b, struct treebuild_slot *s)
{
	s->arg = b;
	s->task = (struct task){.run = tree_run, .done = tree_done};
	b->closing++;
	jobs_put(b->env->cpu, &s->task);
}

static void child_here(struct backup *b, uint32_t slot, uint32_t child, uint8_t *json, size_t n)
{
	bool bad = false;
	struct treebuild_slot *s = treebuild_set(b->trees, slot, child, json, n, &bad);
	struct err e;

	if (s)
		run_slot_full(b, s);
	if (!bad || b->cancelled)
		return;
	err_set(&e, ERR_INVALID,
		"a result for directory %u, entry %u, which nobody waits for: this is an error in "
		"the program",
		slot, child);
	run_fail(b, &e);
}

/* A child is settled: json (heap, taken; NULL: not included) goes to the rank that waits for it. */
void run_child(struct backup *b, const struct dirref *up, uint8_t *json, size_t n)
{
	struct buf m;

	if (b->cancelled || up->rank == (uint32_t)b->rank) {
		if (b->cancelled)
			mem_free(json);
		else
			child_here(b, up->slot, up->child, json, n);
		return;
	}
	if (n > MESSAGE_MAX - 64) {
		struct err e;

		err_set(&e, ERR_NOMEM,
			"a node of %zu bytes is too large to be sent to another rank", n);
		mem_free(json);
		run_fail(b, &e);
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

void run_on_node(void *arg, struct comm_msg *m)
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
	if (!b->cancelled)
		child_here(b, slot, child, there ? mem_dup(p, n) : NULL, n);
}
