#include "format/node.h"
#include "base/json_out.h"
#include "base/utf8.h"
#include "format/base64.h"
#include "format/fields.h"
#include "format/gojson.h"
#include <sys/stat.h>

static const char *const type_names[NODE_TYPES] = {"file", "dir", "symlink", "dev", "chardev",
	"fifo", "socket", "irregular"};

const char *node_type_name(enum node_type t)
{
	return t < NODE_TYPES ? type_names[t] : "irregular";
}

int node_type_parse(const char *s, size_t n)
{
	for (int t = 0; t < NODE_TYPES; t++)
		if (strlen(type_names[t]) == n && memcmp(type_names[t], s, n) == 0)
			return t;
	return ERR_INVALID;
}

mode_t node_type_bits(enum node_type t)
{
	static const mode_t bits[NODE_TYPES] = {[NODE_FILE] = S_IFREG,
		[NODE_DIR] = S_IFDIR,
		[NODE_SYMLINK] = S_IFLNK,
		[NODE_DEV] = S_IFBLK,
		[NODE_CHARDEV] = S_IFCHR,
		[NODE_FIFO] = S_IFIFO,
		[NODE_SOCKET] = S_IFSOCK};

	return t < NODE_TYPES ? bits[t] : 0;
}

#define PUT(b, text) buf_add(b, text, sizeof(text) - 1)

/* A number that is left out when it is 0; `key` with its comma, quotes and colon. */
#define PUT_NONZERO(b, key, v)                                                                     \
	do {                                                                                       \
		if (v) {                                                                           \
			PUT(b, key);                                                               \
			buf_addu(b, v);                                                            \
		}                                                                                  \
	} while (0)

static bool utf8_valid(const struct str *s)
{
	const uint8_t *p = (const uint8_t *)s->p;

	for (size_t i = 0; i < s->n;) {
		size_t len = p[i] < 0x80 ? 1 : utf8_get(p + i, s->n - i, NULL);

		if (!len)
			return false;
		i += len;
	}
	return true;
}

static void put_linktarget(const struct node *n, struct buf *out)
{
	if (!n->linktarget.n)
		return;
	PUT(out, ",\"linktarget\":");
	json_put_string(out, n->linktarget.p, n->linktarget.n);
	if (utf8_valid(&n->linktarget))
		return;
	PUT(out, ",\"linktarget_raw\":\"");
	base64_put(out, n->linktarget.p, n->linktarget.n);
	PUT(out, "\"");
}

static void put_xattr(const struct node *n, struct buf *out)
{
	for (size_t i = 0; i < n->n_xattr; i++) {
		const struct node_xattr *x = &n->xattr[i];

		if (i)
			PUT(out, ",{\"name\":");
		else
			PUT(out, ",\"extended_attributes\":[{\"name\":");
		json_put_string(out, x->name.p, x->name.n);
		if (x->null) {
			PUT(out, ",\"value\":null}");
			continue;
		}
		PUT(out, ",\"value\":\"");
		base64_put(out, x->value.p, x->value.n);
		PUT(out, "\"}");
	}
	if (n->n_xattr)
		PUT(out, "]");
}

/* Always there: an array for files, even an empty one, null for everything else. */
static void put_content(const struct node *n, struct buf *out)
{
	if (n->type != NODE_FILE && !n->has_content) {
		PUT(out, ",\"content\":null");
		return;
	}
	PUT(out, ",\"content\":[");
	for (size_t i = 0; i < n->n_content; i++) {
		if (i)
			buf_addc(out, ',');
		fields_put_id(out, &n->content[i]);
	}
	PUT(out, "]");
}

static void put_owner(const struct node *n, struct buf *out)
{
	PUT(out, ",\"uid\":");
	buf_addu(out, n->uid);
	PUT(out, ",\"gid\":");
	buf_addu(out, n->gid);
	if (n->user.n) {
		PUT(out, ",\"user\":");
		json_put_string(out, n->user.p, n->user.n);
	}
	if (n->group.n) {
		PUT(out, ",\"group\":");
		json_put_string(out, n->group.p, n->group.n);
	}
}

