/*
 * A large file, by several ranks: its directory's rank learns how long its blobs are, makes it at
 * its whole size, with the mode that says that it is not finished (fs/dest.h), and sends ranges of
 * it to their homes, each as if it was a file that lies there already.  When all are done it sets
 * the metadata.  Ranges that failed fail the file once.
 *
 * What the index says must make up its size by the first place of each blob.  If it does not, or
 * a finished file lies there whose content is to be compared first, the file goes to one home as
 * any other does, which knows what to say.  What an earlier restore did not finish is compared
 * range by range.
 *
 * The second walk cuts it again, and who has restored a range reads it.
 *
 * It holds the run while it asks and sends; then each range is outstanding by itself.
 */
#include "base/mem.h"
#include "base/wire.h"
#include "engine/restore_priv.h"
#include "kern/seal.h"
#include <string.h>
#include <unistd.h>

#define ASKS   ((size_t)1024) /* questions that are out at once */
#define WEIGHT 64             /* it counts as so many files that are away */

struct ask {
	struct catalog_find find;
	struct restore_large *f;
	size_t i; /* of its blobs */
};

struct restore_large {
	struct restore *r;
	struct restore_leaf leaf; /* of it, or of the range that is sent */
	char *path;
	struct buf bytes; /* what `file` borrows from */
	struct nodewire file;
	struct node part; /* a range of it */
	struct restore_keep keep;
	const struct id *id;
	uint32_t *length; /* of each blob; 0: it cannot be had */
	size_t n;
	uint64_t size;
	struct ask *ask;
	size_t asked, missing; /* missing: answers, and one while asking */
	size_t next;           /* the first blob that is in no range yet … */
	uint64_t offset;       /* … where it belongs … */
	uint32_t number;       /* … and the number of the range that begins with it */
	size_t out;            /* ranges, and one while there are more */
	bool there;            /* an earlier restore has left it */
	struct err err;        /* the first */
	struct restore_large *later;
};

static void release(struct restore_large *f)
{
	struct restore *r = f->r;

	r->away_files -= WEIGHT;
	restore_dir_drop(&r->dirs, f->leaf.dir);
	restore_keep_release(&f->keep);
	nodewire_release(&f->file);
	buf_release(&f->bytes);
	mem_free(f->path);
	mem_free(f->length);
	mem_free(f->ask);
	mem_free(f);
}

static const char *name_of(const struct restore_large *f)
{
	return strrchr(f->path, '/') + 1;
}

/* ---- the end ---- */

static int set_metadata(struct restore_large *f, struct err *err)
{
	struct restore *r = f->r;
	int fd, rc;

	if (!restore_dir_need(&r->dirs, f->leaf.dir))
		return err_set(err, ERR_NOTFOUND, "its directory cannot be opened any more");
	fd = dest_reopen(f->leaf.dir->fd, name_of(f), &f->leaf.place.was, err);
	if (fd < 0)
		return fd;
	rc = restore_keep_set(&f->keep, fd, err);
	close(fd);
	return rc;
}

static void over(struct restore_large *f)
{
	struct restore *r = f->r;

	/* In the second walk: it was not restored in ranges. */
	if (restore_stopped(&r->sh) || f->err.code == ERR_CANCELLED) {
		release(f);
		return;
	}
	if (r->sh.verifying) {
		r->mine.verified += !f->err.code;
	} else if (!f->err.code && set_metadata(f, &f->err) == 0) {
		r->mine.files_restored++;
		restore_item(&r->dirs, "restored", f->leaf.dir->path, name_of(f), f->size);
	}
	restore_say(&r->dirs, f->leaf.dir->path, name_of(f), &f->err);
	release(f);
}

static void part_done(void *arg, const struct err *e)
{
	struct restore_large *f = arg;

	if (e && (!f->err.code || f->err.code == ERR_CANCELLED))
		err_copy(&f->err, e);
	if (--f->out == 0)
		over(f);
}

/* ---- ranges ---- */

static uint64_t range_size(const struct restore *r)
{
	return r->opt->range ? r->opt->range : RESTORE_RANGE;
}

static void send_range(struct restore_large *f)
{
	struct restore *r = f->r;
	struct restore_part part = {.base = f->offset,
		.whole = f->size,
		.number = f->number++,
		.there = f->there};
	size_t first = f->next;

	while (f->next < f->n && f->offset - part.base < range_size(r))
		f->offset += f->length[f->next++];
	f->part.content = f->id + first;
	f->part.n_content = f->next - first;
	f->part.size = f->offset - part.base;
	part.back = restore_away_result(r, part_done, f);
	f->out++;
	f->leaf.part = &part;
	restore_away_send(r, &f->leaf);
	f->leaf.part = NULL;
}

void restore_large_on(struct restore *r)
{
	while (r->large) {
		struct restore_large *f = r->large;

		while (f->next < f->n && !restore_away_much(r) && !restore_stopped(&r->sh))
			send_range(f);
		if (f->next < f->n && !restore_stopped(&r->sh))
			return;
		r->large = f->later;
		part_done(f, NULL);
		run_done(r->run);
	}
}

/* ---- making ---- */

