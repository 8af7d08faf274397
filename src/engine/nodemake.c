#include "engine/nodemake.h"
#include "base/le.h"
#include "base/mem.h"
#include "engine/linkset.h"
#include "format/gojson.h"
#include "kern/hash.h"
#include "repo/catalog.h"
#include <string.h>
#include <sys/stat.h>

static struct str str_of(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}

void nodemake_device(const struct nodemake *k, struct meta *m)
{
	m->dev = mounts_map_dev(k->mounts, m->dev);
}

int nodemake_stat(const struct nodemake *k, int dirfd, const char *name, bool follow,
	struct meta *m, struct err *err)
{
	int rc = meta_stat(dirfd, name, follow, m, err);

	if (rc == 0)
		nodemake_device(k, m);
	return rc;
}

static bool node_type_of(mode_t m, enum node_type *t)
{
	switch (m & S_IFMT) {
	case S_IFREG:
		*t = NODE_FILE;
		return true;
	case S_IFDIR:
		*t = NODE_DIR;
		return true;
	case S_IFLNK:
		*t = NODE_SYMLINK;
		return true;
	case S_IFBLK:
		*t = NODE_DEV;
		return true;
	case S_IFCHR:
		*t = NODE_CHARDEV;
		return true;
	case S_IFIFO:
		*t = NODE_FIFO;
		return true;
	default:
		return false;
	}
}

bool nodemake_fill(const struct nodemake *k, struct node *n, const char *name, const struct meta *m)
{
	memset(n, 0, sizeof(*n));
	if (!node_type_of(m->mode, &n->type))
		return false;
	n->name = str_of(name);
	n->mode = gojson_mode(m->mode);
	n->mtime = m->mtime;
	n->ctime = m->ctime;
	n->atime = k->with_atime ? m->atime : m->mtime;
	n->uid = m->uid;
	n->gid = m->gid;
	n->user = str_of(owners_user(k->owners, m->uid));
	n->group = str_of(owners_group(k->owners, m->gid));
	n->inode = m->ino;
	n->device_id = m->dev;
	if (n->type == NODE_FILE)
		n->size = m->size;
	if (n->type != NODE_DIR && n->type != NODE_FIFO)
		n->links = m->nlink;
	if (n->type == NODE_DEV || n->type == NODE_CHARDEV)
		n->device = m->rdev;
	return true;
}

void nodemake_content(const struct id *content, size_t n, struct id *out)
{
	struct hash *h = hash_new();

	hash_once(h, content, n * sizeof(*content), out);
	hash_free(h);
}

void nodemake_apart(struct node *n)
{
	n->links = n->links > 1 ? 1 : n->links;
	n->device_id = 0;
}

/* For as long as n is looked at; FEW, or an array to be freed. */
#define FEW 8
static struct node_xattr *attributes(struct node *n, const struct xattr_list *x,
	struct node_xattr *few)
{
	struct node_xattr *a = x && x->n > FEW ? mem_array(x->n, sizeof(*a)) : few;

	n->n_xattr = x ? x->n : 0;
	for (size_t i = 0; i < n->n_xattr; i++)
		a[i] = (struct node_xattr){str_of(x->x[i].name),
			{(const char *)x->x[i].value, x->x[i].n}, x->x[i].vanished};
	n->xattr = a;
	return a;
}

static void attributes_end(struct node *n, struct node_xattr *a, const struct node_xattr *few)
{
	n->xattr = NULL;
	n->n_xattr = 0;
	if (a != few)
		mem_free(a);
}

bool nodemake_link(const struct nodemake *k, struct node *n, const struct xattr_list *x,
	struct catalog_first *out)
{
	struct node_xattr few[FEW], *a;
	uint8_t b[16];
	struct hash *h;

	if (n->type == NODE_DIR || !n->device_id ||
		(!(n->type == NODE_FILE && n->links > 1) && ts_cmp(&n->ctime, &k->young) < 0))
		return false;
	h = hash_new();
	le64_put(b, n->device_id);
	le64_put(b + 8, n->inode);
	hash_once(h, b, sizeof(b), &out->key);
	a = attributes(n, x, few);
	linkset_alike(h, n, &out->what);
	attributes_end(n, a, few);
	hash_free(h);
	return true;
}

void nodemake_write(const struct nodemake *k, struct node *n, const struct xattr_list *x,
	struct buf *out)
{
	struct node_xattr few[FEW], *a = attributes(n, x, few);

	node_write(n, k->zone, out);
	attributes_end(n, a, few);
}

static bool str_same(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool nodemake_same(const struct node *then, const struct node *now)
{
	return then->type == now->type && then->mode == now->mode &&
	       ts_cmp(&then->mtime, &now->mtime) == 0 && ts_cmp(&then->ctime, &now->ctime) == 0 &&
	       ts_cmp(&then->atime, &now->atime) == 0 && then->uid == now->uid &&
	       then->gid == now->gid && str_same(then->user, now->user) &&
	       str_same(then->group, now->group) && then->inode == now->inode &&
	       then->device_id == now->device_id && then->size == now->size &&
	       then->links == now->links;
}
