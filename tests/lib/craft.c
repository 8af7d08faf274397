#include "lib/craft.h"
#include "lib/stores.h"
#include "backend/local.h"
#include "base/mem.h"
#include "format/gojson.h"
#include "format/pack.h"
#include "format/snapshot.h"
#include "repo/blobtable.h"
#include "repo/catalog_local.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void to_stderr(void *arg, enum log_level level, const char *msg)
{
	(void)arg;
	(void)level;
	fprintf(stderr, "    log: %s\n", msg);
}

static void until(struct craft *c, const bool *done)
{
	int64_t end = clock_mono(clock_real()) + (int64_t)60 * 1000000000;

	while (!*done) {
		if (!loop_run(c->env.loop))
			loop_wait(c->env.loop, 1000000000);
		REQUIRE(clock_mono(clock_real()) < end);
	}
}

static void stored(void *arg, const struct pack *p)
{
	indexer_add(((struct craft *)arg)->indexer, &p->id, p->blob, p->n);
}

static void failed(void *arg, const struct err *e)
{
	(void)arg;
	CHECK_STR(e->msg, "no failure");
	check_stop();
}

static void flushed(void *arg)
{
	((struct craft *)arg)->flushed = true;
}

static void writers(struct craft *c)
{
	struct saver_events ev = {stored, failed, NULL, flushed, c};

	c->written = blobtable_new();
	c->catalog = catalog_local_new(c->written);
	c->saver = saver_new(c->repo, c->catalog, PACK_SIZE_MIN, 4, false, &ev);
	c->indexer = indexer_new(c->repo, 0, failed, flushed, c);
}

static void begin(struct craft *c, size_t threads)
{
	*c = (struct craft){.flushed = false};
	env_init(&c->env);
	env_start(&c->env, threads, threads, (size_t)256 << 20);
	c->env.log = (struct log){LOG_WARN, to_stderr, NULL};
}

void craft_init(struct craft *c, size_t threads)
{
	struct config config = {.version = 2, .polynomial = 0x3da3358b4dc173};
	struct seal_key master;

	begin(c, threads);
	rnd_fill(rnd_real(), &config.id, sizeof(config.id));
	rnd_fill(rnd_real(), &master, sizeof(master));
	c->be = backend_mem_new();
	c->repo = repo_adopt(c->be, &c->env, &config, &master);
	writers(c);
}

void craft_init_at(struct craft *c, size_t threads, const char *dir, const char *password)
{
	static const struct kdf_params cheap = {.n = 2, .r = 1, .p = 1};
	const struct repo_spec what = {.version = 2, .who = {"u", "h"}, .cost = &cheap};
	struct err e = {0};
	bool made;

	begin(c, threads);
	c->be = backend_local_new(dir, 2);
	if (repo_create(c->be, &c->env, &what, password, strlen(password), &c->repo, &made, &e))
		failed(c, &e);
	writers(c);
}

static void flush(struct craft *c)
{
	c->flushed = false;
	saver_flush(c->saver);
	until(c, &c->flushed);
	c->flushed = false;
	indexer_flush(c->indexer);
	until(c, &c->flushed);
}

static void unload(struct craft *c)
{
	reader_free(c->reader);
	loader_free(c->loader);
	catalog_free(c->found);
	blobtable_free(c->table);
	c->reader = NULL;
	c->loader = NULL;
	c->found = NULL;
	c->table = NULL;
}

static void no_writers(struct craft *c)
{
	flush(c);
	saver_free(c->saver);
	indexer_free(c->indexer);
	catalog_free(c->catalog);
	blobtable_free(c->written);
}

void craft_forget(struct craft *c)
{
	no_writers(c);
	writers(c);
}

void craft_release(struct craft *c)
{
	unload(c);
	no_writers(c);
	repo_close(c->repo);
	env_stop(&c->env);
	backend_free(c->be);
	CHECK_EQ(budget_used(c->env.budget), 0);
	env_release(&c->env);
}

struct id craft_blob(struct craft *c, enum blob_type t, const void *p, size_t n)
{
	struct hash *h = hash_new();
	struct buf plain;
	struct id id;

	hash_once(h, p, n, &id);
	hash_free(h);
	buf_init(&plain, n ? n : 1);
	buf_add(&plain, p, n);
	saver_put(c->saver, t, &id, &plain, 0);
	return id;
}

struct id craft_text(struct craft *c, const char *text)
{
	return craft_blob(c, BLOB_DATA, text, strlen(text));
}

void craft_save(struct craft *c)
{
	flush(c);
}

void craft_load(struct craft *c)
{
	struct err e = {0};

	unload(c);
	c->repo->be = c->be;
	c->table = blobtable_new();
	if (blobtable_load(c->table, c->repo, NULL, &e) < 0)
		failed(c, &e);
	c->found = catalog_local_new(c->table);
	c->loader = loader_new(c->repo, c->found, (size_t)64 << 20);
	c->reader = reader_new(c->repo, c->found, 0);
}

void craft_tree(struct craft_tree *t)
{
	buf_init(&t->json, (size_t)1 << 30);
	t->any = false;
	tree_begin(&t->json);
}

