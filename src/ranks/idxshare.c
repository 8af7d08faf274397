/*
 * INDEXES: rank 0 lists once, so that all ranks share out the same files: ids, sorted.
 * ENTRIES: for each pack its id, u32 n and n blobs: u8 type, id, u32 offset, length, plain.
 * LOADED:  u64 packs that this rank's files name, a struct err.  The last message of each rank;
 * messages between two ranks stay in order, so all entries have come when all LOADED have.
 * THERE:   nothing: all entries have come to this rank.  Nobody leaves before all have said so: who
 * is asked for what it owns must have it.
 *
 * Workers read the files and fill a parcel for each owner.  What parcels are full or on their way
 * is bounded by a budget, which is given back when the receivers have taken them: a worker that
 * finds none waits.  The loop itself never waits, so everybody's parcels are always taken.
 */
#include "ranks/idxshare.h"
#include "base/le.h"
#include "base/mem.h"
#include "ranks/catalog_owner.h"
#include "ranks/wire_err.h"
#include <stdatomic.h>
#include <stdlib.h>

#define WINDOW     ((size_t)8 << 20)
#define OPEN_BYTES ((size_t)4 << 20) /* in parcels a worker is still filling, about */
#define PARCEL_MIN ((size_t)4 << 10)
#define PARCEL_MAX ((size_t)256 << 10)
#define FILES_MAX  8 /* at once */
#define ENTRY_SIZE (1 + ID_SIZE + 12)

enum { INDEXES, ENTRIES, LOADED, THERE, TAGS };

struct share {
	struct router *r;
	struct repo *repo;
	struct blobtable *mine;
	const struct catalog_watch *watch; /* or NULL */
	unsigned tag;
	struct id *names;
	size_t n, next, running;
	struct budget *window;
	size_t on_the_way;      /* of the window: sent, not yet known to be taken */
	size_t parcel;          /* a parcel of so many bytes is sent */
	_Atomic uint64_t packs; /* in the files that this rank has read */
	uint64_t all_packs;     /* of all ranks that have finished */
	atomic_bool cancel;     /* somebody failed: read no more */
	struct err err;         /* this rank's */
	int loaded, there;      /* messages so far */
	bool said;              /* THERE */
	int worst;              /* the lowest rank that failed, or size */
	struct err worst_err;
};

struct parcel {
	struct task task;
	struct share *s;
	int to;
	struct buf data;
};

struct box { /* what a worker has for one owner */
	struct buf data;
	size_t count_at; /* where the number of blobs of the pack in hand is written */
	uint32_t count;
};

struct file {
	struct task task;
	struct share *s;
	struct id name;
	struct box *box; /* one for each rank */
	int *touched;    /* owners of blobs of the pack in hand */
	size_t packs;
	struct err err;
};

struct listing {
	struct task task;
	struct share *s;
	struct buf names;
	struct err err;
};

static void send_loaded(struct share *s)
{
	for (int to = 0; to < router_size(s->r); to++) {
		struct buf b;

		buf_init(&b, COMM_MAX);
		wire_put_u64(&b, atomic_load(&s->packs));
		wire_put_err(&b, &s->err);
		router_send(s->r, to, s->tag + LOADED, &b);
	}
}

static void parcel_send(struct task *t)
{
	struct parcel *p = task_of(t, struct parcel, task);

	p->s->on_the_way += p->data.len;
	router_send(p->s->r, p->to, p->s->tag + ENTRIES, &p->data);
	mem_free(p);
}

static void ship(struct file *f, int to)
{
	struct box *x = &f->box[to];
	struct parcel *p;

	if (!x->data.len)
		return;
	budget_take(f->s->window, x->data.len);
	p = mem_zalloc(sizeof(*p));
	p->task.done = parcel_send;
	p->s = f->s;
	p->to = to;
	buf_move(&p->data, &x->data);
	loop_post(router_loop(f->s->r), &p->task);
}

static void box_add(struct file *f, int owner, const struct id *pack, const struct blob *b,
	int *n_touched)
{
	struct box *x = &f->box[owner];

	if (!x->count) {
		f->touched[(*n_touched)++] = owner;
		wire_put_id(&x->data, pack);
		x->count_at = x->data.len;
		wire_put_u32(&x->data, 0);
	}
	x->count++;
	wire_put_u8(&x->data, (uint8_t)b->type);
	wire_put_id(&x->data, &b->id);
	wire_put_u32(&x->data, b->offset);
	wire_put_u32(&x->data, b->length);
	wire_put_u32(&x->data, b->plain);
}

