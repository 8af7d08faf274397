#include "engine/repair_index.h"
#include "base/mem.h"
#include "repo/catalog_local.h"
#include "repo/packlist.h"
#include "repo/parallel.h"
#include "repo/reindex.h"
#include "repo/remove.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BATCH  256  /* packs whose headers are in memory at once */
#define LISTED 0x40 /* catalog_pack.user */

struct ids {
	struct id *id;
	size_t n, cap;
};

struct header { /* of a pack that is read */
	struct blob *blob;
	size_t n;
	struct err err;
};

struct repair {
	struct repo *repo;
	const struct repair_index_options *opt;
	const struct repair_events *ev;
	struct repair_index_result *res;
	struct catalog *catalog;
	struct packtable *packs;
	struct ids index;       /* files that can be read */
	struct ids broken;      /* and that cannot, or are not to be */
	struct ids unread;      /* packs whose headers are wanted */
	uint64_t *size;         /* of unread, as they are */
	struct header *header;  /* of a batch */
	const struct id *batch; /* its first */
	struct reindex reindex;
	bool rewritten;
	struct err err;
};

static void ids_add(struct ids *s, const struct id *id)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->id = mem_regrow(s->id, s->cap, sizeof(*s->id));
	}
	s->id[s->n++] = *id;
}

static bool ids_has(const struct ids *s, const struct id *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (id_equal(&s->id[i], id))
			return true;
	return false;
}

static void tell(void (*fn)(void *arg, const char *sentence), void *arg, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (fn)
		fn(arg, text);
}
#define SAY(r, ...) tell((r)->ev->say, (r)->ev->arg, __VA_ARGS__)
#define FOUND(r, ...)                                                                              \
	do {                                                                                       \
		(r)->res->found++;                                                                 \
		tell((r)->ev->found, (r)->ev->arg, __VA_ARGS__);                                   \
	} while (0)

static int check_stopped(const struct repair *r, struct err *err)
{
	return r->ev->stopped && r->ev->stopped(r->ev->arg)
		       ? err_set(err, ERR_CANCELLED, "interrupted")
		       : 0;
}

/* ---- what the index says ---- */

static int index_damaged(void *arg, const struct id *index, const struct err *e)
{
	struct repair *r = arg;

	/* What the store does not give is not wrong for that, and must not be thrown away. */
	if (e->code != ERR_INVALID && e->code != ERR_UNSUPPORTED)
		return e->code;
	FOUND(r, "removing invalid index %s: %s", id_hex(index).s, e->msg);
	ids_add(&r->broken, index);
	return 0;
}

static int index_listed(void *arg, const struct id *name, uint64_t size)
{
	struct repair *r = arg;

	(void)size;
	if (r->opt->read_all)
		ids_add(&r->broken, name);
	else if (!ids_has(&r->broken, name))
		ids_add(&r->index, name);
	return 0;
}

static int load(struct repair *r, struct err *err)
{
	struct catalog_watch w = {.damaged = index_damaged, .arg = r};
	int rc = 0;

	if (!r->opt->read_all) {
		SAY(r, "loading indexes...");
		rc = catalog_load(r->catalog, r->repo, &w, NULL, err);
	}
	if (!rc)
		rc = catalog_gather(r->catalog, 0, err);
	r->packs = catalog_table(r->catalog);
	return rc ? rc : backend_list(r->repo->be, BACKEND_INDEX, index_listed, r, err);
}

/* ---- what there is ---- */

static bool is_dropped(const struct repair *r, const struct id *pack)
{
	for (size_t i = 0; i < r->opt->n_drop; i++)
		if (id_equal(&r->opt->drop[i], pack))
			return true;
	return false;
}

static int pack_listed(void *arg, const struct id *name, uint64_t size)
{
	struct repair *r = arg;
	struct catalog_pack *p = packtable_find(r->packs, name);

	if (p)
		p->user |= LISTED;
	if (is_dropped(r, name) || (p && p->size == size))
		return 0;
	if (!p && !r->opt->read_all)
		FOUND(r, "adding pack file to index %s", id_hex(name).s);
	else if (p)
		FOUND(r, "reindexing pack file %s with unexpected size %llu instead of %llu",
			id_hex(name).s, (unsigned long long)size, (unsigned long long)p->size);
	if (r->unread.n == r->unread.cap) {
		ids_add(&r->unread, name);
		r->size = mem_regrow(r->size, r->unread.cap, sizeof(*r->size));
	} else {
		ids_add(&r->unread, name);
	}
	r->size[r->unread.n - 1] = size;
	if (p)
		p->user |= CATALOG_GOES;
	return 0;
}

