#include "engine/restore_dir.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "fs/dir.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void restore_say(struct restore_dirs *s, const char *dir, const char *name, const struct err *e)
{
	char *item;

	if (!e->code)
		return;
	s->counts->errors++;
	if (!s->ev->error)
		return;
	item = name ? mem_printf("%s/%s", dir, name) : mem_strdup(*dir ? dir : "/");
	s->ev->error(s->ev->arg, item, e->msg);
	mem_free(item);
}

void restore_item(struct restore_dirs *s, const char *action, const char *dir, const char *name,
	uint64_t size)
{
	char *item;

	if (!s->ev->item || !s->opt->verbose_items)
		return;
	item = name ? mem_printf("%s/%s", dir, name) : mem_strdup(dir);
	s->ev->item(s->ev->arg, action, item, size);
	mem_free(item);
}

/* ---- which are open ---- */

static void idle_remove(struct restore_dirs *s, struct restore_dir *d)
{
	*(d->newer ? &d->newer->older : &s->newest) = d->older;
	*(d->older ? &d->older->newer : &s->oldest) = d->newer;
	d->newer = d->older = NULL;
	s->idle--;
}

static void idle_put(struct restore_dirs *s, struct restore_dir *d)
{
	d->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = d;
	s->newest = d;
	s->idle++;
}

static void shut(struct restore_dirs *s, struct restore_dir *d)
{
	if (d->fd < 0)
		return;
	if (!d->pins)
		idle_remove(s, d);
	close(d->fd);
	d->fd = -1;
}

static void idle_add(struct restore_dirs *s, struct restore_dir *d)
{
	idle_put(s, d);
	while (s->idle > s->idle_max && s->oldest != d)
		shut(s, s->oldest);
}

static void opened(struct restore_dirs *s, struct restore_dir *d, int fd)
{
	d->fd = fd;
	idle_add(s, d);
}

void restore_dir_pin(struct restore_dirs *s, struct restore_dir *d)
{
	if (d->pins++ == 0)
		idle_remove(s, d);
	restore_dir_hold(d);
}

void restore_dir_unpin(struct restore_dirs *s, struct restore_dir *d)
{
	if (--d->pins == 0)
		idle_add(s, d);
	restore_dir_drop(s, d);
}

/* ---- making ---- */

/* A file where the snapshot has a directory is somebody's, too. */
static bool may_replace(const struct restore_dirs *s, const struct restore_dir *d)
{
	struct meta was;

	if (s->opt->overwrite != RESTORE_IF_NEWER)
		return s->opt->overwrite != RESTORE_NEVER;
	return meta_stat(d->up->fd, d->name, false, &was, NULL) == 0 &&
	       ts_cmp(&d->keep.meta.mtime, &was.mtime) > 0;
}

/* In a dry run: what dest_mkdir would say of what is no directory. */
static int look(const struct restore_dirs *s, const struct restore_dir *d, struct err *e)
{
	struct meta m;
	int fd = dir_open_at(d->up->fd, d->name, e);

	if (fd == ERR_NOTFOUND && meta_stat(d->up->fd, d->name, false, &m, NULL) == 0 &&
		!may_replace(s, d))
		fd = err_set(e, ERR_EXISTS,
			"a file is here where the snapshot has a directory; it would be kept");
	return fd;
}

static int make(const struct restore_dirs *s, struct restore_dir *d, struct err *e)
{
	int fd = dest_mkdir(d->up->fd, d->name, may_replace(s, d), &d->fresh, e);

	if (fd < 0 || d->fresh || !d->up->fresh)
		return fd;
	close(fd);
	return err_set(e, ERR_EXISTS, RESTORE_TWICE);
}

/* It may be opened several times, and must stay the same. */
static int identify(const struct restore_dirs *s, struct restore_dir *d, int fd, struct err *e)
{
	struct meta m;
	int rc = meta_stat(fd, "", false, &m, e);

	/* One made now may have the number of what was seen and has been removed since. */
	if (rc == 0 && !d->is.ino && !s->existing && restore_dir_seen(d->up, &m) && !d->fresh)
		rc = err_set(e, ERR_EXISTS, RESTORE_TWICE);
	if (rc == 0 && !s->existing && restore_spare_is(s->spare, &m))
		rc = err_set(e, ERR_EXISTS,
			"the repository that is read from is here: nothing is restored into it");
	/* Another rank has told the number alone: devices have other ones there. */
	if (rc == 0 && d->is.ino && ((d->is.dev && m.dev != d->is.dev) || m.ino != d->is.ino))
		rc = err_set(e, ERR_INVALID, "it was replaced while it was being restored");
	if (rc == 0)
		d->is = m;
	else
		close(fd);
	return rc < 0 ? rc : fd;
}

