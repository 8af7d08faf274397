#include "engine/backup_priv.h"
#include "base/mem.h"
#include "engine/filejob.h"

/* One item of files under way. */
struct filesjob {
	struct backup *b;
	struct item *item;
	struct filejob *job;
	struct item *back; /* files that this rank does not find as they were listed */
};

static void files_chunk(void *arg, const struct id *id, struct buf *plain, size_t charge)
{
	struct filesjob *f = arg;

	saver_put(storing_saver(f->b->storing), BLOB_DATA, id, plain, charge);
}

/* One that is another here goes by itself, with what it is. */
static void file_back(struct filesjob *f, size_t i)
{
	const struct item_file *old = &f->item->file[i];
	struct item *it = f->job->file[i].differs ? NULL : f->back;
	struct item_file *file;

	if (!it) {
		it = item_new(ITEM_FILES, &f->item->up, f->item->path);
		it->follow = f->item->follow;
		it->apart = f->item->apart;
	}
	file = item_add_file(it, old->name, old->as, old->child);
	file->had = old->had;
	file->named = old->named;
	file->again = old->again;
	file->meta_same = old->meta_same;
	file->content = old->content;
	file->seen = old->seen;
	if (f->job->file[i].differs)
		backup_back_differs(f->b, it, &f->job->file[i].meta);
	else
		f->back = it;
}

static void count(struct filesjob *f, size_t i)
{
	const struct filejob_file *file = &f->job->file[i];
	const char *what = "new";

	tally_add(&f->b->tally, files_done, 1);
	if (file->unchanged) {
		what = "unchanged";
		tally_add(&f->b->tally, files_unmodified, 1);
	} else if (f->item->file[i].had) {
		what = "modified";
		tally_add(&f->b->tally, files_changed, 1);
	} else {
		tally_add(&f->b->tally, files_new, 1);
	}
	backup_item(f->b, what, f->item->path, f->item->file[i].name, file->size);
}

static void files_file(void *arg, size_t i, uint8_t *json, size_t n)
{
	struct filesjob *f = arg;
	struct dirref up = f->item->up;

	if (f->job->file[i].back) {
		file_back(f, i);
		return;
	}
	if (json)
		count(f, i);
	else if (f->item->file[i].had)
		backup_unseen(f->b, UINT8_MAX);
	up.child = f->item->file[i].child;
	if (json && f->job->file[i].linked)
		backup_link(f->b, &f->job->file[i].link, &up, json, n);
	else
		backup_child(f->b, &up, json, n);
}

static void files_done(void *arg)
{
	struct filesjob *f = arg;
	struct backup *b = f->b;

	if (!backup_cancelled(b))
		backup_notes(b, f->job->note, f->job->n_note);
	if (f->job->fatal.code)
		run_fail(b->run, &f->job->fatal);
	if (f->back)
		backup_back(b, f->back);
	filejob_free(f->job);
	item_free(f->item);
	mem_free(f);
	b->files--;
	run_done(b->run);
}

void backup_files(struct backup *b, struct item *it)
{
	struct filesjob *f = mem_zalloc(sizeof(*f));
	struct filejob_events ev = {files_chunk, files_file, files_done, f};

	f->b = b;
	f->item = it;
	f->job = filejob_new(it, b->env, b->repo, b->tables, b->opt, &b->make, &b->tally,
		it->up.rank != (uint32_t)b->rank, run_flags(b->run), &ev);
	b->files++;
	filejob_start(f->job);
}