void node_write(const struct node *n, const struct zone *z, struct buf *out)
{
	const char *type = node_type_name(n->type);

	PUT(out, "{\"name\":");
	gojson_put_name(out, n->name.p, n->name.n);
	PUT(out, ",\"type\":\"");
	buf_add(out, type, strlen(type));
	PUT(out, "\"");
	PUT_NONZERO(out, ",\"mode\":", n->mode);
	PUT(out, ",\"mtime\":");
	json_put_time(out, &n->mtime, z);
	PUT(out, ",\"atime\":");
	json_put_time(out, &n->atime, z);
	PUT(out, ",\"ctime\":");
	json_put_time(out, &n->ctime, z);
	put_owner(n, out);
	PUT_NONZERO(out, ",\"inode\":", n->inode);
	PUT_NONZERO(out, ",\"device_id\":", n->device_id);
	PUT_NONZERO(out, ",\"size\":", n->size);
	PUT_NONZERO(out, ",\"links\":", n->links);
	put_linktarget(n, out);
	put_xattr(n, out);
	if (n->generic.n) {
		PUT(out, ",\"generic_attributes\":");
		buf_add(out, n->generic.p, n->generic.n);
	}
	PUT_NONZERO(out, ",\"device\":", n->device);
	put_content(n, out);
	if (n->has_subtree) {
		PUT(out, ",\"subtree\":");
		fields_put_id(out, &n->subtree);
	}
	if (n->error.n) {
		PUT(out, ",\"error\":");
		json_put_string(out, n->error.p, n->error.n);
	}
	PUT(out, "}");
}

/* The number behind a key that is not the first.  Inside a string a quote has a backslash before
 * it, so these bytes are the key.  NULL: there is none. */
static uint8_t *number_of(uint8_t *json, size_t n, const char *key, uint8_t **end)
{
	uint8_t *p = memmem(json, n, key, strlen(key));

	if (!p)
		return NULL;
	p += strlen(key);
	for (*end = p; *end < json + n && **end >= '0' && **end <= '9'; ++*end)
		;
	return p;
}

size_t node_apart(uint8_t *json, size_t n)
{
	static const char links[] = ",\"links\":", device[] = ",\"device_id\":";
	uint8_t *end, *p = number_of(json, n, links, &end);

	if (p) {
		*p++ = '1';
		memmove(p, end, (size_t)(json + n - end));
		n -= (size_t)(end - p);
	}
	p = number_of(json, n, device, &end);
	if (p) {
		p -= sizeof(device) - 1;
		memmove(p, end, (size_t)(json + n - end));
		n -= (size_t)(end - p);
	}
	return n;
}

static bool ts_equal(const struct ts *a, const struct ts *b)
{
	return a->sec == b->sec && a->nsec == b->nsec;
}

bool node_unchanged(const struct node *then, const struct node *now, unsigned flags)
{
	/* --ignore-inode stands for file systems whose inode numbers, and so ctimes, do not last:
	 * it drops both. */
	bool ctime = !(flags & (NODE_IGNORE_CTIME | NODE_IGNORE_INODE));
	bool inode = !(flags & NODE_IGNORE_INODE);

	return then->type == NODE_FILE && now->type == NODE_FILE && then->size == now->size &&
	       ts_equal(&then->mtime, &now->mtime) &&
	       (!ctime || ts_equal(&then->ctime, &now->ctime)) &&
	       (!inode || then->inode == now->inode);
}

bool node_settled(const struct node *now, unsigned flags, const struct ts *time,
	const struct ts *future)
{
	bool mtime = ts_cmp(&now->mtime, time) <= 0;

	if (flags & (NODE_IGNORE_CTIME | NODE_IGNORE_INODE))
		return mtime;
	return ts_cmp(&now->ctime, time) <= 0 && (mtime || ts_cmp(&now->mtime, future) > 0);
}
