/*
 * The repository room against restic itself: repositories that restic wrote (tests/golden/repos,
 * see repos.sh there) are opened and read, and restic reads what this room wrote. The second part
 * runs `restic` from $PATH and the programs in the colon list $A_BACKUP_RESTICS, or is skipped.
 */
#include "backend/local.h"
#include "base/json_out.h"
#include "format/snapshot.h"
#include "format/tree.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "repo/indexer.h"
#include "repo/loader.h"
#include "repo/reader.h"
#include "repo/lock.h"
#include "repo/saver.h"
#include "repo/snapshots.h"
#include "unit/repo_fixture.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define PASS "golden"

struct reading {
	struct fixture f;
	struct repo *repo;
	struct blobtable *cat;
	struct catalog *catalog;
	struct loader *l;
	struct reader *rd;
	struct snapshots snaps;
};

static void reading_open(struct reading *r, const char *path)
{
	struct err err = {0};

	fixture_env(&r->f);
	r->f.be = backend_local_new(path, 2);
	if (repo_open(r->f.be, &r->f.env, PASS, strlen(PASS), NULL, &r->repo, &err)) {
		fprintf(stderr, "%s: %s\n", path, err.msg);
		check_stop();
	}
	r->cat = blobtable_new();
	REQUIRE(blobtable_load(r->cat, r->repo, NULL, &err) == 0);
	r->catalog = catalog_local_new(r->cat);
	r->l = loader_new(r->repo, r->catalog, (size_t)64 << 20);
	r->rd = reader_new(r->repo, r->catalog, 0);
	REQUIRE(snapshots_load(r->repo, &r->snaps, NULL, NULL, &err) == 0);
}

static void reading_close(struct reading *r)
{
	snapshots_release(&r->snaps);
	reader_free(r->rd);
	loader_free(r->l);
	catalog_free(r->catalog);
	blobtable_free(r->cat);
	repo_close(r->repo);
	fixture_release(&r->f);
}

struct sum {
	unsigned files, dirs, links;
	uint64_t bytes;
	bool numbers; /* the contents of deep/numbers were right */
};

static void read_file(struct reading *r, const struct node *n, struct sum *s)
{
	struct buf all, b = {0};
	struct err err = {0};
	char line[16];

	buf_init(&all, (size_t)1 << 28);
	for (size_t i = 0; i < n->n_content; i++) {
		if (!CHECK_EQ(reader_read_here(r->rd, BLOB_DATA, &n->content[i], &b, &err), 0))
			fprintf(stderr, "%s\n", err.msg);
		buf_add(&all, b.p, b.len);
		buf_release(&b);
	}
	CHECK_EQ(all.len, n->size);
	s->files++;
	s->bytes += all.len;
	if (n->name.n == 7 && memcmp(n->name.p, "numbers", 7) == 0) {
		size_t at = 0;

		s->numbers = true;
		for (int i = 1; i <= 4000; i++) {
			size_t len = (size_t)snprintf(line, sizeof(line), "%d\n", i);

			s->numbers = s->numbers && at + len <= all.len &&
				     memcmp(all.p + at, line, len) == 0;
			at += len;
		}
	}
	buf_release(&all);
	buf_release(&b);
}

