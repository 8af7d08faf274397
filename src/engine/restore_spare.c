#include "engine/restore_spare.h"
#include "base/mem.h"
#include "engine/restore_select.h"
#include "fs/dir.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct inode {
	uint64_t dev, ino;
};

struct restore_spare_list {
	const struct restore_options *opt;
	struct inode *held; /* first the repository's own, then all that holds them, up to the root;
			       each once */
	size_t own, n;
};

static bool is(const struct inode *i, const struct meta *m)
{
	return i->dev == m->dev && i->ino == m->ino;
}

static bool among(const struct restore_spare_list *l, size_t n, const struct meta *m)
{
	for (size_t i = 0; i < n; i++)
		if (is(&l->held[i], m))
			return true;
	return false;
}

static void add(struct restore_spare_list *l, const char *path)
{
	struct meta m;

	if (meta_stat(AT_FDCWD, path, true, &m, NULL) < 0 || among(l, l->n, &m))
		return;
	l->held = mem_regrow(l->held, l->n + 1, sizeof(*l->held));
	l->held[l->n++] = (struct inode){m.dev, m.ino};
}

static void add_above(struct restore_spare_list *l, const char *part)
{
	char *path = realpath(part, NULL);

	while (path && strcmp(path, "/") != 0) {
		char *slash = strrchr(path, '/');

		slash[slash == path] = 0; /* the directory above */
		add(l, path);
	}
	free(path); /* realpath's own */
}

/* Its folders may be links or mounts: packs on a large disk, say. */
static void add_parts(struct restore_spare_list *l, const char *repository,
	void (*to)(struct restore_spare_list *l, const char *part))
{
	static const char *const parts[] = {"", "/config", "/data", "/index", "/keys", "/locks",
		"/snapshots"};
	char *path;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		path = mem_printf("%s%s", repository, parts[i]);
		to(l, path);
		mem_free(path);
	}
	for (unsigned i = 0; i < 256; i++) {
		path = mem_printf("%s/data/%02x", repository, i);
		to(l, path);
		mem_free(path);
	}
}

struct restore_spare_list *restore_spare_new(const struct restore_options *opt)
{
	struct restore_spare_list *l = mem_zalloc(sizeof(*l));

	l->opt = opt;
	if (!opt->repository)
		return l;
	add_parts(l, opt->repository, add);
	l->own = l->n;
	add_parts(l, opt->repository, add_above);
	return l;
}

void restore_spare_free(struct restore_spare_list *l)
{
	if (!l)
		return;
	mem_free(l->held);
	mem_free(l);
}

bool restore_spare_holds(const struct restore_spare_list *l, const struct meta *m)
{
	return among(l, l->n, m);
}

bool restore_spare_is(const struct restore_spare_list *l, const struct meta *m)
{
	return among(l, l->own, m);
}

bool restore_spare_repository(const struct restore_spare_list *l, int fd)
{
	int at = l->n ? dir_open_at(fd, ".", NULL) : -1;
	struct meta m, up;
	bool in = false;

	while (at >= 0 && !in && meta_stat(at, "", false, &m, NULL) == 0) {
		int next;

		in = among(l, l->own, &m);
		next = dir_open_at(at, "..", NULL);
		close(at);
		at = next;
		if (at >= 0 && (meta_stat(at, "", false, &up, NULL) < 0 ||
				       (up.dev == m.dev && up.ino == m.ino)))
			break;
	}
	if (at >= 0)
		close(at);
	return in;
}

static bool keep(void *arg, const char *path, const struct meta *dir)
{
	const struct restore_spare_list *l = arg;

	/* Directories once more when they are open: by then it is known which they are. */
	return dir ? restore_spare_holds(l, dir) : !restore_selected(l->opt, path, false).self;
}

int restore_spare_clear(const struct restore_spare_list *l, int dirfd, const char *dir,
	const char *name, struct err *err)
{
	char *path = mem_printf("%s/%s", dir, name);
	struct dest_spare spare = {keep, (void *)(uintptr_t)l, path};
	int rc = dest_remove(dirfd, name, l->opt->delete ? &spare : NULL, err);

	mem_free(path);
	return rc;
}
