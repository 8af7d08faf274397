/* Nodes: finding them, and what is in them. */
#include "base/mem.h"
#include "base/path.h"
#include "format/gojson.h"
#include "format/tree.h"
#include "lib/ab_priv.h"
#include <limits.h>
#include <pthread.h>
#include <string.h>

struct ab_node {
	struct node node;  /* its strings and arrays are lent by `in`, or by who reads the tree */
	struct tree_in in; /* its text is gone */
	char *name;        /* owned */
	/* Of a file: where each of its blobs ends, from the first read on. */
	pthread_mutex_t lock;
	uint64_t *end;
};

static void node_init(struct ab_node *n, const struct node *node)
{
	*n = (struct ab_node){.node = *node, .name = mem_strndup(node->name.p, node->name.n)};
	pthread_mutex_init(&n->lock, NULL);
}

static void node_release(struct ab_node *n)
{
	tree_in_release(&n->in);
	mem_free(n->name);
	mem_free(n->end);
	pthread_mutex_destroy(&n->lock);
}

void ab_node_free(ab_node *n)
{
	if (!n)
		return;
	node_release(n);
	mem_free(n);
}

/* ---- finding ---- */

/* *at is a directory, and becomes what it has of this name. */
static int step(ab_repo *r, struct ab_node *at, const char *name, size_t len, struct err *err)
{
	const struct node *node;
	struct tree_in in;
	struct buf plain;
	int rc;

	if (at->node.type != NODE_DIR)
		return err_set(err, ERR_NOTFOUND, "%s is not a directory in the snapshot",
			at->name);
	if (!at->node.has_subtree)
		return err_set(err, ERR_INVALID, "%s: a directory without a tree", at->name);
	rc = ab_tree(r, &at->node.subtree, &plain, err);
	tree_in_init(&in, plain.p, plain.len);
	if (!rc) {
		do
			rc = tree_in_next(&in, &node, err);
		while (rc > 0 && !(node->name.n == len && !memcmp(node->name.p, name, len)));
		if (!rc)
			err_set(err, ERR_NOTFOUND, "%.*s is not in the snapshot", (int)len, name);
	}
	if (rc > 0) {
		node_release(at);
		node_init(at, node);
		at->in = in;
	} else {
		tree_in_release(&in);
	}
	buf_release(&plain);
	return rc > 0 ? 0 : err->code;
}

static int find(ab_repo *r, const struct id *root, const char *path, struct ab_node *at,
	struct err *err)
{
	const struct node top = {.name = {"", 0},
		.type = NODE_DIR,
		.mode = 0755,
		.links = 1,
		.subtree = *root,
		.has_subtree = true};
	int rc = 0;

	node_init(at, &top);
	while (!rc && *(path += strspn(path, "/"))) {
		size_t n = strcspn(path, "/");

		rc = step(r, at, path, n, err);
		path += n;
	}
	return rc;
}

int ab_lookup(ab_repo *r, const char *snapshot, const char *path, ab_node **out,
	struct ab_error *err)
{
	const struct snapshots_filter any = {.readable = false};
	const struct snapshot *s;
	struct err e = {0};
	char *clean;
	int rc;

	*out = NULL;
	if (!snapshot || !path || *path != '/')
		return ab_say(err, AB_EUSAGE, "a snapshot and a path from / on are needed");
	rc = snapshots_pick_whole(&r->snaps, snapshot, &any, &s, &e);
	if (rc)
		return ab_fail(err, &e);
	clean = path_clean(path);
	*out = mem_zalloc(sizeof(**out));
	rc = find(r, &s->tree, clean, *out, &e);
	mem_free(clean);
	if (!rc)
		return 0;
	ab_node_free(*out);
	*out = NULL;
	err_prefix(&e, "%s", path);
	return ab_fail(err, &e);
}

/* ---- what is in them ---- */

void ab_stat(const ab_node *n, struct ab_stat *out)
{
	const struct node *d = &n->node;

	*out = (struct ab_stat){.mode = node_type_bits(d->type) | gojson_mode_perm(d->mode),
		.uid = d->uid,
		.gid = d->gid,
		.size = d->size,
		.inode = d->inode,
		.links = d->links,
		.device = d->device,
		.mtime_sec = d->mtime.sec,
		.atime_sec = d->atime.sec,
		.ctime_sec = d->ctime.sec,
		.mtime_nsec = d->mtime.nsec,
		.atime_nsec = d->atime.nsec,
		.ctime_nsec = d->ctime.nsec};
}

const char *ab_name(const ab_node *n)
{
	return n->name;
}

static int each(const struct buf *plain, int (*fn)(void *arg, const ab_node *child), void *arg,
	bool *answered, struct err *err)
{
	const struct node *node;
	struct tree_in in;
	int rc = 0;

	tree_in_init(&in, plain->p, plain->len);
	while (!*answered && (rc = tree_in_next(&in, &node, err)) > 0) {
		struct ab_node child;

		node_init(&child, node);
		rc = fn(arg, &child);
		*answered = rc != 0;
		node_release(&child);
	}
	tree_in_release(&in);
	return rc;
}