static int make(struct restore_large *f, struct err *err)
{
	struct restore *r = f->r;
	struct restore_dir *d = f->leaf.dir;
	int fd = ERR_NOTFOUND, rc;

	if (f->leaf.place.kind == RESTORE_OURS)
		fd = dest_reopen(d->fd, name_of(f), &f->leaf.place.was, NULL);
	f->there = fd >= 0;
	if (f->there) {
		rc = dest_resize(fd, f->leaf.place.was.size, f->size, r->opt->sparse, err);
		close(fd);
		return rc;
	}
	fd = 0;
	if (f->leaf.place.kind != RESTORE_FREE)
		fd = restore_spare_clear(r->dirs.spare, d->fd, d->path, name_of(f), err);
	if (fd < 0)
		return fd;
	fd = dest_create(d->fd, name_of(f), &f->leaf.place.was, err);
	if (fd == ERR_EXISTS)
		err_set(err, ERR_EXISTS, RESTORE_TWICE);
	if (fd < 0)
		return fd;
	rc = dest_resize(fd, 0, f->size, r->opt->sparse, err);
	close(fd);
	return rc;
}

/* It goes the way of all others. */
static void give_up(struct restore_large *f)
{
	struct restore *r = f->r;

	/* The second walk has sent it already. */
	if (!restore_stopped(&r->sh) && !r->sh.verifying)
		restore_away_send(r, &f->leaf);
	release(f);
	run_done(r->run);
}

static void lengths_known(struct restore_large *f)
{
	struct restore *r = f->r;
	uint64_t sum = 0;
	bool whole = true;

	mem_free(f->ask);
	f->ask = NULL;
	for (size_t i = 0; i < f->n; i++) {
		whole = whole && f->length[i];
		sum += f->length[i];
	}
	if (!whole || sum != f->size || restore_stopped(&r->sh) ||
		!restore_dir_need(&r->dirs, f->leaf.dir)) {
		give_up(f);
		return;
	}
	if (!r->sh.verifying) {
		r->mine.total_files++;
		r->mine.total_bytes += f->size;
		if (make(f, &f->err) < 0) {
			over(f);
			run_done(r->run);
			return;
		}
	}
	f->leaf.place.kind = RESTORE_PART;
	f->part = f->file.node;
	f->part.n_xattr = 0;
	f->leaf.node = &f->part;
	f->out = 1;
	f->later = r->large;
	r->large = f;
	restore_flow_on(r);
}

static void ask_on(struct restore_large *f);

static void answered(struct catalog_find *q)
{
	struct ask *a = q->arg;
	struct restore_large *f = a->f;
	const struct blob *b = &q->place.blob;

	if (q->found && b->length > SEAL_OVERHEAD)
		f->length[a->i] = blob_plain_size(b);
	if (--f->missing == 0)
		ask_on(f);
}

static void ask_on(struct restore_large *f)
{
	while (f->asked < f->n) {
		size_t n = f->n - f->asked < ASKS ? f->n - f->asked : ASKS;

		f->missing = n + 1;
		for (size_t k = 0; k < n; k++) {
			struct ask *a = &f->ask[k];

			*a = (struct ask){.f = f, .i = f->asked++};
			a->find = (struct catalog_find){.type = BLOB_DATA,
				.id = f->id[a->i],
				.done = answered,
				.arg = a};
			catalog_find(f->r->in->catalog, &a->find);
		}
		if (--f->missing)
			return;
	}
	lengths_known(f);
}

/* By an earlier restore, with the mode that says so: its ranges say what is there already. */
static bool left_unfinished(const struct meta *was)
{
	return dest_unfinished(was) && was->nlink == 1;
}

bool restore_large(struct restore *r, const struct restore_leaf *l)
{
	const struct node *n = l->node;
	struct restore_large *f;
	struct wire_in in;

	if (!r->homes || n->type != NODE_FILE || linkset_may(n) || r->opt->dry_run ||
		n->size < 2 * range_size(r) || !n->n_content)
		return false;
	if (l->verdict != RESTORE_LEAF_MAKE ||
		(l->place.kind == RESTORE_OURS && !left_unfinished(&l->place.was)))
		return false;
	if (l->place.kind != RESTORE_FREE && l->place.was.dev != l->dir->is.dev)
		return false; /* as restore_away */
	f = mem_zalloc(sizeof(*f));
	f->r = r;
	f->leaf = *l;
	buf_init(&f->bytes, COMM_MAX);
	nodewire_put(&f->bytes, n);
	wire_in_init(&in, f->bytes.p, f->bytes.len);
	nodewire_get(&in, &f->file);
	f->leaf.node = &f->file.node;
	f->leaf.path = f->path = mem_strdup(l->path);
	f->size = n->size;
	f->n = n->n_content;
	f->id = f->file.node.content;
	f->length = mem_array(f->n, sizeof(*f->length));
	f->ask = mem_array(f->n < ASKS ? f->n : ASKS, sizeof(*f->ask));
	restore_keep_node(&f->keep, n, r->dirs.owners);
	restore_dir_hold(l->dir);
	r->away_files += WEIGHT;
	run_hold(r->run);
	ask_on(f);
	return true;
}
