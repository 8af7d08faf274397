/* list TYPE: the ids of files, or of blobs, one on a line (docs/format.md 13.12); in JSON mode too,
 * as restic. */
#include "cmd/session.h"
#include <string.h>

struct ids {
	struct session *s;
	struct buf line;
	struct err *err; /* of what a file's name leads to */
};

static bool halted(const struct ids *l)
{
	return session_stopped(l->s) || out_broken(l->s->cmd->out);
}

static int print_file(void *arg, const struct id *id, uint64_t size)
{
	struct ids *l = arg;

	(void)size;
	buf_adds(&l->line, id_hex(id).s);
	out_line(l->s->cmd->out, &l->line);
	return halted(l);
}

static int print_blobs(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	struct ids *l = arg;

	(void)pack;
	for (size_t i = 0; i < n; i++) {
		buf_addf(&l->line, "%s %s", blob_type_name(b[i].type), id_hex(&b[i].id).s);
		out_line(l->s->cmd->out, &l->line);
	}
	return halted(l);
}

/* An index is read as a stream, so that a large repository needs no memory for this. */
static int print_index(void *arg, const struct id *id, uint64_t size)
{
	struct ids *l = arg;

	(void)size;
	return repo_load_index(l->s->open.repo, id, print_blobs, l, l->err);
}

static enum backend_type type_of(const char *word)
{
	static const struct {
		const char *word;
		enum backend_type type;
	} types[] = {{"packs", BACKEND_PACK}, {"index", BACKEND_INDEX}, {"blobs", BACKEND_INDEX},
		{"snapshots", BACKEND_SNAPSHOT}, {"keys", BACKEND_KEY}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!strcmp(types[i].word, word))
			return types[i].type;
	}
	return BACKEND_LOCK;
}

int cmd_list_type(struct session *s, struct err *err)
{
	const char *word = s->opts->second;
	struct ids l = {.s = s, .err = err};
	int rc = 0;

	if (s->opts->args.n)
		rc = err_set(err, ERR_USAGE, "list %s takes no arguments", word);
	if (!rc)
		rc = session_open(s, err);
	if (rc)
		return rc;
	buf_init(&l.line, SIZE_MAX / 2);
	rc = backend_list(s->open.be, type_of(word),
		strcmp(word, "blobs") ? print_file : print_index, &l, err);
	buf_release(&l.line);
	return rc > 0 ? 0 : rc;
}
