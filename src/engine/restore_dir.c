#include "engine/restore_dir.h"
#include "base/mem.h"
#include "format/gojson.h"
#include "fs/match.h"
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static mode_t file_type(enum node_type t)
{
	static const mode_t type[NODE_TYPES] = {[NODE_FILE] = S_IFREG,
		[NODE_DIR] = S_IFDIR,
		[NODE_SYMLINK] = S_IFLNK,
		[NODE_DEV] = S_IFBLK,
		[NODE_CHARDEV] = S_IFCHR,
		[NODE_FIFO] = S_IFIFO,
		[NODE_SOCKET] = S_IFSOCK};

	return type[t];
}

static bool xattr_may(void *arg, const char *name)
{
	const struct restore_options *o = arg;

	if (o->include_xattr)
		return match_path(o->include_xattr, name, NULL);
	return !(o->exclude_xattr && match_path(o->exclude_xattr, name, NULL));
}

static uint32_t uid_by_name(struct str user)
{
	char *name = mem_strndup(user.p, user.n);
	struct passwd *p = getpwnam(name);

	mem_free(name);
	return p ? p->pw_uid : 0;
}

static uint32_t gid_by_name(struct str group)
{
	char *name = mem_strndup(group.p, group.n);
	struct group *g = getgrnam(name);

	mem_free(name);
	return g ? g->gr_gid : 0;
}

void restore_keep_node(struct restore_keep *k, const struct node *n, const struct restore_options *opt)
{
	struct restore_meta *m = &k->meta;

	memset(k, 0, sizeof(*k));
	*m = (struct restore_meta){.type = file_type(n->type),
		.perm = gojson_mode_perm(n->mode),
		.uid = n->uid,
		.gid = n->gid,
		.atime = n->atime,
		.mtime = n->mtime};
	if (opt->ownership_by_name) {
		m->uid = uid_by_name(n->user);
		m->gid = gid_by_name(n->group);
	}
	m->lenient = geteuid() != 0;
	m->xattr_may = xattr_may;
	m->arg = (void *)(uintptr_t)opt;
	k->xattr.x = n->n_xattr ? mem_array(n->n_xattr, sizeof(*k->xattr.x)) : NULL;
	for (size_t i = 0; i < n->n_xattr; i++) {
		struct xattr *x = &k->xattr.x[k->xattr.n];

		if (n->xattr[i].null)
			continue;
		x->name = mem_strndup(n->xattr[i].name.p, n->xattr[i].name.n);
		x->value = mem_dup(n->xattr[i].value.p ? n->xattr[i].value.p : "", n->xattr[i].value.n);
		x->n = n->xattr[i].value.n;
		if (xattr_may(m->arg, x->name)) {
			k->xattr.n++;
		} else {
			mem_free(x->name);
			mem_free(x->value);
		}
	}
}

void restore_keep_release(struct restore_keep *k)
{
	xattr_list_release(&k->xattr);
}

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

int restore_dirs_open(struct restore_dirs *s, struct err *err)
{
	struct restore_dir *d = mem_zalloc(sizeof(*d));

	d->name = mem_strdup("");
	d->path = mem_strdup("");
	d->pending = 1;
	d->fd = -1;
	s->top = d;
	if (s->opt->dry_run)
		return 0;
	d->fd = restore_mkdirs(s->opt->target, err);
	return d->fd < 0 ? d->fd : 0;
}

struct restore_dir *restore_dir_enter(struct restore_dir *up, const char *path, const struct node *n, const struct restore_options *opt)
{
	struct restore_dir *d = mem_zalloc(sizeof(*d));

	d->up = up;
	d->name = mem_strndup(n->name.p, n->name.n);
	d->path = mem_strdup(path);
	restore_keep_node(&d->keep, n, opt);
	d->fd = -1;
	d->pending = 1;
	up->pending++;
	return d;
}

int restore_dir_need(struct restore_dirs *s, struct restore_dir *d)
{
	struct err e;
	int up;

	if (d->fd >= 0)
		return d->fd;
	if (d->failed)
		return ERR_IO;
	up = restore_dir_need(s, d->up);
	if (up < 0) {
		d->failed = true;
		return up;
	}
	err_clear(&e);
	d->fd = restore_mkdir(up, d->name, &d->fresh, &e);
	if (d->fd < 0) {
		d->failed = true;
		restore_say(s, d->path, NULL, &e);
	}
	return d->fd;
}

void restore_dir_hold(struct restore_dir *d)
{
	d->pending++;
}

static void finish(struct restore_dirs *s, struct restore_dir *d)
{
	struct err e;

	if (d->fd < 0)
		return;
	close(d->fd);
	if (!d->up)
		return;
	err_clear(&e);
	d->keep.meta.xattr = &d->keep.xattr;
	restore_metadata(d->up->fd, d->name, &d->keep.meta, &e);
	restore_say(s, d->path, NULL, &e);
	s->counts->files_restored++;
	if (s->ev->item && s->opt->verbose_items)
		s->ev->item(s->ev->arg, "restored", d->path, 0);
}

void restore_dir_drop(struct restore_dirs *s, struct restore_dir *d)
{
	while (d && --d->pending == 0) {
		struct restore_dir *up = d->up;

		finish(s, d);
		restore_keep_release(&d->keep);
		mem_free(d->name);
		mem_free(d->path);
		mem_free(d);
		d = up;
	}
}
