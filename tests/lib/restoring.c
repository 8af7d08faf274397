#include "lib/restoring.h"
#include "base/mem.h"
#include "lib/files.h"
#include "lib/ranks.h"
#include "ranks/catalog_ranks.h"
#include "unit/check.h"
#include <string.h>
#include <sys/stat.h>

struct lab lab;

void lab_init(void)
{
	craft_init(&lab.c, 3);
	buf_init(&lab.said, 1 << 20);
	buf_init(&lab.items, 1 << 22);
	buf_init(&lab.warned, 1 << 20);
}

void lab_release(void)
{
	buf_release(&lab.said);
	buf_release(&lab.items);
	buf_release(&lab.warned);
	mem_free(lab.target);
	craft_release(&lab.c);
}

/* The place of the target stays: tests know it. */
void lab_anew(int ranks)
{
	lab_release();
	lab = (struct lab){.ranks = ranks, .seed = (uint64_t)ranks - 1};
	lab_init();
}

static void on_error(void *arg, const char *item, const char *message)
{
	(void)arg;
	buf_addf(&lab.said, "%s: %s\n", item, message);
}

static void on_warn(void *arg, const char *item, const char *message)
{
	(void)arg;
	buf_addf(&lab.warned, "%s: %s\n", item, message);
}

static void on_item(void *arg, const char *action, const char *item, uint64_t size)
{
	(void)arg;
	(void)size;
	buf_addf(&lab.items, "%s %s\n", action, item);
	if (lab.deleted && !strcmp(action, "deleted"))
		lab.deleted();
}

static void on_progress(void *arg, const struct restore_counts *n)
{
	(void)arg;
	CHECK(n == &lab.counts);
	if (lab.stop_after && --lab.stop_after == 0)
		__atomic_store_n(&lab.stop, 1, __ATOMIC_RELAXED);
}

struct restore_events lab_events(void)
{
	return (struct restore_events){.progress = on_progress,
		.error = on_error,
		.warn = on_warn,
		.item = on_item};
}

/* A catalog as if it lay on other ranks: no answer comes before the call returns. */
struct slow {
	struct catalog c;
	struct task task;
	struct catalog_find *find[4096];
	size_t n;
	bool posted;
};

static void slow_answer(struct task *t)
{
	struct slow *s = task_of(t, struct slow, task);

	s->posted = false;
	for (size_t i = s->n; i > 0 && s->n; i--)
		catalog_find(lab.c.found, s->find[--s->n]);
}

static void slow_find(struct catalog *c, struct catalog_find *f)
{
	struct slow *s = (struct slow *)(void *)c;

	REQUIRE(s->n < 4096);
	if (!s->posted)
		loop_post(lab.c.env.loop, &s->task);
	s->posted = true;
	s->find[s->n++] = f;
}

struct lab_run {
	const struct id *root;
	const struct restore_options *opt;
	struct err err; /* of rank 0 */
};

/* One rank of several has a catalog that is shared out, and all of its own. */
static int one_of_many(void *arg, struct comm *comm, const struct env *env)
{
	struct lab_run *l = arg;
	struct router *r = router_new(comm, env);
	struct restore_in in = {.router = r,
		.agree = agree_new(r),
		.env = env,
		.ranks_here = (size_t)lab.ranks};
	struct restore_events ev = lab_events(), none = {.error = NULL};
	struct restore_counts counts;
	bool first = comm->rank == 0;
	struct err e = {0};
	int rc;

	in.repo = repo_adopt(lab.index ? lab.index : lab.c.be, env, &lab.c.repo->config,
		&lab.c.repo->master);
	in.catalog = catalog_ranks_new(r, NULL);
	in.loader = loader_new(in.repo, in.catalog, (size_t)8 << 20);
	in.reader = reader_new(in.repo, in.catalog, 0);
	rc = catalog_load(in.catalog, in.repo, NULL, NULL, &e);
	in.repo->be = lab.c.be;
	if (rc == 0)
		rc = restore_run(&in, first ? l->root : NULL, l->opt, first ? &ev : &none,
			&lab.stop, first ? &lab.counts : &counts, &e);
	CHECK_EQ(rc, e.code);
	if (first)
		l->err = e;
	CHECK_EQ(budget_used(env->budget), 0);
	reader_free(in.reader);
	loader_free(in.loader);
	catalog_free(in.catalog);
	repo_close(in.repo);
	agree_free(in.agree);
	router_free(r);
	return -rc;
}

