#include "engine/run.h"
#include "base/mem.h"
#include "engine/filejob.h"

/* One item of files under way. */
struct filesjob {
	struct backup *b;
	struct item *item;
	struct filejob *job;
};

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
		run_item(f->b, f->item->file[i].had ? "modified" : "new", f->item->path, f->item->file[i].name, f->job->file[i].size);
	}
	up.child = f->item->file[i].child;
	run_child(f->b, &up, json, n);
}

static void files_done(void *arg)
{
	struct filesjob *f = arg;
	struct backup *b = f->b;

	if (!b->canceled)
		run_notes(b, f->job->note, f->job->n_note);
	filejob_free(f->job);
	item_free(f->item);
	mem_free(f);
	b->files--;
	run_more(b);
}

void run_files(struct backup *b, struct item *it)
{
	struct filesjob *f = mem_zalloc(sizeof(*f));
	struct filejob_events ev = {files_chunk, files_file, files_done, f};

	f->b = b;
	f->item = it;
	f->job = filejob_new(it, b->env, b->repo, b->tables, b->opt, &b->make, &b->tally, &b->canceled, &ev);
	b->files++;
	filejob_start(f->job);
}
