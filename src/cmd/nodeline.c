#include "cmd/nodeline.h"
#include "base/json_out.h"
#include "cmd/timearg.h"
#include "format/gojson.h"
#include <string.h>

#define NCDU_BLOCK 512 /* what a file takes is counted in these */

void nodeline_text(const struct out *o, struct buf *b, const struct node *n, const char *path,
	size_t len, enum nodeline_style style, const struct zone *z)
{
	char mode[24];

	if (style == NODELINE_PATH) {
		out_path(o, b, path, len);
		return;
	}
	gojson_permissions(n->mode, mode);
	buf_addf(b, "%s %5u %5u ", mode, (unsigned)n->uid, (unsigned)n->gid);
	if (style == NODELINE_HUMAN)
		buf_adds(b, human_size(n->size).s);
	else
		buf_addf(b, "%6llu", (unsigned long long)n->size);
	buf_addf(b, " %s ", timearg_text(&n->mtime, z).s);
	out_path(o, b, path, len);
	if (n->type == NODE_SYMLINK) {
		buf_adds(b, " -> ");
		out_path(o, b, n->linktarget.p, n->linktarget.n);
	}
}

static void put_times(struct json_out *j, const struct node *n, const struct zone *z)
{
	json_key(j, "mtime");
	json_time(j, &n->mtime, z);
	json_key(j, "atime");
	json_time(j, &n->atime, z);
	json_key(j, "ctime");
	json_time(j, &n->ctime, z);
}

static void put_permissions(struct json_out *j, const struct node *n)
{
	char mode[24];

	gojson_permissions(n->mode, mode);
	json_key(j, "permissions");
	json_str(j, mode);
}

static void put_count(struct json_out *j, const char *key, uint64_t v)
{
	if (!v)
		return;
	json_key(j, key);
	json_uint(j, v);
}

static void put_text(struct json_out *j, const char *key, struct str s)
{
	if (!s.n)
		return;
	json_key(j, key);
	json_strn(j, s.p, s.n);
}

void nodeline_files(struct buf *b, const struct node *n, const char *path, size_t len,
	const struct zone *z)
{
	struct json_out j;

	json_out_init(&j, b);
	json_object(&j);
	json_key(&j, "name");
	json_strn(&j, n->name.p, n->name.n);
	json_key(&j, "type");
	json_str(&j, node_type_name(n->type));
	json_key(&j, "path");
	json_strn(&j, path, len);
	json_key(&j, "uid");
	json_uint(&j, n->uid);
	json_key(&j, "gid");
	json_uint(&j, n->gid);
	if (n->type == NODE_FILE) {
		json_key(&j, "size");
		json_uint(&j, n->size);
	}
	put_count(&j, "mode", n->mode);
	put_permissions(&j, n);
	put_times(&j, n, z);
	put_count(&j, "inode", n->inode);
	json_key(&j, "message_type");
	json_str(&j, "node");
	json_key(&j, "struct_type");
	json_str(&j, "node");
	json_object_end(&j);
}

void nodeline_ncdu(struct buf *b, const struct node *n)
{
	const struct {
		const char *key;
		uint64_t v;
	} first[] = {{"asize", n->size},
		{"dsize", n->size / NCDU_BLOCK * NCDU_BLOCK +
				  (n->size % NCDU_BLOCK ? NCDU_BLOCK : 0)},
		{"dev", n->device_id}, {"ino", n->inode}, {"nlink", n->links}},
	  last[] = {{"uid", n->uid}, {"gid", n->gid}, {"mode", gojson_mode_perm(n->mode)},
		  /* ncdu takes no negative times */
		  {"mtime", n->mtime.sec < 0 ? 0 : (uint64_t)n->mtime.sec}};
	struct json_out j;

	json_out_init(&j, b);
	json_object(&j);
	json_key(&j, "name");
	json_strn(&j, n->name.p, n->name.n);
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		json_key(&j, first[i].key);
		json_uint(&j, first[i].v);
	}
	json_key(&j, "notreg");
	json_boolean(&j, n->type != NODE_DIR && n->type != NODE_FILE);
	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		json_key(&j, last[i].key);
		json_uint(&j, last[i].v);
	}
	json_object_end(&j);
}

void nodeline_find(struct buf *b, const struct node *n, const char *path, size_t len,
	const struct zone *z)
{
	struct json_out j;

	json_out_init(&j, b);
	json_object(&j);
	json_key(&j, "path");
	json_strn(&j, path, len);
	put_permissions(&j, n);
	json_key(&j, "type");
	json_str(&j, node_type_name(n->type));
	put_count(&j, "mode", n->mode);
	put_times(&j, n, z);
	json_key(&j, "uid");
	json_uint(&j, n->uid);
	json_key(&j, "gid");
	json_uint(&j, n->gid);
	put_text(&j, "user", n->user);
	put_text(&j, "group", n->group);
	put_count(&j, "inode", n->inode);
	put_count(&j, "device_id", n->device_id);
	put_count(&j, "size", n->size);
	put_count(&j, "links", n->links);
	put_text(&j, "linktarget", n->linktarget);
	put_text(&j, "error", n->error);
	json_object_end(&j);
}

void nodeline_snapshot(struct buf *b, const struct snapshot *s, bool ls)
{
	struct json_out j;

	json_out_init(&j, b);
	json_object(&j);
	snapshot_members(s, NULL, &j);
	json_key(&j, "id");
	json_id(&j, &s->id);
	json_key(&j, "short_id");
	json_str(&j, id_short(&s->id).s);
	if (ls) {
		json_key(&j, "message_type");
		json_str(&j, "snapshot");
		json_key(&j, "struct_type");
		json_str(&j, "snapshot");
	}
	json_object_end(&j);
}

void nodeline_object(struct buf *b, const struct id *id, const char *path, size_t len,
	const struct id *parent, const struct snapshot *s)
{
	struct json_out j;

	json_out_init(&j, b);
	json_object(&j);
	json_key(&j, "object_type");
	json_str(&j, parent ? "blob" : "tree");
	json_key(&j, "id");
	json_id(&j, id);
	json_key(&j, "path");
	json_strn(&j, path, len);
	if (parent) {
		json_key(&j, "parent_tree");
		json_id(&j, parent);
	}
	json_key(&j, "snapshot");
	json_id(&j, &s->id);
	snapshot_time_member(s, NULL, &j);
	json_object_end(&j);
}

void nodeline_head(const struct out *o, struct buf *b, const struct snapshot *s)
{
	buf_addf(b, "snapshot %s of [", id_short(&s->id).s);
	out_join(o, b, &s->paths, " ");
	buf_addf(b, "] at %s by ", timearg_go(&s->time, s->time_offset).s);
	out_path(o, b, s->username, strlen(s->username));
	buf_addc(b, '@');
	out_path(o, b, s->hostname, strlen(s->hostname));
}
