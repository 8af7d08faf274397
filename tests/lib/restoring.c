#include "lib/restoring.h"
#include "base/mem.h"
#include "lib/files.h"
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
		lab.stop = 1;
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

int lab_restore(const struct id *root, struct restore_options o)
{
	struct restore_events ev = lab_events();
	static const struct catalog_vtable slowly = {.find = slow_find};
	struct slow slow = {.c = {&slowly}, .task = {.done = slow_answer}};
	struct err e = {0};
	size_t fds;
	int rc;

	buf_reset(&lab.said);
	buf_reset(&lab.items);
	buf_reset(&lab.warned);
	o.verbose_items = true;
	craft_save(&lab.c);
	craft_load(&lab.c);
	fds = files_fds();
	rc = restore_run(lab.c.repo, lab.slow ? &slow.c : lab.c.found, lab.c.loader, lab.c.reader,
		&lab.c.env, root, &o, &ev, &lab.stop, &lab.counts, &e);
	CHECK_EQ(files_fds(), fds);
	CHECK_EQ(budget_used(lab.c.env.budget), 0);
	CHECK_EQ(rc, e.code);
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
