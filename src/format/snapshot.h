/* snapshot: snapshot files (docs/format.md 7). */
#ifndef FORMAT_SNAPSHOT_H
#define FORMAT_SNAPSHOT_H
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"

struct strlist {
	char **s; /* owned 0-terminated strings */
	size_t n;
};
void strlist_add(struct strlist *l, const char *s);
void strlist_addn(struct strlist *l, const char *s, size_t n);
void strlist_release(struct strlist *l);
bool strlist_has(const struct strlist *l, const char *s);

struct snapshot_summary {
	struct ts backup_start, backup_end;
	int32_t start_offset, end_offset; /* seconds east of UTC as written, like time_offset */
	uint64_t files_new, files_changed, files_unmodified, dirs_new, dirs_changed,
		dirs_unmodified;
	uint64_t data_blobs, tree_blobs, data_added, data_added_packed, total_files_processed,
		total_bytes_processed;
};

struct snapshot {
	struct id id; /* of its file; not part of the JSON */
	struct ts time;
	int32_t time_offset; /* seconds east of UTC as written: forget's buckets use it */
	bool has_parent, has_original, has_summary;
	struct id parent, tree, original;
	struct strlist paths, excludes, tags;
	char *hostname, *username, *program_version; /* owned, "" when absent */
	uint32_t uid, gid;
	struct snapshot_summary summary;
};
/* id is left alone */
int snapshot_parse(struct snapshot *s, const void *json, size_t n, struct err *err);
/* snapshot_write: `z` for the times of a new snapshot; when rewriting one that was read, its own
 * offset is kept (time_offset used when z is NULL). */
void snapshot_write(const struct snapshot *s, const struct zone *z, struct buf *out);
/* snapshot_members: the same members without the braces appended to an open json object: for --json
 * output that adds id, short_id. */
struct json_out;
void snapshot_members(const struct snapshot *s, const struct zone *z, struct json_out *o);
/* its "time" alone */
void snapshot_time_member(const struct snapshot *s, const struct zone *z, struct json_out *o);
void snapshot_release(struct snapshot *s);

#endif