bool restore_dir_seen(struct restore_dir *d, const struct meta *m)
{
	uint64_t key[2] = {m->dev, m->ino};
	bool is_new;

	if (!d->seen)
		d->seen = hashtab_new(sizeof(key), sizeof(key), HASHTAB_MIX);
	hashtab_add(d->seen, key, &is_new);
	return !is_new;
}

/* `up` is open, or absent. */
static void open_one(struct restore_dirs *s, struct restore_dir *d)
{
	bool changed = false;
	struct err e;
	int fd;

	err_clear(&e);
	if (d->up->absent)
		fd = ERR_NOTFOUND;
	else if (d->came)
		fd = restore_dir_below(s, d->path, &e);
	else if (s->opt->dry_run)
		fd = look(s, d, &e);
	else if (d->used || s->existing)
		fd = dest_dir_open(d->up->fd, d->name, &changed, &e);
	else
		fd = make(s, d, &e);
	d->opened |= changed;
	if (fd >= 0)
		fd = identify(s, d, fd, &e);
	if (fd >= 0) {
		opened(s, d, fd);
	} else if (fd == ERR_NOTFOUND && (s->existing || s->opt->dry_run)) {
		d->absent = d->fresh = true; /* or a file is in the way, which would be removed */
	} else {
		d->failed = true;
		restore_say(s, d->path, NULL, &e);
	}
	d->used = true;
}

static bool ready(const struct restore_dir *d)
{
	return d->fd >= 0 || d->failed || d->absent;
}

bool restore_dir_need(struct restore_dirs *s, struct restore_dir *d)
{
	struct restore_dir *few[16], **chain = few, *x;
	size_t n = 0;

	if (d->fd >= 0) {
		if (!d->pins) {
			idle_remove(s, d);
			idle_put(s, d);
		}
		return true;
	}
	/* By hand: a tree may be deeper than the stack is. */
	for (x = d; !ready(x); x = x->up)
		n++;
	if (n > sizeof(few) / sizeof(*few))
		chain = mem_array(n, sizeof(*chain));
	n = 0;
	for (x = d; !ready(x); x = x->up)
		chain[n++] = x;
	while (n-- > 0) {
		x = chain[n];
		if (x->up->failed)
			x->failed = x->used = true;
		else
			open_one(s, x);
	}
	if (chain != few)
		mem_free(chain);
	return !d->failed;
}

int restore_dir_below(const struct restore_dirs *s, const char *path, struct err *err)
{
	char *dir = mem_strdup(path), *save = NULL;
	int fd = dir_open_at(s->top->fd, ".", err);

	for (char *c = strtok_r(dir, "/", &save); c && fd >= 0; c = strtok_r(NULL, "/", &save)) {
		int next = dir_open_at(fd, c, err);

		close(fd);
		fd = next;
	}
	mem_free(dir);
	return fd;
}

static void dir_free(struct restore_dirs *s, struct restore_dir *d)
{
	shut(s, d);
	restore_keep_release(&d->keep);
	hashtab_free(d->seen);
	mem_free(d->name);
	mem_free(d->path);
	mem_free(d);
}

/* Whatever it is called: //, /etc/.., a link. */
static int check_target(const struct restore_options *opt, int fd, struct err *err)
{
	struct meta root, here;
	int rc = 0;

	if (!opt->delete || opt->n_include || opt->n_exclude)
		return 0;
	rc = meta_stat(fd, "", false, &here, err);
	if (rc == 0)
		rc = meta_stat(AT_FDCWD, "/", true, &root, err);
	if (rc == 0 && here.dev == root.dev && here.ino == root.ino)
		rc = err_set(err, ERR_USAGE,
			"--delete with the target / needs include or exclude patterns");
	return rc;
}

int restore_dirs_open(struct restore_dirs *s, const struct restore_options *opt, bool make,
	struct restore_counts *counts, const struct restore_events *ev, size_t idle_max,
	struct err *err)
{
	struct restore_dir *d = mem_zalloc(sizeof(*d));
	int fd;

	*s = (struct restore_dirs){.opt = opt,
		.counts = counts,
		.ev = ev,
		.top = d,
		.idle_max = idle_max};
	s->owners = restore_owners_new(opt);
	s->spare = restore_spare_new(opt);
	d->name = mem_strdup("");
	d->path = mem_strdup("");
	d->pending = 1;
	d->fd = -1;
	d->used = true;
	fd = opt->dry_run || !make ? dir_open(opt->target, false, err)
				   : dest_mkdirs(opt->target, err);
	if (fd >= 0) {
		/* The target is never closed: pinned, so to speak, by itself. */
		d->fd = fd;
		d->pins = 1;
		if (meta_stat(fd, "", false, &d->is, err) < 0)
			return err->code;
		return check_target(opt, fd, err);
	}
	d->failed = true;
	if (!opt->dry_run)
		return fd;
	if (fd != ERR_NOTFOUND)
		return err_prefix(err, "%s", opt->target);
	d->failed = false;
	d->absent = d->fresh = true;
	err_clear(err);
	return 0;
}