static void read_tree(struct reading *r, const struct id *id, struct sum *s)
{
	struct buf plain = {0};
	const struct node *n;
	struct err err = {0};
	struct tree_in in;
	int rc;

	if (loader_tree_wait(r->l, id, &plain, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		check_stop();
	}
	tree_in_init(&in, plain.p, plain.len);
	while ((rc = tree_in_next(&in, &n, &err)) == 1) {
		if (n->type == NODE_FILE) {
			read_file(r, n, s);
		} else if (n->type == NODE_DIR) {
			struct id sub = n->subtree;

			s->dirs++;
			read_tree(r, &sub, s);
		} else {
			s->links++;
		}
	}
	CHECK_EQ(rc, 0);
	tree_in_release(&in);
	buf_release(&plain);
}

static const char *golden(const char *name)
{
	static char path[4200];
	const char *tests = getenv("A_BACKUP_TESTS");

	snprintf(path, sizeof(path), "%s/golden/repos/%s", tests ? tests : "tests", name);
	return path;
}

TEST(repositories_by_restic)
{
	static const char *const name[] = {"v1-0.14", "v1-0.18", "v2-0.14", "v2-0.18"};

	for (int i = 0; i < 4; i++) {
		struct sum first = {0}, second = {0};
		struct reading r;
		struct snapshots_filter tagged = {0};
		const struct snapshot *s;
		struct err err = {0};
		char *sub;

		reading_open(&r, golden(name[i]));
		CHECK_EQ(r.repo->config.version, name[i][1] - '0');
		REQUIRE(r.snaps.n == 2);
		CHECK_STR(r.snaps.s[0].hostname, "golden");
		strlist_add(&tagged.tags, "first");
		REQUIRE(snapshots_pick(&r.snaps, "latest", &tagged, &s, &sub, &err) == 0);
		CHECK(s == &r.snaps.s[0]);
		snapshots_filter_release(&tagged);
		CHECK(r.snaps.s[1].has_parent && id_equal(&r.snaps.s[1].parent, &r.snaps.s[0].id));
		read_tree(&r, &r.snaps.s[0].tree, &first);
		read_tree(&r, &r.snaps.s[1].tree, &second);
		CHECK_EQ(first.files, 4);
		CHECK_EQ(first.dirs, 3);
		CHECK_EQ(first.links, 1);
		CHECK_EQ(first.bytes, 6 + 18893 + 3000);
		CHECK(first.numbers && second.numbers);
		CHECK_EQ(second.files, 6);
		for (size_t p = 0; p < packtable_count(blobtable_packs(r.cat)); p++) {
			struct catalog_pack *cp = packtable_at(blobtable_packs(r.cat), p);
			uint64_t size = 0;

			CHECK_EQ(backend_stat(r.f.be, BACKEND_PACK, &cp->id, &size, NULL), 0);
			CHECK_EQ(size, cp->size);
			CHECK(cp->data != cp->tree);
		}
		reading_close(&r);
	}
}

TEST(a_wrong_password_for_restics_repository)
{
	struct fixture f;
	struct repo *r;
	struct err err = {0};

	fixture_env(&f);
	f.be = backend_local_new(golden("v2-0.18"), 2);
	CHECK_EQ(repo_open(f.be, &f.env, "Golden", 6, NULL, &r, &err), ERR_PASSWORD);
	fixture_release(&f);
}

/* What this room writes. */

struct writer {
	struct fixture f;
	struct blobtable *cat;
	struct catalog *catalog;
	struct saver *saver;
	struct indexer *indexer;
	bool packed, indexed;
	int failed;
};

static void w_stored(void *arg, const struct pack *p)
{
	indexer_add(((struct writer *)arg)->indexer, &p->id, p->blob, p->n);
}

static void w_failed(void *arg, const struct err *e)
{
	fprintf(stderr, "%s\n", e->msg);
	((struct writer *)arg)->failed++;
}

static void w_packed(void *arg)
{
	((struct writer *)arg)->packed = true;
}

static void w_indexed(void *arg)
{
	((struct writer *)arg)->indexed = true;
}

static struct id w_put(struct writer *w, enum blob_type t, struct buf *b)
{
	struct id id = fixture_hash(b->p, b->len);

	saver_put(w->saver, t, &id, b, 0);
	loop_run(w->f.env.loop);
	return id;
}

/* A file of `chunks` blobs, whose bytes are repeated in out. */
static void w_file(struct writer *w, const char *name, size_t chunk, size_t chunks,
	bool compressible, struct buf *node, struct buf *out)
{
	struct id *id = mem_array(chunks + 1, sizeof(*id));
	struct node n = {.name = {name, strlen(name)},
		.type = NODE_FILE,
		.mode = 0644,
		.links = 1,
		.inode = 5,
		.size = chunk * chunks};

	for (size_t i = 0; i < chunks; i++) {
		struct buf b;

		buf_init(&b, chunk);
		buf_reserve(&b, chunk);
		b.len = chunk;
		fixture_fill(b.p, chunk, (uint64_t)name[0] * 1000 + i, compressible);
		buf_add(out, b.p, b.len);
		id[i] = w_put(w, BLOB_DATA, &b);
	}
	n.content = id;
	n.n_content = chunks;
	n.has_content = true;
	n.mtime = n.ctime = n.atime = (struct ts){.sec = 1700000000};
	node_write(&n, NULL, node);
	mem_free(id);
}

static void write_snapshot(struct writer *w, const char *dir)
{
	static const struct {
		const char *name;
		size_t chunk, chunks;
		bool compressible;
	} file[] = {{"a", 700000, 12, false}, {"b", 700000, 12, true}, {"c", 2048, 3000, true},
		{"d", 1, 1, false}, {"e", 0, 0, false}};
	struct snapshot s = {.time = {.sec = 1700000001},
		.hostname = mem_strdup("h"),
		.username = mem_strdup("u"),
		.program_version = mem_strdup("x")};
	struct saver_events ev = {w_stored, w_failed, NULL, w_packed, w};
	struct buf tree, json;
	char path[4300];

	w->cat = blobtable_new();
	w->catalog = catalog_local_new(w->cat);
	w->indexer = indexer_new(w->f.repo, 0, w_failed, w_indexed, w);
	w->saver = saver_new(w->f.repo, w->catalog, PACK_SIZE_MIN, 4, false, &ev);
	buf_init(&tree, (size_t)1 << 28);
	tree_begin(&tree);
	for (int i = 0; i < 5; i++) {
		struct buf node, bytes;
		FILE *f;

		buf_init(&node, 1 << 20);
		buf_init(&bytes, (size_t)1 << 28);
		w_file(w, file[i].name, file[i].chunk, file[i].chunks, file[i].compressible, &node,
			&bytes);
		tree_node(&tree, i == 0, node.p, node.len);
		snprintf(path, sizeof(path), "%s/want-%s", dir, file[i].name);
		f = fopen(path, "w");
		REQUIRE(f &&
			fwrite(bytes.p ? bytes.p : (uint8_t *)"", 1, bytes.len, f) == bytes.len &&
			fclose(f) == 0);
		buf_release(&node);
		buf_release(&bytes);
	}
	tree_end(&tree);
	s.tree = w_put(w, BLOB_TREE, &tree);
	saver_flush(w->saver);
	fixture_until(&w->f, &w->packed);
	indexer_flush(w->indexer);
	fixture_until(&w->f, &w->indexed);
	CHECK_EQ(w->failed, 0);
	strlist_add(&s.paths, "/p");
	buf_init(&json, 1 << 20);
	snapshot_write(&s, NULL, &json);
	CHECK_EQ(repo_save(w->f.repo, BACKEND_SNAPSHOT, json.p, json.len, NULL, NULL), 0);
	buf_release(&json);
	snapshot_release(&s);
	saver_free(w->saver);
	indexer_free(w->indexer);
	catalog_free(w->catalog);
	blobtable_free(w->cat);
}

static int sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int sh(const char *fmt, ...)
{
	char cmd[16000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	fflush(stderr);
	return system(cmd);
}

/* restic adds to it and throws away, and we read the result; then the locks. */
static void restic_goes_on(const char *restic, const char *dir, const char *repo)
{
	struct lock_owner who = {"elsewhere", "u", 0, 0, 12345};
	struct lock *lock;
	struct err err = {0};
	struct reading r;
	struct sum sum = {0};

	CHECK_EQ(sh("seq 4000 >'%s/numbers' && '%s' -q backup --host golden '%s/numbers' "
		    "'%s/want-c' >/dev/null",
			 dir, restic, dir, dir),
		0);
	CHECK_EQ(sh("'%s' -q forget --keep-last 1 --group-by '' --prune >/dev/null && '%s' -q "
		    "check --read-data >&2",
			 restic, restic),
		0);
	reading_open(&r, repo);
	REQUIRE(r.snaps.n == 1);
	read_tree(&r, &r.snaps.s[0].tree, &sum);
	CHECK_EQ(sum.files, 2);
	CHECK_EQ(sum.bytes, 18893 + 2048 * 3000);
	CHECK(sum.numbers);
	REQUIRE(lock_acquire(r.repo, &who, true, 0, NULL, NULL, NULL, &lock, &err) == 0);
	CHECK(sh("'%s' -q --no-cache snapshots >'%s/out.txt' 2>&1", restic, dir) != 0);
	CHECK_EQ(sh("grep -q 'locked exclusively by PID 12345 on elsewhere' '%s/out.txt' || { cat "
		    "'%s/out.txt' >&2; exit 1; }",
			 dir, dir),
		0);
	lock_release(lock);
	CHECK_EQ(sh("'%s' -q --no-cache snapshots >/dev/null", restic), 0);
	reading_close(&r);
}

static void with_restic(const char *restic, unsigned version, bool compress_data, bool more)
{
	const struct repo_spec what = {.version = version, .who = {"u", "h"}};
	bool made;
	static int nth;
	char dir[4200], repo[4300], cache[4300];
	struct err err = {0};
	struct writer w = {0};

	snprintf(dir, sizeof(dir), "%s/%d", check_tmpdir(), nth++);
	REQUIRE(sh("mkdir -p '%s/cache'", dir) == 0);
	snprintf(repo, sizeof(repo), "%s/repo", dir);
	snprintf(cache, sizeof(cache), "%s/cache", dir);
	fixture_env(&w.f);
	w.f.be = backend_local_new(repo, 2);
	REQUIRE(repo_create(w.f.be, &w.f.env, &what, PASS, strlen(PASS), &w.f.repo, &made, &err) ==
		0);
	w.f.repo->compress_data = compress_data;
	write_snapshot(&w, dir);
	setenv("RESTIC_PASSWORD", PASS, 1);
	setenv("RESTIC_REPOSITORY", repo, 1);
	setenv("RESTIC_CACHE_DIR", cache, 1);
	CHECK_EQ(sh("'%s' -q check --read-data >&2", restic), 0);
	CHECK_EQ(sh("'%s' -q restore latest --target '%s/out' >/dev/null && cd '%s/out' && for f "
		    "in a b c d e; do cmp $f ../want-$f || "
		    "exit 1; done",
			 restic, dir, dir),
		0);
	if (more)
		restic_goes_on(restic, dir, repo);
	fixture_release(&w.f);
	sh("rm -rf '%s'", dir);
}

TEST(restic_reads_what_we_write)
{
	char list[4096];
	bool any = false;

	snprintf(list, sizeof(list), "%s:restic",
		getenv("A_BACKUP_RESTICS") ? getenv("A_BACKUP_RESTICS") : "");
	for (char *save, *name = strtok_r(list, ":", &save); name;
		name = strtok_r(NULL, ":", &save)) {
		if (sh("command -v '%s' >/dev/null", name))
			continue;
		any = true;
		with_restic(name, 2, true, true);
		with_restic(name, 2, false, false);
		with_restic(name, 1, true, false);
	}
	if (!any)
		SKIP("there is no restic");
}
