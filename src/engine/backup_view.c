/* What the ranks must see alike for this run (engine/view.h): the directories that targets are, or
 * lie in. */
#include "base/mem.h"
#include "engine/exclude.h"
#include "engine/backup_priv.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct gather {
	const struct target *top;
	struct view_path *path;
	size_t n, cap;
};

static void add(struct gather *g, char *path, bool whole)
{
	if (g->n && g->path[g->n - 1].whole == whole && !strcmp(g->path[g->n - 1].path, path)) {
		mem_free(path);
		return;
	}
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 8;
		g->path = mem_regrow(g->path, g->cap, sizeof(*g->path));
	}
	g->path[g->n++] = (struct view_path){path, whole};
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* A directory that was named is one; of a file, and of what was only found in a directory that was
 * named, it is the one that it lies in. */
static void add_target(struct gather *g, const struct target *t)
{
	struct meta m;

	for (size_t i = 0; i < t->n; i++)
		add_target(g, t->child[i]);
	if (!t->leaf)
		return;
	if (!t->named)
		add(g, dir_of(t->path), true);
	else if (meta_stat(AT_FDCWD, t->path, false, &m, NULL) == 0 && S_ISDIR(m.mode))
		add(g, mem_strdup(t->path), true);
	else
		add(g, dir_of(t->path), false);
}

static void gather(void *arg)
{
	struct gather *g = arg;

	add_target(g, g->top);
}

static bool left_out(void *arg, const char *path)
{
	return exclude_path(arg, path);
}

int backup_view_begin(struct backup *b)
{
	struct view_rules rules = {.skip = left_out, .arg = (void *)(uintptr_t)b->opt};
	struct gather g = {.top = b->target};
	int rc;

	rules.one_file_system = b->opt->one_file_system;
	if (b->target)
		router_aside(b->r, gather, &g);
	rc = view_share(b->a, b->r, g.path, g.n, &rules, &b->view, &b->err);
	for (size_t i = 0; i < g.n; i++)
		mem_free((void *)(uintptr_t)g.path[i].path);
	mem_free(g.path);
	return rc;
}

/* File systems and stores may take their time, so a reader asks them. */
static void look_run(struct task *t)
{
	struct backup *b = task_of(t, struct backup, look);

	if (view_still(b->view, NULL, &b->look_err) < 0 ||
		b->rank == 0) /* rank 0 publishes, which is guarded */
		return;
	if (repo_still_ours(b->repo, &b->look_err) == ERR_NOTFOUND)
		err_set(&b->look_err, ERR_INVALID,
			"this node no longer reaches the repository that it began with (another "
			"server?), or another run has made it anew");
}

static void look_done(struct task *t)
{
	struct backup *b = task_of(t, struct backup, look);

	if (b->look_err.code)
		run_fail(b->run, &b->look_err);
	run_done(b->run);
}

static void look_start(void *arg)
{
	struct backup *b = arg;

	if (backup_cancelled(b))
		return;
	run_hold(b->run);
	b->look = (struct task){.run = look_run, .done = look_done};
	jobs_put(b->env->readers, &b->look);
}

void backup_view_end(struct backup *b)
{
	struct run_phase look = {.name = "look", .final = true, .start = look_start, .arg = b};

	run_phase(b->run, &look);
}