/* On a worker. */
static int share_out(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	struct file *f = arg;
	int touched = 0;

	if (atomic_load(&f->s->cancel))
		return ERR_CANCELLED;
	f->packs++;
	if (f->s->watch && f->s->watch->pack)
		f->s->watch->pack(f->s->watch->arg, &f->name, pack, b, n);
	for (size_t i = 0; i < n; i++)
		box_add(f, catalog_owner(&b[i].id, router_size(f->s->r)), pack, &b[i], &touched);
	for (int i = 0; i < touched; i++) {
		struct box *x = &f->box[f->touched[i]];

		le32_put(x->data.p + x->count_at, x->count);
		x->count = 0;
		if (x->data.len >= f->s->parcel)
			ship(f, f->touched[i]);
	}
	return 0;
}

/* A damaged file may be left out, after what could be read of it. */
static bool skips(const struct share *s)
{
	return s->watch && s->watch->damaged;
}

static void file_run(struct task *t)
{
	struct file *f = task_of(t, struct file, task);
	int size = router_size(f->s->r), rc;

	if (atomic_load(&f->s->cancel))
		return;
	f->box = mem_array((size_t)size, sizeof(*f->box));
	f->touched = mem_array((size_t)size, sizeof(*f->touched));
	for (int i = 0; i < size; i++)
		buf_init(&f->box[i].data, COMM_MAX);
	rc = repo_load_index(f->s->repo, &f->name, share_out, f, &f->err);
	if (rc && !f->err.code)
		f->err.code = rc;
	atomic_fetch_add(&f->s->packs, f->packs);
	if (!rc && f->s->watch && f->s->watch->file)
		f->s->watch->file(f->s->watch->arg, &f->name, f->packs);
	for (int i = 0; i < size; i++) {
		if (!rc || skips(f->s))
			ship(f, i);
		buf_release(&f->box[i].data);
	}
	mem_free(f->box);
	mem_free(f->touched);
}

static void start_files(struct share *s);

static void file_done(struct task *t)
{
	struct file *f = task_of(t, struct file, task);
	struct share *s = f->s;

	if (f->err.code && !atomic_load(&s->cancel) && skips(s) &&
		s->watch->damaged(s->watch->arg, &f->name, &f->err) == 0)
		f->err.code = 0;
	/* Who stops because another failed is not the one to report. */
	if (f->err.code && !s->err.code && !atomic_exchange(&s->cancel, true))
		err_copy(&s->err, &f->err);
	mem_free(f);
	s->running--;
	start_files(s);
}

static void start_files(struct share *s)
{
	const struct env *env = router_env(s->r);
	size_t most = jobs_threads(env->readers) < FILES_MAX ? jobs_threads(env->readers)
							     : FILES_MAX;

	while (s->next < s->n && s->running < most && !atomic_load(&s->cancel)) {
		struct file *f = mem_zalloc(sizeof(*f));

		f->task.run = file_run;
		f->task.done = file_done;
		f->s = s;
		f->name = s->names[s->next];
		s->next += (size_t)router_size(s->r);
		s->running++;
		jobs_put(env->readers, &f->task);
	}
	/* Posted parcels ran before the task of their file, so LOADED goes out behind them. */
	if (!s->running)
		send_loaded(s);
}

static int list_one(void *arg, const struct id *name, uint64_t size)
{
	struct listing *l = arg;

	(void)size;
	return buf_add(&l->names, name->b, ID_SIZE);
}

static int cmp_names(const void *a, const void *b)
{
	return memcmp(a, b, ID_SIZE);
}

/* On a worker: listing blocks. */
static void list_run(struct task *t)
{
	struct listing *l = task_of(t, struct listing, task);

	if (backend_list(l->s->repo->be, BACKEND_INDEX, list_one, l, &l->err) && !l->err.code)
		err_set(&l->err, ERR_NOMEM, "too many index files");
	if (l->err.code)
		buf_reset(&l->names);
	else if (l->names.len)
		qsort(l->names.p, l->names.len / ID_SIZE, ID_SIZE, cmp_names);
}

static void list_done(struct task *t)
{
	struct listing *l = task_of(t, struct listing, task);
	struct share *s = l->s;

	/* Everybody learns of a failure by rank 0's LOADED; until then there is nothing to do. */
	err_copy(&s->err, &l->err);
	for (int to = 0; to < router_size(s->r); to++) {
		struct buf b;

		buf_init(&b, COMM_MAX);
		buf_add(&b, l->names.p, l->names.len);
		router_send(s->r, to, s->tag + INDEXES, &b);
	}
	buf_release(&l->names);
	mem_free(l);
}

static void list_start(struct share *s)
{
	struct listing *l = mem_zalloc(sizeof(*l));

	l->s = s;
	l->task.run = list_run;
	l->task.done = list_done;
	buf_init(&l->names, COMM_MAX);
	jobs_put(router_env(s->r)->readers, &l->task);
}

