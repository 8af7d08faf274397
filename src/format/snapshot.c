#include "format/snapshot.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "format/fields.h"

void strlist_addn(struct strlist *l, const char *s, size_t n)
{
	/* Grows at powers of two, so that there is no capacity to keep. */
	if (!(l->n & (l->n - 1)))
		l->s = mem_regrow(l->s, l->n ? 2 * l->n : 1, sizeof(*l->s));
	l->s[l->n++] = mem_strndup(s, n);
}

void strlist_add(struct strlist *l, const char *s)
{
	strlist_addn(l, s, strlen(s));
}

void strlist_release(struct strlist *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		mem_free(l->s[i]);
	mem_free(l->s);
	*l = (struct strlist){0};
}

bool strlist_has(const struct strlist *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->s[i], s) == 0)
			return true;
	return false;
}

static int read_list(struct json_in *j, struct strlist *l, const char *what)
{
	enum json_token token = json_next(j);

	strlist_release(l);
	if (token == JSON_NULL)
		return 1;
	if (token != JSON_ARRAY)
		return json_bad(j, "%s is not an array", what);
	while ((token = json_next(j)) == JSON_STRING) {
		if (j->len && memchr(j->str, 0, j->len))
			return json_bad(j, "%s has a 0 byte", what);
		strlist_addn(l, j->str, j->len);
	}
	return token == JSON_ARRAY_END ? 1
				       : json_bad(j, "%s has something that is not a string", what);
}

/* read_id: an id or null. */
static int read_id(struct json_in *j, struct id *id, bool *has, const char *what)
{
	enum json_token token = json_next(j);

	*has = token == JSON_STRING;
	if (token == JSON_NULL)
		return 1;
	if (token != JSON_STRING || id_parse(id, j->str, j->len) < 0)
		return json_bad(j, "%s is not an id", what);
	return 1;
}

