#include "engine/filejob_file.h"
#include "base/mem.h"
#include "base/path.h"
#include "fs/dir.h"
#include "fs/file.h"
#include <string.h>
#include <unistd.h>

#define SMALL CHUNKER_MIN /* files up to this size are one chunk */
#define STEP                                                                                       \
	((size_t)256 * 1024) /* read at once from a large file; what is left behind a cut is       \
				copied, so not too large */

struct chunk {
	struct task task;
	struct filejob *job;
	size_t file, index, charge;
	bool small; /* the only chunk of its file, hashed and in its node already */
	struct id id;
	struct buf plain;
};

/* Below this many bytes a reader keeps small files until its item is read; then they go their way
 * one by one. */
#define HELD_MAX ((size_t)4 << 20)

struct filejob *filejob_new(const struct item *item, const struct env *env, struct repo *repo,
	const struct chunker_tables *tables, const struct backup_options *opt,
	const struct nodemake *make, struct tally *tally, bool foreign,
	const struct run_flags *flags, const struct filejob_events *ev)
{
	struct filejob *j = mem_zalloc(sizeof(*j));

	j->item = item;
	j->env = env;
	j->repo = repo;
	j->tables = tables;
	j->opt = opt;
	j->make = make;
	j->tally = tally;
	j->foreign = foreign;
	j->flags = flags;
	j->ev = *ev;
	j->file = mem_array(item->n, sizeof(*j->file));
	return j;
}

void filejob_free(struct filejob *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->item->n; i++) {
		struct filejob_file *f = &j->file[i];

		xattr_list_release(&f->xattr);
		buf_release(&f->small);
		buf_release(&f->json);
		mem_free(f->content);
	}
	mem_free(j->file);
	walk_notes_release(j->note, j->n_note);
	mem_free(j);
}

static void settle_large(struct filejob *j, size_t i)
{
	struct filejob_file *f = &j->file[i];

	if (f->settled || !j->read_all || f->have < f->chunks)
		return;
	f->settled = true;
	if (f->failed) {
		j->ev.file(j->ev.arg, i, NULL, 0);
		return;
	}
	if (!f->json.p)
		filejob_node(j, i, f->content, f->chunks);
	j->ev.file(j->ev.arg, i, f->json.p, f->json.len);
	f->json = (struct buf){0};
}

static void maybe_done(struct filejob *j)
{
	if (j->read_all &&
		j->finished ==
			j->spawned) /* in this order: until read_all, spawned is the reader's */
		j->ev.done(j->ev.arg);
}

static void chunk_run(struct task *t)
{
	struct chunk *c = task_of(t, struct chunk, task);
	struct repo_ctx *ctx;

	if (filejob_dropped(c->job))
		return;
	ctx = repo_ctx_get(c->job->repo);
	hash_once(ctx->hash, c->plain.p, c->plain.len, &c->id);
	repo_ctx_put(c->job->repo, ctx);
}

static void chunk_done(struct task *t)
{
	struct chunk *c = task_of(t, struct chunk, task);
	struct filejob *j = c->job;
	struct filejob_file *f = &j->file[c->file];

	if (!c->small) {
		if (c->index >= f->cap) {
			f->cap = c->index * 2 + 8;
			f->content = mem_regrow(f->content, f->cap, sizeof(*f->content));
		}
		f->content[c->index] = c->id;
		f->have++;
	}
	if (filejob_dropped(j))
		budget_give(j->env->budget, c->charge);
	else
		j->ev.chunk(j->ev.arg, &c->id, &c->plain, c->charge);
	j->finished++;
	if (!c->small)
		settle_large(j, c->file);
	buf_release(&c->plain);
	mem_free(c);
	maybe_done(j);
}

/* Lets go of the small files read so far. */
static void release_small(struct filejob *j)
{
	for (size_t i = j->first_held; i < j->item->n && j->held; i++) {
		struct filejob_file *f = &j->file[i];
		struct chunk *c;

		if (!f->small.p)
			continue;
		c = mem_zalloc(sizeof(*c));
		c->task = (struct task){.done = chunk_done};
		c->job = j;
		c->file = i;
		c->charge = f->charge;
		c->small = true;
		c->id = f->content[0];
		c->plain = f->small;
		f->small = (struct buf){0};
		j->held -= c->charge;
		j->spawned++;
		loop_post(j->env->loop, &c->task);
	}
}

