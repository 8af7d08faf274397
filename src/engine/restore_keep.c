#include "engine/restore_keep.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "format/gojson.h"
#include "fs/match.h"
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longer names are looked up each time: nobody has them. */
#define NAME_KEY 32

struct owner {
	char name[NAME_KEY]; /* filled up with 0 */
	uint32_t id;
};

struct restore_owners {
	const struct restore_options *opt;
	struct hashtab *user, *group;
	bool lenient;
};

struct restore_owners *restore_owners_new(const struct restore_options *opt)
{
	struct restore_owners *o = mem_zalloc(sizeof(*o));

	o->opt = opt;
	o->user = hashtab_new(sizeof(struct owner), NAME_KEY, HASHTAB_MIX);
	o->group = hashtab_new(sizeof(struct owner), NAME_KEY, HASHTAB_MIX);
	o->lenient = geteuid() != 0;
	return o;
}

void restore_owners_free(struct restore_owners *o)
{
	if (!o)
		return;
	hashtab_free(o->user);
	hashtab_free(o->group);
	mem_free(o);
}

/* An unknown name is 0, as in restic. */
static uint32_t ask_user(const char *name)
{
	const struct passwd *p = getpwnam(name);

	return p ? p->pw_uid : 0;
}

static uint32_t ask_group(const char *name)
{
	const struct group *g = getgrnam(name);

	return g ? g->gr_gid : 0;
}

static uint32_t by_name(struct hashtab *known, struct str name, uint32_t (*ask)(const char *name))
{
	char key[NAME_KEY] = {0}, *s;
	struct owner *o = NULL;
	bool is_new = true;
	uint32_t id;

	if (name.n && name.n < NAME_KEY) {
		memcpy(key, name.p, name.n);
		o = hashtab_add(known, key, &is_new);
	}
	if (!is_new)
		return o->id;
	s = mem_strndup(name.p ? name.p : "", name.n);
	id = ask(s);
	mem_free(s);
	if (o)
		o->id = id;
	return id;
}

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

static void keep_xattrs(struct restore_keep *k, const struct node *n)
{
	k->xattr.x = n->n_xattr ? mem_array(n->n_xattr, sizeof(*k->xattr.x)) : NULL;
	for (size_t i = 0; i < n->n_xattr; i++) {
		const struct node_xattr *from = &n->xattr[i];
		char *name;

		if (from->null)
			continue;
		name = mem_strndup(from->name.p, from->name.n);
		if (!xattr_may(k->meta.arg, name)) {
			mem_free(name);
			continue;
		}
		k->xattr.x[k->xattr.n++] = (struct xattr){
			.name = name, .value = from->value.n ? mem_dup(from->value.p, from->value.n) : NULL, .n = from->value.n};
	}
}

void restore_keep_node(struct restore_keep *k, const struct node *n, struct restore_owners *o)
{
	struct restore_meta *m = &k->meta;

	memset(k, 0, sizeof(*k));
	*m = (struct restore_meta){.type = file_type(n->type),
		.perm = gojson_mode_perm(n->mode),
		.uid = n->uid,
		.gid = n->gid,
		.atime = n->atime,
		.mtime = n->mtime,
		.lenient = o->lenient,
		.xattr_may = xattr_may,
		.arg = (void *)(uintptr_t)o->opt};
	if (o->opt->ownership_by_name) {
		m->uid = by_name(o->user, n->user, ask_user);
		m->gid = by_name(o->group, n->group, ask_group);
	}
	keep_xattrs(k, n);
}

int restore_keep_set(struct restore_keep *k, int dirfd, const char *name, struct err *err)
{
	k->meta.xattr = &k->xattr; /* k may have moved since it was filled */
	return restore_metadata(dirfd, name, &k->meta, err);
}

void restore_keep_release(struct restore_keep *k)
{
	xattr_list_release(&k->xattr);
}