/* The numbers of a summary in the order in which they are written. */
static const struct number {
	const char *name;
	size_t at;
} numbers[] = {
#define NUMBER(name)                                                                               \
	{                                                                                          \
#name, offsetof(struct snapshot_summary, name)                                     \
	}
	NUMBER(files_new),
	NUMBER(files_changed),
	NUMBER(files_unmodified),
	NUMBER(dirs_new),
	NUMBER(dirs_changed),
	NUMBER(dirs_unmodified),
	NUMBER(data_blobs),
	NUMBER(tree_blobs),
	NUMBER(data_added),
	NUMBER(data_added_packed),
	NUMBER(total_files_processed),
	NUMBER(total_bytes_processed),
#undef NUMBER
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static int summary_member(void *arg, struct json_in *j)
{
	struct snapshot_summary *s = arg;

	if (FIELD(j, "backup_start"))
		return field_time(j, &s->backup_start, &s->start_offset, "backup_start");
	if (FIELD(j, "backup_end"))
		return field_time(j, &s->backup_end, &s->end_offset, "backup_end");
	for (size_t i = 0; i < NUMBERS; i++)
		if (json_key_is(j, numbers[i].name))
			return field_u64(j, (uint64_t *)((char *)s + numbers[i].at),
				numbers[i].name);
	return 0;
}

static int read_summary(struct json_in *j, struct snapshot *s)
{
	enum json_token token = json_next(j);

	memset(&s->summary, 0, sizeof(s->summary));
	s->has_summary = token == JSON_OBJECT;
	if (token == JSON_NULL)
		return 1;
	if (token != JSON_OBJECT)
		return json_bad(j, "summary is not an object");
	return fields_rest(j, summary_member, &s->summary) < 0 ? ERR_INVALID : 1;
}

struct reading {
	struct snapshot *s;
	bool has_time, has_tree;
};

static int member(void *arg, struct json_in *j)
{
	struct reading *r = arg;
	struct snapshot *s = r->s;

	if (FIELD(j, "time")) {
		r->has_time = true;
		return field_time(j, &s->time, &s->time_offset, "time");
	}
	if (FIELD(j, "parent"))
		return read_id(j, &s->parent, &s->has_parent, "parent");
	if (FIELD(j, "tree"))
		return read_id(j, &s->tree, &r->has_tree, "tree");
	if (FIELD(j, "paths"))
		return read_list(j, &s->paths, "paths");
	if (FIELD(j, "hostname"))
		return field_dup(j, &s->hostname, "hostname");
	if (FIELD(j, "username"))
		return field_dup(j, &s->username, "username");
	if (FIELD(j, "uid"))
		return field_u32(j, &s->uid, "uid");
	if (FIELD(j, "gid"))
		return field_u32(j, &s->gid, "gid");
	if (FIELD(j, "excludes"))
		return read_list(j, &s->excludes, "excludes");
	if (FIELD(j, "tags"))
		return read_list(j, &s->tags, "tags");
	if (FIELD(j, "original"))
		return read_id(j, &s->original, &s->has_original, "original");
	if (FIELD(j, "program_version"))
		return field_dup(j, &s->program_version, "program_version");
	if (FIELD(j, "summary"))
		return read_summary(j, s);
	return 0;
}

int snapshot_parse(struct snapshot *s, const void *json, size_t n, struct err *err)
{
	struct id id = s->id;
	struct reading r = {.s = s};
	struct json_in j;
	int rc;

	*s = (struct snapshot){.id = id,
		.hostname = mem_strdup(""),
		.username = mem_strdup(""),
		.program_version = mem_strdup("")};
	json_in_mem(&j, json, n);
	rc = fields_document(&j, "a snapshot", member, &r);
	if (rc >= 0 && (!r.has_time || !r.has_tree))
		rc = json_bad(&j, "there is no \"%s\"", r.has_time ? "tree" : "time");
	if (rc < 0) {
		rc = err_copy(err, &j.err);
		if (err)
			err_prefix(err, "snapshot");
		snapshot_release(s);
	}
	json_in_release(&j);
	return rc;
}

/* put_time: in the zone, or at the fixed offset it was read with. */
static void put_time(struct json_out *o, const char *name, const struct ts *t, const struct zone *z,
	int32_t offset)
{
	struct ts there = {t->sec + offset, t->nsec};
	uint32_t minutes = (uint32_t)(offset < 0 ? -offset : offset) / 60;
	char suffix[7];

	json_key(o, name);
	if (z || !offset) {
		json_time(o, t, z);
		return;
	}
	/* The clock of that offset is UTC's, moved; only the suffix Z" has to go. */
	json_time(o, &there, NULL);
	if (o->b->overflow)
		return;
	suffix[0] = offset < 0 ? '-' : '+';
	suffix[1] = (char)('0' + minutes / 600 % 10);
	suffix[2] = (char)('0' + minutes / 60 % 10);
	suffix[3] = ':';
	suffix[4] = (char)('0' + minutes % 60 / 10);
	suffix[5] = (char)('0' + minutes % 10);
	suffix[6] = '"';
	o->b->len -= 2;
	buf_add(o->b, suffix, sizeof(suffix));
}

static void put_list(struct json_out *o, const char *name, const struct strlist *l)
{
	json_key(o, name);
	json_array(o);
	for (size_t i = 0; i < l->n; i++)
		json_str(o, l->s[i]);
	json_array_end(o);
}

static void put_text(struct json_out *o, const char *name, const char *s)
{
	if (!s || !*s)
		return;
	json_key(o, name);
	json_str(o, s);
}

static void put_id(struct json_out *o, const char *name, const struct id *id)
{
	json_key(o, name);
	json_id(o, id);
}

static void summary_members(const struct snapshot_summary *s, const struct zone *z,
	struct json_out *o)
{
	put_time(o, "backup_start", &s->backup_start, z, s->start_offset);
	put_time(o, "backup_end", &s->backup_end, z, s->end_offset);
	for (size_t i = 0; i < NUMBERS; i++) {
		json_key(o, numbers[i].name);
		json_uint(o, *(const uint64_t *)((const char *)s + numbers[i].at));
	}
}

void snapshot_time_member(const struct snapshot *s, const struct zone *z, struct json_out *o)
{
	put_time(o, "time", &s->time, z, s->time_offset);
}

void snapshot_members(const struct snapshot *s, const struct zone *z, struct json_out *o)
{
	snapshot_time_member(s, z, o);
	if (s->has_parent)
		put_id(o, "parent", &s->parent);
	put_id(o, "tree", &s->tree);
	put_list(o, "paths", &s->paths);
	put_text(o, "hostname", s->hostname);
	put_text(o, "username", s->username);
	if (s->uid) {
		json_key(o, "uid");
		json_uint(o, s->uid);
	}
	if (s->gid) {
		json_key(o, "gid");
		json_uint(o, s->gid);
	}
	if (s->excludes.n)
		put_list(o, "excludes", &s->excludes);
	if (s->tags.n)
		put_list(o, "tags", &s->tags);
	if (s->has_original)
		put_id(o, "original", &s->original);
	put_text(o, "program_version", s->program_version);
	if (s->has_summary) {
		json_key(o, "summary");
		json_object(o);
		summary_members(&s->summary, z, o);
		json_object_end(o);
	}
}

void snapshot_write(const struct snapshot *s, const struct zone *z, struct buf *out)
{
	struct json_out o;

	json_out_init(&o, out);
	json_object(&o);
	snapshot_members(s, z, &o);
	json_object_end(&o);
}

void snapshot_release(struct snapshot *s)
{
	if (!s)
		return;
	strlist_release(&s->paths);
	strlist_release(&s->excludes);
	strlist_release(&s->tags);
	mem_free(s->hostname);
	mem_free(s->username);
	mem_free(s->program_version);
	s->hostname = s->username = s->program_version = NULL;
}