int ab_readdir(ab_repo *r, const ab_node *dir, int (*fn)(void *arg, const ab_node *child),
	void *arg, struct ab_error *err)
{
	bool answered = false;
	struct err e = {0};
	struct buf plain;
	int rc;

	if (dir->node.type != NODE_DIR)
		return ab_say(err, AB_EUSAGE, "this is no directory");
	if (!dir->node.has_subtree)
		return ab_say(err, AB_EDAMAGED, "a directory without a tree");
	rc = ab_tree(r, &dir->node.subtree, &plain, &e);
	if (!rc)
		rc = each(&plain, fn, arg, &answered, &e);
	buf_release(&plain);
	return rc && !answered ? ab_fail(err, &e) : rc;
}

int ab_readlink(const ab_node *link, char *buf, size_t room, size_t *n, struct ab_error *err)
{
	const struct str *to = &link->node.linktarget;

	if (link->node.type != NODE_SYMLINK)
		return ab_say(err, AB_EUSAGE, "this is no symbolic link");
	*n = to->n;
	if (to->n && room)
		memcpy(buf, to->p, to->n < room ? to->n : room);
	return 0;
}

int ab_xattrs(const ab_node *n,
	int (*fn)(void *arg, const char *name, const void *value, size_t size), void *arg)
{
	int rc = 0;

	for (size_t i = 0; i < n->node.n_xattr && !rc; i++) {
		const struct node_xattr *x = &n->node.xattr[i];
		char *name = mem_strndup(x->name.p, x->name.n);

		rc = fn(arg, name, x->value.n ? x->value.p : "", x->value.n);
		mem_free(name);
	}
	return rc;
}

/* ---- contents ---- */

/* Once for each file that is read; n's own lock, for several may begin at once. */
static int find_ends(ab_repo *r, struct ab_node *n, struct err *err)
{
	const struct node *d = &n->node;
	int rc = 0;

	pthread_mutex_lock(&n->lock);
	if (!n->end && d->n_content)
		rc = ab_ends(r, d->content, d->n_content, &n->end, err);
	pthread_mutex_unlock(&n->lock);
	if (!rc && d->size != (d->n_content ? n->end[d->n_content - 1] : 0))
		rc = err_set(err, ERR_INVALID, "its contents do not have its size");
	return rc;
}

/* The first blob that ends behind `at`; there is one. */
static size_t blob_at(const uint64_t *end, size_t n, uint64_t at)
{
	size_t low = 0;

	while (n > low) {
		size_t mid = low + (n - low) / 2;

		if (end[mid] > at)
			n = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* What one blob has of the n bytes at `at`: *got, at least 1. */
static int read_some(ab_repo *r, const struct ab_node *f, uint8_t *to, size_t n, uint64_t at,
	size_t *got, struct err *err)
{
	size_t i = blob_at(f->end, f->node.n_content, at);
	uint64_t from = i ? f->end[i - 1] : 0, left = f->end[i] - at;
	const struct buf *plain;
	int rc = blobcache_get(r->cache, r->reader, &f->node.content[i], &plain, err);

	if (rc)
		return rc;
	*got = left < n ? (size_t)left : n;
	if (plain->len == f->end[i] - from)
		memcpy(to, plain->p + (at - from), *got);
	else /* another copy, of another length than the index gave the first */
		rc = err_set(err, ERR_INVALID, "data %s has another length than its index says",
			id_short(&f->node.content[i]).s);
	blobcache_put(r->cache, plain);
	return rc;
}

ssize_t ab_pread(ab_repo *r, const ab_node *file, void *buf, size_t n, uint64_t offset,
	struct ab_error *err)
{
	/* What is found out about a node for later does not make it another one. */
	struct ab_node *f = (struct ab_node *)(uintptr_t)file;
	struct err e = {0};
	size_t done = 0;
	int rc;

	if (f->node.type != NODE_FILE)
		return ab_say(err, AB_EUSAGE, "this is no regular file");
	if (n > SSIZE_MAX)
		n = SSIZE_MAX;
	rc = find_ends(r, f, &e);
	if (!rc && offset >= f->node.size)
		return 0;
	if (n > f->node.size - offset)
		n = (size_t)(f->node.size - offset);
	while (!rc && done < n) {
		size_t got = 0;

		rc = read_some(r, f, (uint8_t *)buf + done, n - done, offset + done, &got, &e);
		done += got;
	}
	if (!rc)
		return (ssize_t)done;
	/* It is a file's content that is missing, not the file. */
	if (e.code == ERR_NOTFOUND)
		e.code = ERR_INVALID;
	err_prefix(&e, "%s", f->name);
	return ab_fail(err, &e);
}
