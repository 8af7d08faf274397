#include "engine/restore_spare.h"
#include "base/mem.h"
#include "engine/restore_delete.h"
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
	struct inode *held; /* the repository and all that holds it, up to the root */
	size_t n;
};

static void add(struct restore_spare_list *l, const char *path)
{
	struct meta m;

	if (meta_stat(AT_FDCWD, path, true, &m, NULL) < 0)
		return;
	l->held = mem_regrow(l->held, l->n + 1, sizeof(*l->held));
	l->held[l->n++] = (struct inode){m.dev, m.ino};
}

struct restore_spare_list *restore_spare_new(const struct restore_options *opt)
{
	struct restore_spare_list *l = mem_zalloc(sizeof(*l));
	char *path = opt->repository ? realpath(opt->repository, NULL) : NULL;

	l->opt = opt;
	while (path) {
		char *slash = strrchr(path, '/');

		add(l, path);
		if (strcmp(path, "/") == 0)
			break;
		slash[slash == path] = 0; /* the directory above */
	}
	free(path); /* realpath's own */
	return l;
}

void restore_spare_free(struct restore_spare_list *l)
{
	if (!l)
		return;
	mem_free(l->held);
	mem_free(l);
}

static bool is(const struct inode *i, const struct meta *m)
{
	return i->dev == m->dev && i->ino == m->ino;
}

bool restore_spare_holds(const struct restore_spare_list *l, const struct meta *dir)
{
	for (size_t i = 0; i < l->n; i++)
		if (is(&l->held[i], dir))
			return true;
	return false;
}

bool restore_spare_repository(const struct restore_spare_list *l, int fd)
{
	int at = l->n ? dir_open_at(fd, ".", NULL) : -1;
	struct meta m, up;
	bool in = false;

	while (at >= 0 && !in && meta_stat(at, "", false, &m, NULL) == 0) {
		int next;

		in = is(&l->held[0], &m);
		next = dir_open_at(at, "..", NULL);
		close(at);
		at = next;
		if (at >= 0 && (meta_stat(at, "", false, &up, NULL) < 0 || (up.dev == m.dev && up.ino == m.ino)))
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

int restore_spare_clear(const struct restore_spare_list *l, int dirfd, const char *dir, const char *name, struct err *err)
{
	char *path = mem_printf("%s/%s", dir, name);
	struct restore_spare spare = {keep, (void *)(uintptr_t)l, path};
	int rc = restore_remove(dirfd, name, l->opt->delete ? &spare : NULL, err);

	mem_free(path);
	return rc;
}