void restore_dirs_release(struct restore_dirs *s)
{
	if (s->top)
		dir_free(s, s->top);
	restore_owners_free(s->owners);
	restore_spare_free(s->spare);
	*s = (struct restore_dirs){.opt = NULL};
}

struct restore_dir *restore_dir_enter(struct restore_dirs *s, struct restore_dir *up,
	const char *path, const struct node *n)
{
	struct restore_dir *d = mem_zalloc(sizeof(*d));

	d->up = up;
	d->name = mem_strndup(n->name.p, n->name.n);
	d->path = mem_strdup(path);
	restore_keep_node(&d->keep, n, s->owners);
	d->fd = -1;
	d->pending = 1;
	up->pending++;
	return d;
}

/* u8 bits, u64 inode number, path; and if whole: the metadata. */
enum { WHOLE = 1, FRESH = 2, ABSENT = 4, OPENED = 8, SAME_DEVICE = 16 };

void restore_dir_put(const struct restore_dirs *s, const struct restore_dir *d, bool whole,
	struct buf *b)
{
	wire_put_u8(b, (uint8_t)((whole ? WHOLE : 0) | (d->fresh ? FRESH : 0) |
				 (d->absent ? ABSENT : 0) | (d->opened ? OPENED : 0) |
				 (d->is.dev == s->top->is.dev ? SAME_DEVICE : 0)));
	wire_put_u64(b, d->is.ino);
	wire_put_bytes(b, d->path, strlen(d->path));
	if (whole)
		restore_keep_put(&d->keep, b);
}

struct restore_dir *restore_dir_came(struct restore_dirs *s, struct wire_in *in,
	const struct dirref *back)
{
	struct restore_dir *d = mem_zalloc(sizeof(*d));
	uint8_t bits = wire_u8(in);

	d->is.ino = wire_u64(in);
	d->is.dev = bits & SAME_DEVICE ? s->top->is.dev : 0;
	d->path = wire_text(in);
	d->name = mem_strdup(d->path);
	d->used = d->came = true;
	d->visit = !(bits & WHOLE);
	d->fresh = bits & FRESH;
	d->absent = bits & ABSENT;
	d->opened = bits & OPENED;
	d->back = *back;
	d->up = s->top;
	d->fd = -1;
	d->pending = 1;
	s->top->pending++;
	if (!d->visit)
		restore_keep_get(&d->keep, in, s->owners);
	if (!in->bad)
		return d;
	restore_dir_forget(s, d);
	return NULL;
}

void restore_dir_hold(struct restore_dir *d)
{
	d->pending++;
}

int restore_dir_set(struct restore_dirs *s, struct restore_dir *d, struct err *err)
{
	int pin, rc;

	/* Its mode is not set yet: it can be opened. */
	if (d->came && !restore_dir_need(s, d))
		return 0;
	if (d->fd >= 0)
		return restore_keep_set(&d->keep, d->fd, err);
	if (!restore_dir_need(s, d->up))
		return 0;
	pin = dest_pin(d->up->fd, d->name, S_IFDIR, &d->is, err);
	if (pin < 0)
		return pin;
	rc = restore_keep_set(&d->keep, pin, err);
	close(pin);
	return rc;
}

static void finish(struct restore_dirs *s, struct restore_dir *d)
{
	struct err e;

	if (!d->used || d->failed || d->visit || (s->existing && !d->opened))
		return;
	err_clear(&e);
	if (!s->opt->dry_run)
		restore_dir_set(s, d, &e);
	shut(s, d);
	restore_say(s, d->path, NULL, &e);
	if (e.code || s->existing)
		return;
	s->counts->files_restored++;
	restore_item(s, "restored", d->path, NULL, 0);
}

void restore_dir_drop(struct restore_dirs *s, struct restore_dir *d)
{
	while (--d->pending == 0 && d->up) {
		struct restore_dir *up = d->up;

		finish(s, d);
		if (d->came)
			s->settled(s->ev->arg, &d->back);
		dir_free(s, d);
		d = up;
	}
}

void restore_dir_forget(struct restore_dirs *s, struct restore_dir *d)
{
	d->up->pending--;
	dir_free(s, d);
}