/*
 * Room for n bytes.  Who has to wait holds nothing that others wait for: readers with their hands
 * full of small files could otherwise wait for each other for ever.
 */
static void take(struct filejob *j, size_t n)
{
	if (budget_try(j->env->budget, n))
		return;
	release_small(j);
	budget_take(j->env->budget, n);
}

/* Hands the first n bytes of b to a cpu worker; what is behind them stays, in a new buffer. */
static void emit(struct filejob *j, size_t i, struct buf *b, size_t n, size_t charge)
{
	struct chunk *c = mem_zalloc(sizeof(*c));
	size_t left = b->len - n;

	c->task = (struct task){.run = chunk_run, .done = chunk_done};
	c->job = j;
	c->file = i;
	c->index = j->file[i].chunks++;
	c->charge = charge;
	c->plain = *b;
	c->plain.len = n;
	buf_init(b, CHUNKER_MAX + STEP);
	if (left) {
		buf_reserve(b, left + 2 * CHUNKER_MIN + STEP);
		buf_add(b, c->plain.p + n, left);
	}
	j->spawned++;
	jobs_put(j->env->cpu, &c->task);
}

/* The rest of a file from the descriptor's offset, with b holding what was read already. */
static int read_large(struct filejob *j, size_t i, int fd, struct buf *b, struct err *err)
{
	struct chunker cut;
	bool eof = false;
	size_t len;

	chunker_init(&cut, j->tables);
	while (!eof || b->len) {
		/* room for the largest chunk is taken before it is read, so readers never wait for
		 * each other holding half a chunk */
		take(j, CHUNKER_MAX);
		while ((len = chunker_next(&cut, b->p, b->len, eof)) == 0 && !eof) {
			ssize_t got;

			if (b->cap - b->len < STEP)
				buf_reserve(b, STEP);
			got = filejob_late(j) ? err_set(err, ERR_CANCELLED, "no time is left")
					      : file_read(fd, b->p + b->len, STEP, err);
			if (got < 0) {
				budget_give(j->env->budget, CHUNKER_MAX);
				return (int)got;
			}
			b->len += (size_t)got;
			j->file[i].size += (uint64_t)got;
			tally_add(j->tally, bytes_done, (uint64_t)got);
			eof = (size_t)got < STEP;
		}
		if (!len) {
			budget_give(j->env->budget, CHUNKER_MAX);
			break;
		}
		budget_give(j->env->budget, CHUNKER_MAX - len);
		emit(j, i, b, len, len);
	}
	return 0;
}

/* A file that fits one chunk: read with one byte more than expected, so that the same call sees its
 * end. */
static int read_small(struct filejob *j, size_t i, int fd, struct repo_ctx *ctx, struct err *err)
{
	struct filejob_file *f = &j->file[i];
	struct buf b;
	size_t want = (size_t)f->meta.size + 1;
	ssize_t got;
	int rc;

	buf_init(&b, CHUNKER_MAX + STEP);
	f->charge = want;
	take(j, want);
	buf_reserve(&b, want);
	got = file_read(fd, b.p, want, err);
	if (got < 0 || (size_t)got == want) { /* a fault, or it has grown */
		budget_give(j->env->budget, want);
		b.len = got < 0 ? 0 : (size_t)got;
		f->size = b.len;
		tally_add(j->tally, bytes_done, b.len);
		rc = got < 0 ? (int)got : read_large(j, i, fd, &b, err);
		buf_release(&b);
		return rc;
	}
	b.len = (size_t)got;
	f->size = b.len;
	tally_add(j->tally, bytes_done, (uint64_t)got);
	if (!b.len) {
		budget_give(j->env->budget, want);
		buf_release(&b);
		filejob_node(j, i, NULL, 0);
		return 0;
	}
	f->content = mem_alloc(sizeof(*f->content));
	hash_once(ctx->hash, b.p, b.len, &f->content[0]);
	f->small = b;
	filejob_node(j, i, f->content, 1);
	if (!j->held)
		j->first_held = i;
	j->held += want;
	if (j->held > HELD_MAX) /* they were smaller when they were listed */
		release_small(j);
	return 0;
}