static int list(struct repair *r, struct err *err)
{
	int rc = 0;

	if (!r->opt->only_drop) {
		SAY(r, "getting pack files to read...");
		rc = backend_list(r->repo->be, BACKEND_PACK, pack_listed, r, err);
	}
	for (size_t i = 0; i < packtable_count(r->packs) && !rc; i++) {
		struct catalog_pack *p = packtable_at(r->packs, i);
		bool listed = (p->user & LISTED) || r->opt->only_drop;

		p->user &= (uint8_t)~LISTED;
		if (is_dropped(r, &p->id)) {
			p->user = CATALOG_GOES;
		} else if (!listed) {
			FOUND(r, "removing not found pack file %s", id_hex(&p->id).s);
			p->user = CATALOG_GOES;
		}
	}
	return rc;
}

/* ---- headers ---- */

static int read_header(void *arg, const struct id *id, struct err *err)
{
	struct repair *r = arg;
	struct header *h = &r->header[id - r->batch];

	return packlist_read(r->repo, id, r->size[id - r->unread.id], &h->blob, &h->n, err);
}

static int header_failed(void *arg, const struct id *id, const struct err *e)
{
	struct repair *r = arg;

	if (e->code != ERR_INVALID && e->code != ERR_TOOSHORT && e->code != ERR_NOTFOUND)
		return e->code;
	err_copy(&r->header[id - r->batch].err, e);
	return 0;
}

static int read_batch(struct repair *r, size_t from, size_t n, struct err *err)
{
	int rc;

	memset(r->header, 0, n * sizeof(*r->header));
	r->batch = &r->unread.id[from];
	rc = parallel_ids(r->repo, BACKEND_PACK, r->batch, n, read_header, header_failed, r, err);
	for (size_t i = 0; i < n; i++) {
		struct header *h = &r->header[i];

		if (!rc && h->err.code)
			FOUND(r, "skipped incomplete pack file: %s", h->err.msg);
		else if (!rc && h->n)
			reindex_add(&r->reindex, &r->batch[i], h->blob, h->n);
		mem_free(h->blob);
	}
	r->res->packs_read += n;
	return rc;
}

static int read_headers(struct repair *r, struct err *err)
{
	int rc = 0;

	if (r->unread.n)
		SAY(r, "reading pack files");
	for (size_t i = 0; i < r->unread.n && !rc; i += BATCH) {
		size_t n = r->unread.n - i < BATCH ? r->unread.n - i : BATCH;

		rc = check_stopped(r, err);
		if (!rc)
			rc = read_batch(r, i, n, err);
	}
	return rc;
}

/* ---- new files, and then the old ones ---- */

static bool stopped(void *arg)
{
	const struct repair *r = arg;

	return r->err.code || (r->ev->stopped && r->ev->stopped(r->ev->arg));
}

static void rewritten(void *arg)
{
	((struct repair *)arg)->rewritten = true;
}

static int rewrite(struct repair *r, struct err *err)
{
	r->reindex = (struct reindex){.repo = r->repo,
		.packs = r->packs,
		.index = r->index.id,
		.n = r->index.n,
		.stopped = stopped,
		.done = rewritten,
		.arg = r};
	reindex_begin(&r->reindex);
	read_headers(r, &r->err);
	if (!r->err.code)
		SAY(r, "rebuilding index");
	reindex_start(&r->reindex);
	loop_until(r->repo->env->loop, &r->rewritten);
	if (!r->err.code)
		err_copy(&r->err, &r->reindex.err);
	r->res->saved = r->reindex.saved;
	return err_copy(err, &r->err);
}

static void index_removed(void *arg, size_t i, const struct err *failed)
{
	struct repair *r = arg;

	(void)i;
	r->res->removed += !failed;
	if (failed && !r->err.code)
		err_copy(&r->err, failed);
}

static int remove_old(struct repair *r, struct err *err)
{
	struct remove_events ev = {.told = index_removed, .arg = r};
	int rc;

	r->index.n = 0;
	for (size_t i = 0; i < r->reindex.n_old; i++)
		ids_add(&r->index, &r->reindex.old[i]);
	for (size_t i = 0; i < r->broken.n; i++)
		ids_add(&r->index, &r->broken.id[i]);
	rc = remove_files(r->repo, BACKEND_INDEX, r->index.id, r->index.n, &ev, err);
	if (!rc && r->err.code)
		rc = err_copy(err, &r->err);
	return rc ? err_prefix(err, "remove old index files") : 0;
}

int repair_index_run(struct repo *repo, const struct repair_index_options *o,
	const struct repair_events *ev, struct repair_index_result *res, struct err *err)
{
	struct repair r = {.repo = repo, .opt = o, .ev = ev, .res = res};
	int rc;

	*res = (struct repair_index_result){0};
	r.catalog = catalog_local_new(NULL);
	r.header = mem_array(BATCH, sizeof(*r.header));
	rc = load(&r, err);
	if (!rc)
		rc = list(&r, err);
	if (!rc)
		rc = rewrite(&r, err);
	if (!rc)
		rc = remove_old(&r, err);
	reindex_release(&r.reindex);
	catalog_free(r.catalog);
	mem_free(r.index.id);
	mem_free(r.broken.id);
	mem_free(r.unread.id);
	mem_free(r.size);
	mem_free(r.header);
	return rc;
}
