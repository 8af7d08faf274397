#include "engine/target.h"
#include "base/mem.h"
#include "base/path.h"
#include "engine/backup.h"
#include "fs/dir.h"
#include "fs/meta.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct target *target_new(const char *name, char *path)
{
	struct target *t = mem_zalloc(sizeof(*t));

	t->name = name ? mem_strdup(name) : NULL;
	t->path = path;
	return t;
}

void target_free(struct target *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		target_free(t->child[i]);
	mem_free(t->child);
	mem_free(t->name);
	mem_free(t->path);
	mem_free(t->root);
	mem_free(t);
}

static struct target *child_add(struct target *t, struct target *c)
{
	t->child = mem_regrow(t->child, t->n + 1, sizeof(*t->child));
	t->child[t->n++] = c;
	return c;
}

static struct target *child_named(const struct target *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->child[i]->name, name))
			return t->child[i];
	return NULL;
}

/* The top-level node for a component looked up in `root`: a name that another root has taken already gets -1, -2, … */
static struct target *top_level(struct target *t, const char *name, const char *root, char *path)
{
	for (unsigned i = 0;; i++) {
		char *as = i ? mem_printf("%s-%u", name, i) : mem_strdup(name);
		struct target *c = child_named(t, as);

		if (!c) {
			c = child_add(t, target_new(as, path));
			c->root = mem_strdup(root);
			mem_free(as);
			return c;
		}
		mem_free(as);
		if (!strcmp(c->root, root)) {
			mem_free(path);
			return c;
		}
	}
}

/* Skips "..", "../.." in front of a cleaned relative path; *root becomes what was skipped ("." if nothing). */
static const char *split_root(const char *clean, char **root)
{
	const char *p = clean;

	if (*p == '/') {
		*root = mem_strdup("/");
		return p + 1;
	}
	while (!strncmp(p, "..", 2) && (p[2] == '/' || p[2] == 0))
		p += p[2] ? 3 : 2;
	*root = p == clean ? mem_strdup(".") : mem_strndup(clean, (size_t)(p - clean) - (*p || p[-1] == '/' ? 1 : 0));
	return p;
}

static void leaf_add(struct target *t, const char *cwd, const char *clean)
{
	char *root, *rest;
	const char *p = split_root(clean, &root);
	char *base = path_abs(cwd, root), *save = NULL;
	bool top = true;

	rest = mem_strdup(p);
	for (char *c = strtok_r(rest, "/", &save); c && !t->leaf; c = strtok_r(NULL, "/", &save)) {
		char *path = path_join(base, c);
		struct target *next = top ? NULL : child_named(t, c);

		mem_free(base);
		base = mem_strdup(path);
		if (top)
			next = top_level(t, c, root, path);
		else if (next)
			mem_free(path);
		else
			next = child_add(t, target_new(c, path));
		top = false;
		t = next;
	}
	if (!t->leaf && t->name) { /* what lies below is part of it now */
		for (size_t i = 0; i < t->n; i++)
			target_free(t->child[i]);
		t->n = 0;
		t->leaf = true;
	}
	mem_free(base);
	mem_free(rest);
	mem_free(root);
}

static bool no_components(const char *clean)
{
	while (!strncmp(clean, "..", 2) && (clean[2] == '/' || !clean[2]))
		clean += clean[2] ? 3 : 2;
	return !*clean || !strcmp(clean, ".") || !strcmp(clean, "/");
}

static int leaf_expand(struct target *t, const char *cwd, const char *clean, struct err *err)
{
	char *abs = path_abs(cwd, clean);
	struct dir_list list = {0};
	int fd = dir_open(abs, false, err), rc = fd < 0 ? fd : dir_list(fd, &list, err);

	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		char *p = path_join(clean, list.entry[i].name);

		leaf_add(t, cwd, p);
		mem_free(p);
	}
	if (rc < 0)
		err_prefix(err, "%s", abs);
	dir_list_release(&list);
	if (fd >= 0)
		close(fd);
	mem_free(abs);
	return rc < 0 ? rc : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct target *const *)a)->name, (*(struct target *const *)b)->name);
}

static void sort(struct target *t)
{
	if (t->n)
		qsort(t->child, t->n, sizeof(*t->child), by_name);
	for (size_t i = 0; i < t->n; i++)
		sort(t->child[i]);
}

int target_tree(const struct strlist *targets, const char *cwd, struct target **out, struct err *err)
{
	struct target *t = target_new(NULL, mem_strdup("/"));
	int rc = 0;

	for (size_t i = 0; i < targets->n && rc == 0; i++) {
		char *clean = path_clean(targets->s[i]);

		if (no_components(clean))
			rc = leaf_expand(t, cwd, clean, err);
		else
			leaf_add(t, cwd, clean);
		mem_free(clean);
	}
	sort(t);
	if (rc < 0) {
		target_free(t);
		t = NULL;
	}
	*out = t;
	return rc;
}

size_t backup_targets(struct strlist *targets, void (*missing)(void *arg, const char *target, const struct err *e), void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < targets->n; i++) {
		struct meta m;
		struct err e = {0};

		if (meta_stat(AT_FDCWD, targets->s[i], false, &m, &e) == 0) {
			targets->s[kept++] = targets->s[i];
			continue;
		}
		missing(arg, targets->s[i], &e);
		mem_free(targets->s[i]);
	}
	targets->n = kept;
	return kept;
}

void backup_paths(const struct strlist *targets, const char *cwd, struct strlist *out)
{
	for (size_t i = 0; i < targets->n; i++) {
		char *p = path_abs(cwd, targets->s[i]);

		strlist_add(out, p);
		mem_free(p);
	}
}
