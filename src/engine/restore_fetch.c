#include "engine/restore_fetch.h"
#include "base/mem.h"
#include "engine/restore_content.h"

/* On a worker. */
static void came(struct reader_blobs *q, struct reader_want *want, const struct reader_got *g)
{
	struct restore_use *u = reader_want_of(want, struct restore_use, want);
	struct restore_window *w = q->arg;
	struct err e;

	if (g->err) {
		err_copy(&e, g->err);
		err_prefix(&e, "blob %s in pack %s", id_short(&want->at.blob.id).s,
			id_short(&want->at.pack).s);
		restore_content_lose(u, &e);
	} else if (restore_content_write(u, g->plain->p, g->plain->len)) {
		atomic_fetch_add(&w->written, g->plain->len);
	}
}

static void progress(struct reader_blobs *q)
{
	struct restore_window *w = q->arg;

	w->sh->dirs->counts->bytes_restored += atomic_exchange(&w->written, 0);
	w->progress(w);
}

static void ended(struct reader_blobs *q)
{
	struct restore_window *w = q->arg;

	w->tasks--;
	w->advance(w);
}

void restore_fetch(struct restore_window *w)
{
	size_t n = 0;

	w->want = mem_array(w->n_use ? w->n_use : 1, sizeof(struct reader_want *));
	for (size_t i = 0; i < w->n_use; i++) {
		struct restore_use *u = &w->use[i];

		if (!u->done && !atomic_load(&u->file->failed))
			w->want[n++] = &u->want;
	}
	w->q = (struct reader_blobs){.want = w->want,
		.n = n,
		.placed = true,
		.stop = w->sh->stop,
		.got = came,
		.progress = progress,
		.ended = ended,
		.arg = w};
	w->tasks++;
	reader_blobs_start(w->sh->reader, &w->q);
}
