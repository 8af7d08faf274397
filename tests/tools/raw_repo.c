/*
 * raw_repo DIR: writes into a repository in a directory (password from RESTIC_PASSWORD) what no
 * program of ours would, as lines of standard input say:
 *
 *     tree NAME TEXT       a tree blob, in a pack of its own
 *     data NAME TEXT       a data blob, likewise
 *     huge NAME TEXT       a data blob that is said to have 4 GiB
 *     snapshot NAME TEXT   a snapshot file
 *     index NAME TEXT      an index file, besides the one of the blobs
 *
 * @NAME@ in a text is the id of what was written before.
 */
#include "backend/local.h"
#include "base/le.h"
#include "base/mem.h"
#include "format/pack.h"
#include "kern/hash.h"
#include "kern/seal.h"
#include "repo/repo.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 4096

static struct named {
	char name[32];
	struct id id;
} named[NAMES];
static size_t names;

static struct repo_pack packs[NAMES];
static struct blob blobs[NAMES];
static size_t n_packs;

static void die(const char *what)
{
	fprintf(stderr, "raw_repo: %s\n", what);
	exit(1);
}

static void remember(const char *name, const struct id *id)
{
	if (names == NAMES)
		die("too many lines");
	snprintf(named[names].name, sizeof(named[names].name), "%s", name);
	named[names++].id = *id;
}

/* The text with ids in the places of @NAME@. */
static void expand(struct buf *out, const char *s)
{
	for (const char *end; *s; s = end) {
		size_t i = 0;

		end = *s == '@' ? strchr(s + 1, '@') : NULL;
		while (end && i < names &&
			(strlen(named[i].name) != (size_t)(end - s - 1) ||
				strncmp(named[i].name, s + 1, (size_t)(end - s - 1)) != 0))
			i++;
		if (end && i < names) {
			buf_adds(out, id_hex(&named[i].id).s);
			end++;
		} else {
			buf_addc(out, *s);
			end = s + 1;
		}
	}
}

static void seal_into(struct buf *out, struct repo_ctx *c, const void *p, size_t n)
{
	uint8_t *sealed = mem_alloc(n + SEAL_OVERHEAD);

	seal_put(c->seal, repo_ctx_iv(c), p, n, sealed);
	buf_add(out, sealed, n + SEAL_OVERHEAD);
	mem_free(sealed);
}

/* A pack of one blob. */
static struct id put_blob(struct repo *r, enum blob_type t, uint32_t plain, const struct buf *text)
{
	struct repo_ctx *c = repo_ctx_get(r);
	struct blob *b = &blobs[n_packs];
	struct repo_pack *p = &packs[n_packs++];
	struct buf pack, header;
	uint8_t length[4];
	struct err err = {0};
	size_t body;

	buf_init(&pack, SIZE_MAX / 2);
	buf_init(&header, SIZE_MAX / 2);
	*b = (struct blob){.type = t, .plain = plain};
	hash_once(c->hash, text->p, text->len, &b->id);
	seal_into(&pack, c, text->p, text->len);
	b->length = (uint32_t)pack.len;
	body = pack.len;
	pack_header_write(b, 1, &header);
	seal_into(&pack, c, header.p, header.len);
	le32_put(length, (uint32_t)(pack.len - body));
	buf_add(&pack, length, 4);
	hash_once(c->hash, pack.p, pack.len, &p->id);
	p->blobs = 1;
	repo_ctx_put(r, c);
	if (backend_put(r->be, BACKEND_PACK, &p->id, pack.p, pack.len, &err))
		die(err.msg);
	buf_release(&pack);
	buf_release(&header);
	return b->id;
}

static void obey(struct repo *r, char *line)
{
	char *kind = strtok(line, " "), *name = strtok(NULL, " "), *rest = strtok(NULL, "\n");
	struct err err = {0};
	struct buf text;
	struct id id;
	int rc = 0;

	if (!rest)
		die("a line has too few words");
	buf_init(&text, SIZE_MAX / 2);
	expand(&text, rest);
	if (!strcmp(kind, "tree"))
		id = put_blob(r, BLOB_TREE, 0, &text);
	else if (!strcmp(kind, "data"))
		id = put_blob(r, BLOB_DATA, 0, &text);
	else if (!strcmp(kind, "huge"))
		id = put_blob(r, BLOB_DATA, UINT32_MAX, &text);
	else if (!strcmp(kind, "snapshot"))
		rc = repo_save(r, BACKEND_SNAPSHOT, text.p, text.len, &id, &err);
	else
		rc = repo_save(r, BACKEND_INDEX, text.p, text.len, &id, &err);
	if (rc)
		die(err.msg);
	remember(name, &id);
	buf_release(&text);
}

int main(int argc, char **argv)
{
	const char *password = getenv("RESTIC_PASSWORD");
	struct env env = {.clock = clock_real(), .rnd = rnd_real()};
	struct repo *repo = NULL;
	struct backend *be;
	struct err err = {0};
	size_t room = 0;
	char *line = NULL;

	if (argc != 2 || !password)
		die("usage: RESTIC_PASSWORD=… raw_repo DIR <LINES");
	be = backend_local_new(argv[1], 1);
	if (repo_open(be, &env, password, strlen(password), NULL, &repo, &err))
		die(err.msg);
	while (getline(&line, &room, stdin) > 0)
		obey(repo, line);
	if (n_packs && repo_save_index(repo, packs, n_packs, blobs, &err))
		die(err.msg);
	free(line);
	repo_close(repo);
	backend_free(be);
	return 0;
}
