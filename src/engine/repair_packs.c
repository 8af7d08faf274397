#include "engine/repair_packs.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "repo/packlist.h"
#include "repo/remove.h"

/* An entry of the index. */
struct entry {
	size_t pack; /* of the given ones */
	struct blob blob;
};

struct salvage {
	struct repo *repo;
	struct catalog *catalog;
	struct writing *writing;
	const struct repair_events *ev;
	struct repair_packs_result *res;
	const struct id *pack;
	size_t n;
	struct entry *entry; /* of these packs */
	size_t entries, cap;
	struct hashtab *done[2]; /* by type: blobs that are saved */
	struct err unremoved;
};

static void found(struct salvage *s, const char *text)
{
	if (s->ev->found)
		s->ev->found(s->ev->arg, text);
}

static void say(struct salvage *s, const char *text)
{
	if (s->ev->say)
		s->ev->say(s->ev->arg, text);
}

/* ---- what the index says ---- */

static int collect(void *arg, const struct catalog_place *p)
{
	struct salvage *s = arg;

	for (size_t i = 0; i < s->n; i++) {
		if (!id_equal(&s->pack[i], &p->pack))
			continue;
		if (s->entries == s->cap) {
			s->cap = s->cap ? 2 * s->cap : 256;
			s->entry = mem_regrow(s->entry, s->cap, sizeof(*s->entry));
		}
		s->entry[s->entries++] = (struct entry){i, p->blob};
		return 0;
	}
	return 0;
}

/* ---- a blob ---- */

static void forgotten(struct catalog_claim *c)
{
	(void)c;
}

/* It lies in a damaged pack, and maybe in others, which does not matter: prune ends that. */
static void forget(struct salvage *s, const struct blob *b)
{
	enum catalog_verdict v;
	struct catalog_claim c = {.forget = true,
		.type = b->type,
		.id = &b->id,
		.n = 1,
		.verdict = &v,
		.done = forgotten};

	catalog_claim(s->catalog, &c);
}

static int save(struct salvage *s, const struct blob *b, const struct buf *pack, struct err *err)
{
	struct repo_ctx *ctx;
	struct buf plain;
	struct err e = {0};
	bool is_new;
	int rc = 0;

	if (hashtab_find(s->done[b->type], &b->id))
		return 0;
	buf_init(&plain, REPO_BLOB_MAX);
	ctx = repo_ctx_get(s->repo);
	if (b->offset > pack->len || b->length > pack->len - b->offset)
		err_set(&e, ERR_TOOSHORT, "the pack ends before it");
	else
		repo_open_blob(ctx, b, pack->p + b->offset, &plain, &e);
	repo_ctx_put(s->repo, ctx);
	if (e.code) {
		char *text = mem_printf("failed to load blob %s: %s", id_hex(&b->id).s, e.msg);

		s->res->lost++;
		found(s, text);
		mem_free(text);
	} else {
		hashtab_add(s->done[b->type], &b->id, &is_new);
		forget(s, b);
		rc = writing_put(s->writing, b->type, &b->id, &plain, err);
		s->res->saved += !rc;
	}
	buf_release(&plain);
	return rc;
}

/* ---- a pack ---- */

static bool is_indexed(const struct salvage *s, size_t pack, const struct blob *b)
{
	for (size_t i = 0; i < s->entries; i++)
		if (s->entry[i].pack == pack && s->entry[i].blob.offset == b->offset &&
			s->entry[i].blob.type == b->type && id_equal(&s->entry[i].blob.id, &b->id))
			return true;
	return false;
}

static int salvage_pack(struct salvage *s, size_t k, struct err *err)
{
	struct blob *blob = NULL;
	struct buf pack;
	struct err none = {0};
	size_t n = 0;
	int rc;

	buf_init(&pack, REPO_BLOB_MAX);
	rc = backend_get(s->repo->be, BACKEND_PACK, &s->pack[k], &pack, err);
	for (size_t i = 0; i < s->entries && !rc; i++)
		if (s->entry[i].pack == k)
			rc = save(s, &s->entry[i].blob, &pack, err);
	if (!rc && packlist_find(s->repo, pack.p, pack.len, &blob, &n, &none))
		n = 0;
	for (size_t i = 0; i < n && !rc; i++)
		if (!is_indexed(s, k, &blob[i]))
			rc = save(s, &blob[i], &pack, err);
	mem_free(blob);
	buf_release(&pack);
	if (!rc && s->ev->stopped && s->ev->stopped(s->ev->arg))
		rc = err_set(err, ERR_CANCELLED, "interrupted");
	return rc;
}

/* ---- they go ---- */

static void removed(void *arg, size_t i, const struct err *failed)
{
	struct salvage *s = arg;

	if (failed && !s->unremoved.code) {
		err_copy(&s->unremoved, failed);
		err_prefix(&s->unremoved, "pack %s", id_hex(&s->pack[i]).s);
	}
}

static int drop(struct salvage *s, struct err *err)
{
	struct repair_index_options o = {.drop = s->pack, .n_drop = s->n, .only_drop = true};
	struct remove_events ev = {.told = removed, .arg = s};
	struct repair_index_result res;
	int rc = repair_index_run(s->repo, &o, s->ev, &res, err);

	if (rc)
		return rc;
	say(s, "removing salvaged pack files");
	rc = remove_files(s->repo, BACKEND_PACK, s->pack, s->n, &ev, err);
	/* They are in no index any more: prune removes them later. */
	if (!rc && s->unremoved.code)
		found(s, s->unremoved.msg);
	return rc;
}

int repair_packs_run(struct router *r, struct agree *a, struct repo *repo, struct catalog *catalog,
	const struct id *pack, size_t n, const struct writing_options *o,
	const struct repair_events *ev, struct repair_packs_result *res, struct err *err)
{
	struct salvage s =
		{.repo = repo, .catalog = catalog, .ev = ev, .res = res, .pack = pack, .n = n};
	struct err late = {0};
	int rc = 0;

	*res = (struct repair_packs_result){0};
	for (int t = 0; t < 2; t++)
		s.done[t] = hashtab_new(ID_SIZE, ID_SIZE, 0);
	catalog_each(catalog, collect, &s);
	s.writing = writing_new(r, a, repo, catalog, o);
	say(&s, "salvaging intact data from specified pack files");
	for (size_t i = 0; i < n && !rc; i++)
		rc = salvage_pack(&s, i, err);
	if (writing_end(s.writing, &late) && !rc)
		rc = err_copy(err, &late);
	writing_free(s.writing);
	if (!rc)
		rc = drop(&s, err);
	for (int t = 0; t < 2; t++)
		hashtab_free(s.done[t]);
	mem_free(s.entry);
	return rc;
}
