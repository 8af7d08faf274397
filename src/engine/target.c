#include "engine/target.h"
#include "base/hashtab.h"
#include "base/mem.h"
#include "base/path.h"
#include "engine/backup.h"
#include "fs/dir.h"
#include "fs/meta.h"
#include "kern/hash.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A list of targets may have a million entries in one directory, so children are found by a table:
 * SHA-256 of (above, name) -> child. */
struct place {
	struct id key;
	struct target *target;
};

struct builder {
	const char *cwd;
	struct target *top;
	struct hashtab *places;
	struct hash *hash;
};

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

static void child_put(struct target *t, struct target *c)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 4;
		t->child = mem_regrow(t->child, t->cap, sizeof(*t->child));
	}
	t->child[t->n++] = c;
}

static void place_key(struct builder *b, const struct target *above, const char *name,
	struct id *key)
{
	hash_begin(b->hash);
	hash_add(b->hash, &above, sizeof(above));
	hash_add(b->hash, name, strlen(name));
	hash_end(b->hash, key);
}

static struct target *child_named(struct builder *b, const struct target *above, const char *name)
{
	const struct place *p;
	struct id key;

	place_key(b, above, name, &key);
	p = hashtab_find(b->places, &key);
	return p ? p->target : NULL;
}

static struct target *child_add(struct builder *b, struct target *above, const char *name,
	char *path)
{
	struct target *c = target_new(name, path);
	struct place *p;
	struct id key;

	place_key(b, above, name, &key);
	p = hashtab_add(b->places, &key, NULL);
	p->target = c;
	child_put(above, c);
	return c;
}

/* The top-level node for a component looked up in `root`: a name that another root has taken
 * already gets -1, -2, … */
static struct target *top_level(struct builder *b, const char *name, const char *root, char *path)
{
	for (unsigned i = 0;; i++) {
		char *as = i ? mem_printf("%s-%u", name, i) : mem_strdup(name);
		struct target *c = child_named(b, b->top, as);

		if (!c) {
			c = child_add(b, b->top, as, path);
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

/* Skips "..", "../.." in front of a cleaned relative path; *root becomes what was skipped ("." if
 * nothing). */
static const char *split_root(const char *clean, char **root)
{
	const char *p = clean;

	if (*p == '/') {
		*root = mem_strdup("/");
		return p + 1;
	}
	while (!strncmp(p, "..", 2) && (p[2] == '/' || p[2] == 0))
		p += p[2] ? 3 : 2;
	*root = p == clean ? mem_strdup(".")
			   : mem_strndup(clean, (size_t)(p - clean) - (*p || p[-1] == '/' ? 1 : 0));
	return p;
}

/* The node for a cleaned path, with all above it. */
static struct target *node_of(struct builder *b, const char *clean)
{
	struct target *t = b->top;
	char *root, *rest, *save = NULL;
	const char *p = split_root(clean, &root);
	char *base = path_abs(b->cwd, root);

	rest = mem_strdup(p);
	for (char *c = strtok_r(rest, "/", &save); c; c = strtok_r(NULL, "/", &save)) {
		char *path = mem_printf("%s%s%s", base, strcmp(base, "/") ? "/" : "", c);
		struct target *next;

		mem_free(base);
		base = mem_strdup(path);
		if (t == b->top) {
			next = top_level(b, c, root, path);
		} else {
			next = child_named(b, t, c);
			if (next)
				mem_free(path);
			else
				next = child_add(b, t, c, path);
		}
		t = next;
	}
	mem_free(base);
	mem_free(rest);
	mem_free(root);
	return t;
}

static void add_named(struct builder *b, const char *clean)
{
	struct target *t = node_of(b, clean);

	t->leaf = t->named = true;
}

/* One that was found in a directory which lies on `device`; it may have been named as well. */
static void add_found(struct target *t, uint64_t device)
{
	if (t->leaf)
		return;
	t->leaf = true;
	t->device = device;
}

static bool no_components(const char *clean)
{
	while (!strncmp(clean, "..", 2) && (clean[2] == '/' || !clean[2]))
		clean += clean[2] ? 3 : 2;
	return !*clean || !strcmp(clean, ".") || !strcmp(clean, "/");
}

static int read_dir(const char *path, struct dir_list *list, uint64_t *device, struct err *err)
{
	struct meta m;
	int fd = dir_open(path, false, err), rc;

	if (fd < 0)
		return err_prefix(err, "%s", path);
	rc = meta_stat(fd, "", false, &m, err);
	if (rc == 0)
		rc = dir_list(fd, list, err);
	close(fd);
	if (rc < 0)
		return err_prefix(err, "%s", path);
	*device = m.dev;
	return 0;
}

/* "." or "/": what lies in it. */
static int add_contents(struct builder *b, const char *clean, struct err *err)
{
	char *abs = path_abs(b->cwd, clean);
	struct dir_list list = {0};
	uint64_t device;
	int rc = read_dir(abs, &list, &device, err);

	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		char *p = path_join(clean, list.entry[i].name);

		add_found(node_of(b, p), device);
		mem_free(p);
	}
	dir_list_release(&list);
	mem_free(abs);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct target *const *)a)->name, (*(struct target *const *)b)->name);
}

static void sort(struct target *t)
{
	if (t->n)
		qsort(t->child, t->n, sizeof(*t->child), by_name);
}

/* A leaf with targets below becomes a directory above whatever lies in it. */
static int unroll(struct builder *b, struct target *t, struct err *err)
{
	int rc = 0;

	if (t->leaf && t->n) {
		struct dir_list list = {0};
		uint64_t device;

		rc = read_dir(t->path, &list, &device, err);
		if (!t->named)
			device = t->device;
		t->leaf = t->named = false;
		for (size_t i = 0; rc == 0 && i < list.n; i++) {
			const char *name = list.entry[i].name;
			struct target *c = child_named(b, t, name);

			if (!c)
				c = child_add(b, t, name, mem_printf("%s/%s", t->path, name));
			add_found(c, device);
		}
		dir_list_release(&list);
	}
	sort(t);
	for (size_t i = 0; rc == 0 && i < t->n; i++)
		rc = unroll(b, t->child[i], err);
	return rc;
}

int target_tree(const struct strlist *targets, const char *cwd, struct target **out,
	struct err *err)
{
	struct builder b = {.cwd = cwd, .top = target_new(NULL, mem_strdup("/"))};
	int rc = 0;

	b.places = hashtab_new(sizeof(struct place), ID_SIZE, 0);
	b.hash = hash_new();
	for (size_t i = 0; i < targets->n && rc == 0; i++) {
		char *clean = path_clean(targets->s[i]);

		if (no_components(clean))
			rc = add_contents(&b, clean, err);
		else
			add_named(&b, clean);
		mem_free(clean);
	}
	if (rc == 0)
		rc = unroll(&b, b.top, err);
	hash_free(b.hash);
	hashtab_free(b.places);
	if (rc < 0) {
		target_free(b.top);
		b.top = NULL;
	}
	*out = b.top;
	return rc;
}
size_t backup_targets(struct strlist *targets,
	void (*missing)(void *arg, const char *target, const struct err *e), void *arg)
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