static void on_indexes(void *arg, struct comm_msg *m)
{
	struct share *s = arg;

	s->n = m->data.len / ID_SIZE;
	s->names = mem_array(s->n + 1, sizeof(*s->names));
	for (size_t i = 0; i < s->n; i++)
		memcpy(s->names[i].b, m->data.p + i * ID_SIZE, ID_SIZE);
	s->next = (size_t)router_rank(s->r);
	start_files(s);
}

static int get_pack(struct share *s, struct wire_in *w)
{
	struct id pack;
	struct blob *b;
	uint32_t n;

	wire_id(w, &pack);
	n = wire_u32(w);
	if (w->bad || n > (size_t)(w->end - w->p) / ENTRY_SIZE)
		return ERR_INVALID;
	b = mem_array((size_t)n + 1, sizeof(*b));
	for (uint32_t i = 0; i < n; i++) {
		b[i].type = wire_u8(w) == BLOB_DATA ? BLOB_DATA : BLOB_TREE;
		wire_id(w, &b[i].id);
		b[i].offset = wire_u32(w);
		b[i].length = wire_u32(w);
		b[i].plain = wire_u32(w);
	}
	blobtable_add(s->mine, &pack, b, n);
	mem_free(b);
	return 0;
}

static void note_failure(struct share *s, int rank, const struct err *e)
{
	atomic_store(&s->cancel, true);
	if (rank >= s->worst)
		return;
	s->worst = rank;
	err_copy(&s->worst_err, e);
}

static void on_entries(void *arg, struct comm_msg *m)
{
	struct share *s = arg;
	struct wire_in w;
	struct err e;

	wire_in_init(&w, m->data.p, m->data.len);
	while (w.p < w.end) {
		if (get_pack(s, &w) == 0)
			continue;
		err_set(&e, ERR_INVALID, "damaged message with index entries from rank %d",
			m->from);
		note_failure(s, m->from, &e);
		break;
	}
}

static void on_loaded(void *arg, struct comm_msg *m)
{
	struct share *s = arg;
	struct wire_in w;
	struct err e = {0};

	wire_in_init(&w, m->data.p, m->data.len);
	s->all_packs += wire_u64(&w);
	wire_err(&w, &e);
	if (!wire_done(&w))
		err_set(&e, ERR_INVALID, "damaged message");
	if (e.code)
		note_failure(s, m->from, &e);
	s->loaded++;
}

static void on_there(void *arg, struct comm_msg *m)
{
	(void)m;
	((struct share *)arg)->there++;
}

static void say_there(struct share *s)
{
	s->said = true;
	for (int to = 0; to < router_size(s->r); to++) {
		struct buf nothing;

		buf_init(&nothing, COMM_MAX);
		router_send(s->r, to, s->tag + THERE, &nothing);
	}
}

/* True when everybody's entries have come to their owners and ours are taken. */
static bool settled(void *arg)
{
	struct share *s = arg;
	bool sent = router_sent(s->r);

	if (sent && s->on_the_way) {
		budget_give(s->window, s->on_the_way);
		s->on_the_way = 0;
	}
	if (s->loaded == router_size(s->r) && !s->said)
		say_there(s);
	return sent && s->there == router_size(s->r);
}

static void run(struct share *s)
{
	s->tag = router_tags(s->r, TAGS);
	router_open(s->r, s->tag + INDEXES, on_indexes, s);
	router_open(s->r, s->tag + ENTRIES, on_entries, s);
	router_open(s->r, s->tag + LOADED, on_loaded, s);
	router_open(s->r, s->tag + THERE, on_there, s);
	if (router_rank(s->r) == 0)
		list_start(s);
	loop_until_fn(router_loop(s->r), settled, s);
	router_close(s->r, s->tag + INDEXES);
	router_close(s->r, s->tag + ENTRIES);
	router_close(s->r, s->tag + LOADED);
	router_close(s->r, s->tag + THERE);
	router_tags_free(s->r, s->tag, TAGS);
}

int idxshare_load(struct router *r, struct repo *repo, struct blobtable *mine,
	const struct catalog_watch *watch, uint64_t *packs, struct err *err)
{
	struct share s = {.r = r,
		.repo = repo,
		.mine = mine,
		.watch = watch,
		.worst = router_size(r)};
	size_t parcel = OPEN_BYTES / (size_t)router_size(r);

	s.parcel = parcel < PARCEL_MIN ? PARCEL_MIN : parcel > PARCEL_MAX ? PARCEL_MAX : parcel;
	s.window = budget_new(WINDOW);
	run(&s);
	budget_free(s.window);
	mem_free(s.names);
	*packs = s.all_packs;
	return s.worst < router_size(r) ? err_copy(err, &s.worst_err) : 0;
}
