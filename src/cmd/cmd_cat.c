/* cat: what the repository holds, decrypted: for people who want to look inside
 * (docs/format.md 13.10). */
#include "base/mem.h"
#include "cmd/session.h"
#include "format/keyfile.h"
#include <string.h>

/* indent: JSON with two blanks a level, as Go's MarshalIndent lays it out.  Lexical: strings are
 * left as they are. */
static void newline(struct buf *out, unsigned depth)
{
	buf_addc(out, '\n');
	while (depth--)
		buf_adds(out, "  ");
}

static void indent(const struct buf *json, struct buf *out)
{
	bool string = false;
	unsigned depth = 0;

	for (size_t i = 0; i < json->len; i++) {
		int c = json->p[i];

		if (string) {
			buf_addc(out, c);
			if (c == '\\' && i + 1 < json->len)
				buf_addc(out, json->p[++i]);
			string = c != '"';
			continue;
		}
		if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
			continue;
		if (c == '}' || c == ']') {
			bool empty = out->len &&
				     (out->p[out->len - 1] == '{' || out->p[out->len - 1] == '[');

			depth -= depth > 0;
			if (!empty)
				newline(out, depth);
		}
		buf_addc(out, c);
		if (c == '"')
			string = true;
		else if (c == ':')
			buf_addc(out, ' ');
		else if (c == ',')
			newline(out, depth);
		else if ((c == '{' || c == '[') && i + 1 < json->len && json->p[i + 1] != '}' &&
			 json->p[i + 1] != ']')
			newline(out, ++depth);
		else if (c == '{' || c == '[')
			depth++;
	}
}

static void show(struct session *s, const char *kind, struct buf *b, bool json)
{
	struct buf text;

	if (!json && (!strcmp(kind, "blob") || !strcmp(kind, "pack"))) {
		out_result(s->cmd->out, b->p, b->len);
	} else if (!json) {
		out_result_json(s->cmd->out, b->p, b->len);
	} else {
		buf_init(&text, SIZE_MAX / 2);
		indent(b, &text);
		buf_addc(&text, '\n');
		out_result_json(s->cmd->out, text.p, text.len);
		buf_wipe(&text);
	}
}

/* A damaged one too: who looks at it may want just that. */
static int get_raw(struct session *s, enum backend_type t, const struct id *id, struct buf *b,
	struct err *err)
{
	struct hash *h = hash_new();
	struct id is;
	int rc = backend_get(s->open.be, t, id, b, err);

	hash_once(h, b->p, b->len, &is);
	hash_free(h);
	if (!rc && !id_equal(&is, id))
		out_warn(s->cmd->out, "Warning: hash of data does not match ID, want %s, got: %s",
			id_hex(id).s, id_hex(&is).s);
	return rc;
}

/* A file of the repository by its id or the beginning of it. */
static int get_file(struct session *s, enum backend_type t, const char *arg, struct buf *b,
	struct err *err)
{
	struct id id;
	int rc = repo_prefix(s->open.repo, t, arg, &id, err);

	if (rc)
		return rc;
	/* Keys and packs have no envelope of their own. */
	if (t == BACKEND_KEY || t == BACKEND_PACK)
		return get_raw(s, t, &id, b, err);
	return repo_load(s->open.repo, t, &id, b, err);
}

static int get_snapshot(struct session *s, const char *arg, struct buf *b, struct err *err)
{
	struct snapshots_filter f = {0};
	const struct snapshot *snap;
	int rc = session_snapshots(s, err);

	if (!rc)
		rc = snapshots_pick_whole(&s->snaps, arg, &f, &snap, err);
	if (!rc)
		rc = repo_load(s->open.repo, BACKEND_SNAPSHOT, &snap->id, b, err);
	return rc;
}

static int get_blob(struct session *s, const char *arg, struct buf *b, struct err *err)
{
	struct catalog_place at;
	struct id id;
	int rc = 0;

	if (id_parse(&id, arg, strlen(arg)))
		return err_set(err, ERR_USAGE,
			"a blob is named by 64 hexadecimal digits, not \"%s\"", arg);
	rc = session_index(s, err);
	for (int t = BLOB_DATA; t <= BLOB_TREE && !rc; t++) {
		if (catalog_find_wait(s->catalog, s->env.loop, (enum blob_type)t, &id, 0, &at))
			return reader_read_here(s->reader, (enum blob_type)t, &id, b, err);
	}
	return rc ? rc : err_set(err, ERR_NOTFOUND, "there is no blob %s", arg);
}

static int get_tree(struct session *s, const char *arg, struct buf *b, struct err *err)
{
	const struct snapshot *snap;
	char *sub = NULL;
	struct id tree;
	int rc = session_snapshot(s, arg, &snap, &sub, &tree, err);

	if (!rc)
		rc = loader_tree_wait(s->loader, &tree, b, err);
	mem_free(sub);
	return rc;
}

static int get(struct session *s, const char *kind, const char *arg, struct buf *b, bool *json,
	struct err *err)
{
	*json = false;
	if (!strcmp(kind, "blob"))
		return get_blob(s, arg, b, err);
	if (!strcmp(kind, "tree"))
		return get_tree(s, arg, b, err);
	if (!strcmp(kind, "index")) {
		int rc = get_file(s, BACKEND_INDEX, arg, b, err);

		if (!rc && (!b->len || b->p[b->len - 1] != '\n')) /* as restic ends it */
			buf_addc(b, '\n');
		return rc;
	}
	if (!strcmp(kind, "pack"))
		return get_file(s, BACKEND_PACK, arg, b, err);
	*json = true;
	if (!strcmp(kind, "config"))
		return repo_load(s->open.repo, BACKEND_CONFIG, NULL, b, err);
	if (!strcmp(kind, "key"))
		return get_file(s, BACKEND_KEY, arg, b, err);
	if (!strcmp(kind, "lock"))
		return get_file(s, BACKEND_LOCK, arg, b, err);
	if (!strcmp(kind, "snapshot"))
		return get_snapshot(s, arg, b, err);
	masterkey_write(&s->open.repo->master, b);
	return 0;
}

static int check_args(const struct strlist *args, struct err *err)
{
	static const char *const kinds[] = {"config", "masterkey", "key", "lock", "snapshot",
		"index", "blob", "tree", "pack"};
	size_t k = 0;

	while (args->n && k < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[k], args->s[0]) != 0)
		k++;
	if (!args->n || k == sizeof(kinds) / sizeof(kinds[0]))
		return err_set(err, ERR_USAGE,
			"write: a_backup cat config|masterkey, or "
			"key|lock|snapshot|index|blob|pack ID, or tree SNAPSHOT[:DIR]");
	if (args->n != (k < 2 ? 1u : 2u))
		return err_set(err, ERR_USAGE, k < 2 ? "cat %s takes no id" : "cat %s takes one id",
			args->s[0]);
	return 0;
}

int cmd_cat(struct session *s, struct err *err)
{
	const struct strlist *args = &s->opts->args;
	struct buf b;
	bool json;
	int rc = check_args(args, err);

	buf_init(&b, REPO_FILE_MAX);
	if (!rc)
		rc = session_open(s, err);
	if (!rc)
		rc = get(s, args->s[0], args->n > 1 ? args->s[1] : "", &b, &json, err);
	if (!rc)
		show(s, args->s[0], &b, json);
	buf_wipe(&b);
	return rc;
}