struct node craft_node(enum node_type type, const char *name)
{
	static const mode_t mode[NODE_TYPES] = {[NODE_FILE] = S_IFREG | 0644,
		[NODE_DIR] = S_IFDIR | 0755,
		[NODE_SYMLINK] = S_IFLNK | 0777,
		[NODE_DEV] = S_IFBLK | 0644,
		[NODE_CHARDEV] = S_IFCHR | 0644,
		[NODE_FIFO] = S_IFIFO | 0644,
		[NODE_SOCKET] = S_IFSOCK | 0644};
	struct ts when = {CRAFT_TIME, 5};

	return (struct node){.name = {name, strlen(name)},
		.type = type,
		.mode = gojson_mode(mode[type]),
		.mtime = when,
		.atime = when,
		.ctime = when,
		.uid = getuid(),
		.gid = getgid()};
}

void craft_put(struct craft_tree *t, struct node *n)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 28);
	node_write(n, NULL, &b);
	tree_node(&t->json, !t->any, b.p, b.len);
	t->any = true;
	buf_release(&b);
}

void craft_file(struct craft_tree *t, const char *name, const struct id *content, size_t n,
	uint64_t size)
{
	struct node d = craft_node(NODE_FILE, name);

	d.has_content = true;
	d.content = content;
	d.n_content = n;
	d.size = size;
	d.links = 1;
	craft_put(t, &d);
}

void craft_dir(struct craft_tree *t, const char *name, const struct id *subtree)
{
	struct node d = craft_node(NODE_DIR, name);

	d.has_subtree = true;
	d.subtree = *subtree;
	craft_put(t, &d);
}

void craft_link(struct craft_tree *t, const char *name, const char *target)
{
	struct node d = craft_node(NODE_SYMLINK, name);

	d.linktarget = (struct str){target, strlen(target)};
	craft_put(t, &d);
}

void craft_raw(struct craft_tree *t, const char *json)
{
	tree_node(&t->json, !t->any, json, strlen(json));
	t->any = true;
}

struct id craft_end(struct craft *c, struct craft_tree *t)
{
	struct id id;

	tree_end(&t->json);
	id = craft_blob(c, BLOB_TREE, t->json.p, t->json.len);
	buf_release(&t->json);
	return id;
}

struct id craft_empty(struct craft *c)
{
	struct craft_tree t;

	craft_tree(&t);
	return craft_end(c, &t);
}

struct id craft_snapshot(struct craft *c, const struct id *tree)
{
	struct snapshot s = {.time = {CRAFT_TIME, 0},
		.tree = *tree,
		.hostname = (char *)(uintptr_t) "h",
		.username = (char *)(uintptr_t) "u"};
	struct err e = {0};
	struct buf b;
	struct id id;

	s.program_version = (char *)(uintptr_t) "craft";
	strlist_add(&s.paths, "/x");
	buf_init(&b, 1 << 20);
	snapshot_write(&s, NULL, &b);
	if (repo_save(c->repo, BACKEND_SNAPSHOT, b.p, b.len, &id, &e) < 0)
		failed(c, &e);
	buf_release(&b);
	strlist_release(&s.paths);
	return id;
}

struct catalog_place craft_place(struct craft *c, enum blob_type t, const struct id *id,
	unsigned nth)
{
	struct catalog_place at;

	REQUIRE(blobtable_find(c->table, t, id, nth, &at));
	return at;
}

static void get_pack(struct craft *c, const struct id *pack, struct buf *b)
{
	buf_init(b, (size_t)1 << 30);
	REQUIRE(backend_get(c->be, BACKEND_PACK, pack, b, NULL) == 0);
}

static void put_pack(struct craft *c, const struct id *pack, struct buf *b, size_t n)
{
	REQUIRE(backend_remove(c->be, BACKEND_PACK, pack, NULL) == 0);
	REQUIRE(backend_put(c->be, BACKEND_PACK, pack, b->p, n, NULL) == 0);
	buf_release(b);
}

void craft_spoil(struct craft *c, const struct id *pack, size_t offset)
{
	struct buf b;

	get_pack(c, pack, &b);
	REQUIRE(offset < b.len);
	b.p[offset] ^= 1;
	put_pack(c, pack, &b, b.len);
}

void craft_cut(struct craft *c, const struct id *pack, size_t n)
{
	struct buf b;

	get_pack(c, pack, &b);
	REQUIRE(n < b.len);
	put_pack(c, pack, &b, n);
}

void craft_index(struct craft *c, const struct id *pack, const struct blob *b, size_t n)
{
	indexer_add(c->indexer, pack, b, n);
	flush(c);
}

struct collect {
	const struct id *pack;
	struct blob *b;
	size_t n, max;
};

static int collect_blob(void *arg, const struct catalog_place *p)
{
	struct collect *k = arg;
	size_t i;

	if (!id_equal(&p->pack, k->pack))
		return 0;
	REQUIRE(k->n < k->max);
	for (i = k->n++; i > 0 && k->b[i - 1].offset > p->blob.offset; i--)
		k->b[i] = k->b[i - 1];
	k->b[i] = p->blob;
	return 0;
}

size_t craft_blobs(struct craft *c, const struct id *pack, struct blob *b, size_t max)
{
	struct collect k = {pack, b, 0, max};

	blobtable_each(c->table, collect_blob, &k);
	return k.n;
}
