#include "engine/nodewire.h"
#include "base/mem.h"
#include "format/tree.h"

void nodewire_put_time(struct buf *b, const struct ts *t)
{
	wire_put_u64(b, (uint64_t)t->sec);
	wire_put_u32(b, (uint32_t)t->nsec);
}

void nodewire_time(struct wire_in *in, struct ts *t)
{
	t->sec = (int64_t)wire_u64(in);
	t->nsec = (int32_t)wire_u32(in);
}

static void put_str(struct buf *b, struct str s)
{
	wire_put_bytes(b, s.p, s.n);
}

static struct str get_str(struct wire_in *in)
{
	struct str s;

	s.p = (const char *)wire_bytes(in, &s.n);
	return s;
}

void nodewire_put(struct buf *b, const struct node *n)
{
	put_str(b, n->name);
	wire_put_u8(b, (uint8_t)n->type);
	wire_put_u8(b, n->has_content);
	wire_put_u32(b, n->mode);
	nodewire_put_time(b, &n->mtime);
	nodewire_put_time(b, &n->atime);
	wire_put_u32(b, n->uid);
	wire_put_u32(b, n->gid);
	put_str(b, n->user);
	put_str(b, n->group);
	wire_put_u64(b, n->inode);
	wire_put_u64(b, n->device_id);
	wire_put_u64(b, n->size);
	wire_put_u64(b, n->links);
	wire_put_u64(b, n->device);
	put_str(b, n->linktarget);
	wire_put_u32(b, (uint32_t)n->n_xattr);
	for (size_t i = 0; i < n->n_xattr; i++) {
		put_str(b, n->xattr[i].name);
		put_str(b, n->xattr[i].value);
		wire_put_u8(b, n->xattr[i].null);
	}
	wire_put_bytes(b, n->content, n->n_content * sizeof(*n->content));
}

static void get_xattrs(struct wire_in *in, struct nodewire *w)
{
	uint32_t n = wire_u32(in);
	size_t i = 0;

	for (; i < n && !in->bad; i++) {
		if (i == w->cap) {
			w->cap = 2 * i + 4;
			w->xattr = mem_regrow(w->xattr, w->cap, sizeof(*w->xattr));
		}
		w->xattr[i].name = get_str(in);
		w->xattr[i].value = get_str(in);
		w->xattr[i].null = wire_u8(in);
	}
	w->node.xattr = w->xattr;
	w->node.n_xattr = i;
}

bool nodewire_get(struct wire_in *in, struct nodewire *w)
{
	struct node *n = &w->node;
	size_t bytes;
	uint8_t type;

	*n = (struct node){.name = get_str(in)};
	type = wire_u8(in);
	n->type = type < NODE_TYPES ? (enum node_type)type : NODE_IRREGULAR;
	n->has_content = wire_u8(in);
	n->mode = wire_u32(in);
	nodewire_time(in, &n->mtime);
	nodewire_time(in, &n->atime);
	n->uid = wire_u32(in);
	n->gid = wire_u32(in);
	n->user = get_str(in);
	n->group = get_str(in);
	n->inode = wire_u64(in);
	n->device_id = wire_u64(in);
	n->size = wire_u64(in);
	n->links = wire_u64(in);
	n->device = wire_u64(in);
	n->linktarget = get_str(in);
	get_xattrs(in, w);
	n->content = (const struct id *)wire_bytes(in, &bytes);
	n->n_content = bytes / sizeof(*n->content);
	return !in->bad && bytes % sizeof(*n->content) == 0 && tree_name_good(&n->name);
}

void nodewire_release(struct nodewire *w)
{
	mem_free(w->xattr);
	*w = (struct nodewire){0};
}