static int alone(struct lab_run *l)
{
	static const struct catalog_vtable slowly = {.find = slow_find};
	struct slow slow = {.c = {&slowly}, .task = {.done = slow_answer}};
	struct restore_events ev = lab_events();
	struct comm *comm = comm_serial_new();
	struct router *r = router_new(comm, &lab.c.env);
	struct restore_in in = {r, agree_new(r), lab.c.repo, lab.slow ? &slow.c : lab.c.found,
		lab.c.loader, lab.c.reader, &lab.c.env, 1};
	int rc = restore_run(&in, l->root, l->opt, &ev, &lab.stop, &lab.counts, &l->err);

	agree_free(in.agree);
	router_free(r);
	comm_free(comm);
	return rc;
}

int lab_run(const struct id *root, const struct restore_options *o)
{
	struct lab_run l = {.root = root, .opt = o};
	int rc;

	buf_reset(&lab.said);
	buf_reset(&lab.items);
	buf_reset(&lab.warned);
	if (lab.ranks > 1)
		rc = -ranks_test(lab.ranks, lab.seed, one_of_many, &l);
	else
		rc = alone(&l);
	CHECK_EQ(rc, l.err.code);
	return rc;
}

int lab_restore(const struct id *root, struct restore_options o)
{
	size_t fds;
	int rc;

	o.verbose_items = true;
	craft_save(&lab.c);
	craft_load(&lab.c);
	fds = files_fds();
	rc = lab_run(root, &o);
	CHECK_EQ(files_fds(), fds);
	CHECK_EQ(budget_used(lab.c.env.budget), 0);
	return rc;
}

const char *lab_errors(void)
{
	return lab.said.len ? buf_str(&lab.said) : "";
}

bool lab_warned(const char *text)
{
	return lab.warned.len && strstr(buf_str(&lab.warned), text) != NULL;
}

bool lab_told(const char *line)
{
	return lab.items.len && strstr(buf_str(&lab.items), line) != NULL;
}

const char *lab_fresh(void)
{
	char *again = files_dir("t");

	if (!lab.target)
		lab.target = again;
	else
		mem_free(again);
	return lab.target;
}

struct id lab_text_file(struct craft_tree *t, const char *name, const char *text)
{
	struct id id = {{0}};

	if (*text)
		id = craft_text(&lab.c, text);
	craft_file(t, name, &id, *text != 0, strlen(text));
	return id;
}

struct id lab_small_tree(void)
{
	struct craft_tree t;
	struct node n;
	struct id d;

	craft_tree(&t);
	lab_text_file(&t, "e", "");
	lab_text_file(&t, "g", "new g");
	craft_link(&t, "link", "g");
	d = craft_end(&lab.c, &t);
	craft_tree(&t);
	craft_dir(&t, "d", &d);
	lab_text_file(&t, "f", "new f");
	n = craft_node(NODE_FIFO, "fifo");
	craft_put(&t, &n);
	return craft_end(&lab.c, &t);
}

void lab_check_small_tree(const char *dir)
{
	CHECK(files_has(dir, "f", "new f") && files_has(dir, "d/g", "new g") &&
		files_has(dir, "d/e", ""));
	CHECK(S_ISFIFO(files_stat(dir, "fifo").st_mode) &&
		S_ISLNK(files_stat(dir, "d/link").st_mode));
	CHECK_EQ(files_stat(dir, "f").st_mode, S_IFREG | 0644);
	CHECK_EQ(files_stat(dir, "d").st_mode, S_IFDIR | 0755);
	CHECK_EQ(files_stat(dir, "f").st_mtim.tv_sec, CRAFT_TIME);
	CHECK_EQ(files_stat(dir, "d").st_mtim.tv_sec, CRAFT_TIME);
	CHECK_EQ(files_stat(dir, "d/link").st_mtim.tv_sec, CRAFT_TIME);
	CHECK_EQ(files_stat(dir, "fifo").st_mtim.tv_nsec, 5);
}
