#include "cmd/dump_tar.h"
#include "base/le.h"
#include "base/utf8.h"
#include "format/gojson.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define BLOCK     512u
#define ACL_XATTR "system.posix_acl_"

/* The ustar header's fields: offset and length. */
enum {
	NAME = 0,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	MTIME = 136,
	SUM = 148,
	TYPE = 156,
	LINK = 157,
	MAGIC = 257,
	UNAME = 265,
	GNAME = 297,
	MAJOR = 329,
	MINOR = 337
};

static void put_octal(uint8_t *at, int digits, uint64_t v)
{
	char s[24];

	snprintf(s, sizeof(s), "%0*llo", digits, (unsigned long long)v);
	memcpy(at, s, (size_t)digits);
}

static bool fits_octal(uint64_t v, int digits)
{
	return v < (uint64_t)1 << (3 * digits);
}

static bool is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] >= 0x80)
			return false;
	}
	return true;
}

static bool is_utf8(const char *s, size_t n)
{
	for (size_t i = 0, k; i < n; i += k) {
		k = utf8_get((const uint8_t *)s + i, n - i, NULL);
		if (!k)
			return false;
	}
	return true;
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts its own digits too. */
static void put_record(struct buf *b, const char *key, size_t key_len, const void *value, size_t n)
{
	size_t body = key_len + n + 3, len = body + 1, digits = 0;

	do {
		digits = 0;
		for (size_t v = len; v; v /= 10)
			digits++;
		if (len == body + digits)
			break;
		len = body + digits;
	} while (true);
	buf_addf(b, "%zu ", len);
	buf_add(b, key, key_len);
	buf_addc(b, '=');
	buf_add(b, value, n);
	buf_addc(b, '\n');
}

static void put_text(struct buf *b, const char *key, const char *value, size_t n)
{
	put_record(b, key, strlen(key), value, n);
}

static void put_number(struct buf *b, const char *key, uint64_t v)
{
	char s[24];

	snprintf(s, sizeof(s), "%llu", (unsigned long long)v);
	put_text(b, key, s, strlen(s));
}

static void put_time(struct buf *b, const char *key, const struct ts *t)
{
	int64_t sec = t->sec;
	int32_t nsec = t->nsec;
	char s[40];

	/* A time before 1970 is written as a negative decimal: -1.5 is half a second before -1. */
	if (sec < 0 && nsec) {
		sec++;
		nsec = 1000000000 - nsec;
	}
	snprintf(s, sizeof(s), "%s%lld.%09d", t->sec < 0 && !sec ? "-" : "", (long long)sec, nsec);
	for (size_t n = strlen(s); s[n - 1] == '0' || s[n - 1] == '.'; n--) {
		bool dot = s[n - 1] == '.';

		s[n - 1] = 0;
		if (dot)
			break;
	}
	put_text(b, key, s, strlen(s));
}

bool dump_tar_acl(struct buf *out, const void *value, size_t n)
{
	static const struct {
		unsigned tag;
		const char *name;
		bool id;
	} tags[] = {{1, "user", false}, {2, "user", true}, {4, "group", false}, {8, "group", true},
		{16, "mask", false}, {32, "other", false}};
	const uint8_t *p = value;
	size_t before = out->len;

	if (n < 4 || le32_get(p) != 2 || (n - 4) % 8)
		return false;
	for (size_t i = 4; i < n; i += 8) {
		unsigned tag = (unsigned)p[i] | (unsigned)p[i + 1] << 8, perm = p[i + 2], k = 0;

		while (k < sizeof(tags) / sizeof(tags[0]) && tags[k].tag != tag)
			k++;
		if (k == sizeof(tags) / sizeof(tags[0])) {
			out->len = before;
			return false;
		}
		buf_addf(out, "%s%s:", i > 4 ? "\n" : "", tags[k].name);
		if (tags[k].id)
			buf_addf(out, "%u", (unsigned)le32_get(p + i + 4));
		buf_addf(out, ":%c%c%c", perm & 4 ? 'r' : '-', perm & 2 ? 'w' : '-',
			perm & 1 ? 'x' : '-');
	}
	buf_addc(out, '\n');
	return true;
}

static void put_xattrs(struct buf *b, const struct node *n)
{
	for (size_t i = 0; i < n->n_xattr; i++) {
		const struct node_xattr *x = &n->xattr[i];
		size_t prefix = sizeof(ACL_XATTR) - 1;
		struct buf key, acl;

		/* A record cannot say where a key with '=' ends. */
		if (!x->name.n || memchr(x->name.p, '=', x->name.n))
			continue;
		buf_init(&key, 4096);
		buf_init(&acl, 1 << 20);
		if (x->name.n > prefix && !memcmp(x->name.p, ACL_XATTR, prefix) &&
			dump_tar_acl(&acl, x->value.p, x->value.n)) {
			buf_adds(&key, "SCHILY.acl.");
			buf_add(&key, x->name.p + prefix, x->name.n - prefix);
			put_record(b, (const char *)key.p, key.len, acl.p, acl.len);
		} else {
			buf_adds(&key, "SCHILY.xattr.");
			buf_add(&key, x->name.p, x->name.n);
			if (!key.overflow)
				put_record(b, (const char *)key.p, key.len, x->value.p, x->value.n);
		}
		buf_release(&key);
		buf_release(&acl);
	}
}

/* The sum is over the header with its own field as blanks. */
static void put_block(struct buf *out, uint8_t *h)
{
	unsigned sum = 0;

	memcpy(h + MAGIC,
		"ustar\0"
		"00",
		8);
	memset(h + SUM, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += h[i];
	put_octal(h + SUM, 6, sum);
	h[SUM + 6] = 0;
	buf_add(out, h, BLOCK);
}

static void put_name(uint8_t *at, size_t room, const char *s, size_t n)
{
	if (n)
		memcpy(at, s, n < room ? n : room);
}

static void put_extended(struct buf *out, const struct buf *records)
{
	uint8_t h[BLOCK] = {0};

	put_name(h + NAME, 100, "PaxHeaders/entry", 16);
	put_octal(h + MODE, 7, 0644);
	put_octal(h + UID, 7, 0);
	put_octal(h + GID, 7, 0);
	put_octal(h + SIZE, 11, records->len);
	put_octal(h + MTIME, 11, 0);
	h[TYPE] = 'x';
	put_block(out, h);
	buf_add(out, records->p, records->len);
	dump_tar_pad(out, records->len);
}

static char type_flag(enum node_type t)
{
	switch (t) {
	case NODE_FILE:
		return '0';
	case NODE_SYMLINK:
		return '2';
	case NODE_CHARDEV:
		return '3';
	case NODE_DEV:
		return '4';
	case NODE_DIR:
		return '5';
	case NODE_FIFO:
		return '6';
	default:
		return 0;
	}
}

/* What the ustar header has no room for. */
static void put_records(struct buf *r, const struct node *n, const struct str *link,
	const char *path, size_t len, uint64_t size)
{
	if (!is_utf8(path, len) || !is_utf8(link->p, link->n) || !is_utf8(n->user.p, n->user.n) ||
		!is_utf8(n->group.p, n->group.n))
		put_text(r, "hdrcharset", "BINARY", 6);
	if (len > 100 || !is_ascii(path, len))
		put_text(r, "path", path, len);
	if (link->n > 100 || !is_ascii(link->p, link->n))
		put_text(r, "linkpath", link->p, link->n);
	if (!fits_octal(size, 11))
		put_number(r, "size", size);
	if (!fits_octal(n->uid, 7))
		put_number(r, "uid", n->uid);
	if (!fits_octal(n->gid, 7))
		put_number(r, "gid", n->gid);
	if (n->user.n > 31 || !is_ascii(n->user.p, n->user.n))
		put_text(r, "uname", n->user.p, n->user.n);
	if (n->group.n > 31 || !is_ascii(n->group.p, n->group.n))
		put_text(r, "gname", n->group.p, n->group.n);
	if (n->mtime.nsec || n->mtime.sec < 0 || !fits_octal((uint64_t)n->mtime.sec, 11))
		put_time(r, "mtime", &n->mtime);
	put_time(r, "atime", &n->atime);
	put_time(r, "ctime", &n->ctime);
	put_xattrs(r, n);
}

bool dump_tar_header(struct buf *out, const struct node *n, const char *path, size_t len,
	const char *first)
{
	uint64_t size = n->type == NODE_FILE && !first ? n->size : 0;
	struct str link = first                     ? (struct str){first, strlen(first)}
			  : n->type == NODE_SYMLINK ? n->linktarget
						    : (struct str){"", 0};
	char flag = first ? '1' : type_flag(n->type);
	uint8_t h[BLOCK] = {0};
	struct buf records, name;

	if (!flag)
		return false;
	buf_init(&name, len + 2);
	buf_add(&name, path, len);
	if (n->type == NODE_DIR)
		buf_addc(&name, '/');
	buf_init(&records, (size_t)64 << 20);
	put_records(&records, n, &link, (const char *)name.p, name.len, size);
	put_extended(out, &records);
	put_name(h + NAME, 100, (const char *)name.p, name.len);
	put_octal(h + MODE, 7, gojson_mode_perm(n->mode));
	put_octal(h + UID, 7, fits_octal(n->uid, 7) ? n->uid : 0);
	put_octal(h + GID, 7, fits_octal(n->gid, 7) ? n->gid : 0);
	put_octal(h + SIZE, 11, fits_octal(size, 11) ? size : 0);
	put_octal(h + MTIME, 11,
		n->mtime.sec >= 0 && fits_octal((uint64_t)n->mtime.sec, 11) ? (uint64_t)n->mtime.sec
									    : 0);
	h[TYPE] = (uint8_t)flag;
	put_name(h + LINK, 100, link.p, link.n);
	put_name(h + UNAME, 31, n->user.p, n->user.n);
	put_name(h + GNAME, 31, n->group.p, n->group.n);
	if (n->type == NODE_DEV || n->type == NODE_CHARDEV) {
		put_octal(h + MAJOR, 7, major(n->device));
		put_octal(h + MINOR, 7, minor(n->device));
	}
	put_block(out, h);
	buf_release(&records);
	buf_release(&name);
	return true;
}

static void put_zeros(struct buf *out, size_t n)
{
	static const uint8_t zeros[2 * BLOCK];

	buf_add(out, zeros, n);
}

void dump_tar_pad(struct buf *out, uint64_t size)
{
	put_zeros(out, (size_t)((BLOCK - size % BLOCK) % BLOCK));
}

void dump_tar_end(struct buf *out)
{
	put_zeros(out, (size_t)2 * BLOCK);
}