/* Before a node is made, which nobody but a reader may wait for. */
static void ask_owner(struct filejob *j, size_t i)
{
	const struct meta *m = &j->file[i].meta;
	char *path;

	if (!witness_news(j->make->witness, &j->owner, m))
		return;
	path = path_join(j->item->path, j->item->file[i].name);
	witness_owner(j->make->witness, m, path);
	mem_free(path);
}

static int read_file(struct filejob *j, size_t i, int dirfd, struct repo_ctx *ctx, struct err *err)
{
	struct filejob_file *f = &j->file[i];
	struct err warn;
	int rc, fd = file_open(dirfd, j->item->file[i].name, &f->meta, err);

	if (fd < 0)
		return fd;
	nodemake_device(j->make, &f->meta);
	rc = filejob_compare(j, i, err);
	if (rc < 0) {
		file_close(fd);
		return rc;
	}
	ask_owner(j, i);
	tally_add(j->tally, files_opened, 1);
	err_clear(&warn);
	if (xattr_read_fd(fd, &f->xattr, &warn, err) < 0) { /* kept with what is known */
		filejob_say(j, j->item->file[i].name, err);
		err_clear(err);
	} else if (warn.code) {
		filejob_say(j, j->item->file[i].name, &warn);
	}
	if (f->meta.size <= SMALL) {
		rc = read_small(j, i, fd, ctx, err);
	} else {
		struct buf b;

		buf_init(&b, CHUNKER_MAX + STEP);
		buf_reserve(&b, 3 * CHUNKER_MIN);
		rc = read_large(j, i, fd, &b, err);
		buf_release(&b);
	}
	file_close(fd);
	return rc;
}

/* A rank that only reads here has not asked about the file system yet. */
static void ask_directory(struct filejob *j, int dirfd)
{
	struct meta m;

	if (j->foreign && j->make->witness &&
		nodemake_stat(j->make, dirfd, "", false, &m, NULL) == 0)
		witness_directory(j->make->witness, &j->owner, dirfd, &m, j->item->path);
}

static void filejob_run(struct task *t)
{
	struct filejob *j = task_of(t, struct filejob, task);
	struct repo_ctx *ctx = repo_ctx_get(j->repo);
	struct err err;
	bool fatal = false;
	int dirfd;

	err_clear(&err);
	dirfd = filejob_late(j)
			? err_set(&err, ERR_CANCELLED, "cancelled")
			: gone_open(j->make->view, j->item->path, j->item->follow, &fatal, &err);
	if (fatal)
		err_copy(&j->fatal, &err);
	if (dirfd >= 0)
		ask_directory(j, dirfd);
	for (size_t i = 0, tries = 1; i < j->item->n;) {
		if (dirfd >= 0)
			err_clear(&err);
		if ((dirfd < 0 || filejob_late(j) || j->fatal.code ||
			    read_file(j, i, dirfd, ctx, &err) < 0) &&
			filejob_failed(j, i, dirfd, tries == GONE_TRIES, &err)) {
			tries++;
			continue;
		}
		i++;
		tries = 1;
	}
	if (dirfd >= 0)
		close(dirfd);
	repo_ctx_put(j->repo, ctx);
}

static void filejob_done(struct task *t)
{
	struct filejob *j = task_of(t, struct filejob, task);

	j->read_all = true;
	for (size_t i = 0; i < j->item->n; i++) {
		struct filejob_file *f = &j->file[i];

		if (f->small.p) {
			if (filejob_dropped(j))
				budget_give(j->env->budget, f->charge);
			else
				j->ev.chunk(j->ev.arg, &f->content[0], &f->small, f->charge);
			buf_release(&f->small);
		}
		settle_large(j, i);
	}
	maybe_done(j);
}

void filejob_start(struct filejob *j)
{
	j->task = (struct task){.run = filejob_run, .done = filejob_done};
	jobs_put(j->env->readers, &j->task);
}
