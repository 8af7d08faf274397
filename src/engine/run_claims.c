/* What is asked of the ranks that own blobs and inode numbers, beside what the saver asks. */
#include "base/mem.h"
#include "engine/run.h"

/* What may share an inode number with others: its node waits until its inode's owner rank has said
 * whether it is the same file as the others. */
struct link {
	struct catalog_first ask;
	struct backup *b;
	struct dirref up;
	uint8_t *json;
	size_t n;
};

static void answered(struct catalog_first *f)
{
	struct link *l = f->arg;
	struct backup *b = l->b;

	if (!f->agrees)
		l->n = node_apart(l->json, l->n);
	b->asking--;
	run_child(b, &l->up, l->json, l->n);
	mem_free(l);
	run_more(b);
}

void run_link(struct backup *b, const struct catalog_first *ask, const struct dirref *up,
	uint8_t *json, size_t n)
{
	struct link *l = mem_alloc(sizeof(*l));

	*l = (struct link){.ask = *ask, .b = b, .up = *up, .json = json, .n = n};
	l->ask.done = answered;
	l->ask.arg = l;
	b->asking++;
	catalog_first(b->catalog, &l->ask);
}

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

	b->asking--;
	mem_free(f);
	run_more(b);
}

void run_forget_tree(struct backup *b, const struct id *id)
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
	b->asking++;
	catalog_claim(b->catalog, &f->ask);
}
