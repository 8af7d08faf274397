#include "engine/restore_keep.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "engine/nodewire.h"
#include "format/gojson.h"
#include "fs/match.h"
#include <grp.h>
#include <pwd.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longer names are looked up each time: nobody has them. */
#define NAME_KEY 32

struct owner {
	char name[NAME_KEY]; /* filled up with 0 */
	int64_t id;          /* UNKNOWN: nobody here has that name */
};
#define UNKNOWN ((int64_t)-1)

struct restore_owners {
	const struct restore_options *opt;
	struct hashtab *user, *group;
	bool lenient;
	_Atomic uint64_t left[DEST_LEFT_KINDS];
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

void restore_owners_left(const struct restore_owners *o, uint64_t left[DEST_LEFT_KINDS])
{
	for (size_t i = 0; i < DEST_LEFT_KINDS; i++)
		left[i] = atomic_load(&o->left[i]);
}

static int64_t ask_user(const char *name)
{
	const struct passwd *p = getpwnam(name);

	return p ? p->pw_uid : UNKNOWN;
}

static int64_t ask_group(const char *name)
{
	const struct group *g = getgrnam(name);

	return g ? g->gr_gid : UNKNOWN;
}

/* A name that nobody has here leaves the number: restic gives such files to root, setuid ones too.
 */
static uint32_t by_name(struct hashtab *known, struct str name, uint32_t number,
	int64_t (*ask)(const char *name))
{
	char key[NAME_KEY] = {0}, *s;
	struct owner *o = NULL;
	bool is_new = true;
	int64_t id;

	if (!name.n)
		return number;
	if (name.n < NAME_KEY) {
		memcpy(key, name.p, name.n);
		o = hashtab_add(known, key, &is_new);
	}
	if (is_new) {
		s = mem_strndup(name.p, name.n);
		id = ask(s);
		mem_free(s);
		if (o)
			o->id = id;
	} else {
		id = o->id;
	}
	return id == UNKNOWN ? number : (uint32_t)id;
}

static uint32_t uid_of(struct restore_owners *o, const struct node *n)
{
	return o->opt->ownership_by_name ? by_name(o->user, n->user, n->uid, ask_user) : n->uid;
}

bool restore_ours(struct restore_owners *o, const struct node *n, const struct meta *was)
{
	uid_t me = geteuid();

	if (n->type != NODE_FILE || !S_ISREG(was->mode))
		return false;
	if (was->uid != me && (o->lenient || was->uid != uid_of(o, n)))
		return false;
	return was->nlink == 1 || (n->links > 1 && was->nlink <= n->links);
}

static bool has_acl(const struct node *n)
{
	static const char acl[] = "system.posix_acl_access";

	for (size_t i = 0; i < n->n_xattr; i++)
		if (n->xattr[i].name.n == sizeof(acl) - 1 &&
			memcmp(n->xattr[i].name.p, acl, sizeof(acl) - 1) == 0)
			return true;
	return false;
}

bool restore_is_unfinished(const struct node *n, const struct meta *was)
{
	mode_t perm = gojson_mode_perm(n->mode), mode = was->mode & 07777;

	if (dest_unfinished(was))
		return true;
	/* An access control list gives the mode's lower bits what it says itself; what is left is
	 * the last step. */
	return n->type == NODE_FILE && S_ISREG(was->mode) && has_acl(n) && mode != perm &&
	       mode == (S_ISVTX | (perm & 0777));
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
		k->xattr.x[k->xattr.n++] = (struct xattr){.name = name,
			.value = from->value.n ? mem_dup(from->value.p, from->value.n) : NULL,
			.n = from->value.n};
	}
}

/* What is the same for all. */
static struct dest_meta shared(struct restore_owners *o)
{
	return (struct dest_meta){.lenient = o->lenient,
		.xattr_may = xattr_may,
		.arg = (void *)(uintptr_t)o->opt};
}

void restore_keep_node(struct restore_keep *k, const struct node *n, struct restore_owners *o)
{
	struct dest_meta *m = &k->meta;

	memset(k, 0, sizeof(*k));
	k->owners = o;
	*m = shared(o);
	m->type = node_type_bits(n->type);
	m->perm = gojson_mode_perm(n->mode);
	m->uid = uid_of(o, n);
	m->gid = n->gid;
	m->atime = n->atime;
	m->mtime = n->mtime;
	if (o->opt->ownership_by_name)
		m->gid = by_name(o->group, n->group, n->gid, ask_group);
	keep_xattrs(k, n);
}

void restore_keep_put(const struct restore_keep *k, struct buf *b)
{
	const struct dest_meta *m = &k->meta;

	wire_put_u32(b, m->type);
	wire_put_u32(b, m->perm);
	wire_put_u32(b, m->uid);
	wire_put_u32(b, m->gid);
	nodewire_put_time(b, &m->atime);
	nodewire_put_time(b, &m->mtime);
	wire_put_u32(b, (uint32_t)k->xattr.n);
	for (size_t i = 0; i < k->xattr.n; i++) {
		const struct xattr *x = &k->xattr.x[i];

		wire_put_bytes(b, x->name, strlen(x->name));
		wire_put_bytes(b, x->value, x->n);
	}
}

static void get_xattrs(struct xattr_list *l, struct wire_in *in)
{
	uint32_t n = wire_u32(in);

	for (size_t cap = 0; l->n < n && !in->bad;) {
		const uint8_t *value;
		struct xattr *x;

		if (l->n == cap) {
			cap = 2 * cap + 4;
			l->x = mem_regrow(l->x, cap, sizeof(*l->x));
		}
		x = &l->x[l->n++];
		*x = (struct xattr){.name = wire_text(in)};
		value = wire_bytes(in, &x->n);
		x->value = x->n ? mem_dup(value, x->n) : NULL;
	}
}

void restore_keep_get(struct restore_keep *k, struct wire_in *in, struct restore_owners *o)
{
	struct dest_meta *m = &k->meta;

	memset(k, 0, sizeof(*k));
	k->owners = o;
	*m = shared(o);
	m->type = (mode_t)wire_u32(in);
	m->perm = (mode_t)wire_u32(in);
	m->uid = wire_u32(in);
	m->gid = wire_u32(in);
	nodewire_time(in, &m->atime);
	nodewire_time(in, &m->mtime);
	get_xattrs(&k->xattr, in);
}

int restore_keep_set(struct restore_keep *k, int fd, struct err *err)
{
	unsigned left;
	int rc;

	k->meta.xattr = &k->xattr; /* k may have moved since it was filled */
	rc = dest_metadata(fd, &k->meta, &left, err);
	for (size_t i = 0; i < DEST_LEFT_KINDS; i++)
		if (left & 1u << i)
			atomic_fetch_add(&k->owners->left[i], 1);
	return rc;
}

void restore_keep_release(struct restore_keep *k)
{
	xattr_list_release(&k->xattr);
}
