#include "engine/view_points.h"
#include "base/mem.h"
#include "fs/place.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the kernel says that a descriptor is; NULL: it does not say. */
static char *true_path(int fd)
{
	char name[64], *room = mem_alloc(PATH_MAX + 1);
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = fd < 0 ? -1 : readlink(name, room, PATH_MAX);
	if (n <= 0) {
		mem_free(room);
		return NULL;
	}
	room[n] = 0;
	return room;
}

static bool skipped(const struct view_rules *rules, const char *path, size_t from)
{
	char *upper = mem_strdup(path);
	bool skip = false;

	if (rules->skip) {
		for (char *p = strchr(upper + from + 1, '/'); p && !skip; p = strchr(p + 1, '/')) {
			*p = 0;
			skip = rules->skip(rules->arg, upper);
			*p = '/';
		}
		skip = skip || rules->skip(rules->arg, upper);
	}
	mem_free(upper);
	return skip;
}

struct top {
	char *at;         /* where the path leads, without links */
	const char *path; /* as the user has it */
};

static int by_top(const void *a, const void *b)
{
	return strcmp(((const struct top *)a)->at, ((const struct top *)b)->at);
}

/* Looking mounts what is to be mounted, so this comes before the table is read. */
static struct top *find_tops(const struct view_path *path, size_t paths, size_t *n)
{
	struct top *t = mem_array(paths ? paths : 1, sizeof(*t));

	*n = 0;
	for (size_t i = 0; i < paths; i++) {
		struct place at;
		int fd = place_look(path[i].path, &at);
		char *p = path[i].whole ? true_path(fd) : NULL;

		if (p)
			t[(*n)++] = (struct top){p, path[i].path};
		if (fd >= 0)
			close(fd);
	}
	if (*n)
		qsort(t, *n, sizeof(*t), by_top);
	return t;
}

/* A point that lies `rest` below each of the paths that lead to `at`. */
static void point_below(const struct top *t, size_t n, const char *at, const char *rest,
	const struct view_rules *rules, struct buf *out)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(t[mid].at, at) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < n && !strcmp(t[lo].at, at); lo++) {
		size_t own = strcmp(t[lo].path, "/") ? strlen(t[lo].path) : 0;
		char *as = mem_printf("%.*s%s", (int)own, t[lo].path, rest);

		if (!skipped(rules, as, own))
			wire_put_bytes(out, as, strlen(as));
		mem_free(as);
	}
}

void view_points(const struct view_path *path, size_t paths, const struct view_rules *rules,
	const struct log *log, struct buf *out)
{
	struct mounts m;
	struct err e;
	size_t n;
	struct top *t = find_tops(path, paths, &n);

	err_clear(&e);
	if (mounts_load(&m, &e) < 0)
		log_msg(log, LOG_WARN,
			"%s: what is mounted below what is to be saved is not compared between "
			"nodes",
			e.msg);
	for (size_t i = 0; i < m.n; i++) {
		char *upper = mem_strdup(m.point[i]);

		for (size_t k = strlen(upper); k-- > 0;) {
			if (upper[k] != '/' || !m.point[i][k + 1])
				continue;
			upper[k] = 0;
			point_below(t, n, k ? upper : "/", m.point[i] + k, rules, out);
		}
		mem_free(upper);
	}
	mounts_release(&m);
	for (size_t i = 0; i < n; i++)
		mem_free(t[i].at);
	mem_free(t);
}
