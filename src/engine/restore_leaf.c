#include "engine/restore_leaf.h"
#include "base/mem.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum restore_leaf_verdict restore_leaf_judge(struct restore_dirs *s, const struct restore_dir *d,
	const char *name, const struct node *n, struct restore_leaf_place *p)
{
	const struct meta *was = &p->was;

	*p = (struct restore_leaf_place){.kind = RESTORE_FREE};
	if (d->fresh || meta_stat(d->fd, name, false, &p->was, NULL) < 0)
		return RESTORE_LEAF_MAKE;
	p->kind = restore_ours(s->owners, n, was) ? RESTORE_OURS : RESTORE_TAKEN;
	if (restore_is_unfinished(n, was))
		return RESTORE_LEAF_MAKE;
	switch (s->opt->overwrite) {
	case RESTORE_NEVER:
		return RESTORE_LEAF_SKIP;
	case RESTORE_IF_NEWER:
		return ts_cmp(&n->mtime, &was->mtime) > 0 ? RESTORE_LEAF_MAKE : RESTORE_LEAF_SKIP;
	case RESTORE_IF_CHANGED:
		if (p->kind == RESTORE_OURS && was->size == n->size &&
			ts_cmp(&n->mtime, &was->mtime) == 0)
			return RESTORE_LEAF_METADATA;
		return RESTORE_LEAF_MAKE;
	default:
		return RESTORE_LEAF_MAKE;
	}
}

/* is: which file it must be; NULL: made just now. */
static int metadata(struct restore_dirs *s, const struct restore_dir *d, const char *name,
	const struct node *n, const struct meta *is, struct err *e)
{
	struct restore_keep k;
	int pin, rc;

	restore_keep_node(&k, n, s->owners);
	rc = pin = dest_pin(d->fd, name, k.meta.type, is, e);
	if (pin >= 0) {
		rc = restore_keep_set(&k, pin, e);
		close(pin);
	}
	restore_keep_release(&k);
	return rc;
}

static int make_other(struct restore_dirs *s, const struct restore_dir *d, const char *name,
	const struct node *n, const struct restore_leaf_place *p, struct err *e)
{
	mode_t type = n->type == NODE_DEV ? S_IFBLK : n->type == NODE_CHARDEV ? S_IFCHR : S_IFIFO;
	int rc;

	if (n->type == NODE_SYMLINK && n->linktarget.n &&
		memchr(n->linktarget.p, 0, n->linktarget.n))
		return err_set(e, ERR_INVALID, "the target of the link contains a zero byte");
	rc = p->kind == RESTORE_FREE ? 0 : restore_spare_clear(s->spare, d->fd, d->path, name, e);
	if (rc < 0)
		return rc;
	if (n->type == NODE_SYMLINK) {
		char *target = mem_strndup(n->linktarget.p ? n->linktarget.p : "", n->linktarget.n);

		rc = dest_symlink(d->fd, name, target, e);
		mem_free(target);
	} else {
		rc = dest_special(d->fd, name, type, n->device, e);
	}
	if (rc == ERR_EXISTS)
		err_set(e, ERR_EXISTS, RESTORE_TWICE);
	return rc < 0 ? rc : metadata(s, d, name, n, NULL, e);
}

void restore_leaf_other(struct restore_dirs *s, const struct restore_dir *d, const char *name,
	const struct node *n, const struct restore_leaf_place *p)
{
	struct err e;

	err_clear(&e);
	if (!s->opt->dry_run)
		make_other(s, d, name, n, p, &e);
	restore_say(s, d->path, name, &e);
	if (!e.code) {
		s->counts->files_restored++;
		restore_item(s, "restored", d->path, name, 0);
	}
}

bool restore_leaf_same_link(const struct restore_dir *d, const char *name, const struct node *n,
	const struct meta *was)
{
	char *target;
	size_t len;
	bool same;

	if (n->type != NODE_SYMLINK || !S_ISLNK(was->mode) ||
		(was->uid != geteuid() && geteuid() != 0) ||
		meta_link(d->fd, name, &target, &len, NULL) < 0)
		return false;
	same = len == n->linktarget.n && (!len || memcmp(target, n->linktarget.p, len) == 0);
	mem_free(target);
	return same;
}

void restore_leaf_skipped(struct restore_dirs *s, const struct restore_dir *d, const char *name,
	uint64_t size)
{
	s->counts->files_skipped++;
	s->counts->bytes_skipped += size;
	restore_item(s, "unchanged", d->path, name, size);
}

void restore_leaf_keep(struct restore_dirs *s, const struct restore_dir *d, const char *name,
	const struct node *n, const struct meta *was)
{
	struct err e;

	err_clear(&e);
	if (!s->opt->dry_run)
		metadata(s, d, name, n, was, &e);
	restore_say(s, d->path, name, &e);
}
