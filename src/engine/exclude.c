#include "engine/exclude.h"
#include "base/mem.h"
#include "fs/file.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool exclude_path(const struct backup_options *o, const char *path)
{
	for (size_t i = 0; i < o->n_exclude; i++)
		if (match_path(o->exclude[i], path, NULL))
			return true;
	return false;
}

static int by_name(const void *key, const void *entry)
{
	return strcmp(key, ((const struct dir_entry *)entry)->name);
}

/* A marker may be named by a path, which no listing can tell. */
static bool maybe_there(const struct dir_list *l, const char *name)
{
	return !l || strchr(name, '/') ||
	       (l->n && bsearch(name, l->entry, l->n, sizeof(*l->entry), by_name));
}

static bool marks(const struct backup_marker *k, int fd, struct err *why)
{
	struct meta m;
	int rc;

	rc = meta_stat(fd, k->name, false, &m, why);
	if (rc == ERR_NOTFOUND)
		err_clear(why);
	if (rc < 0)
		return false;
	if (!k->header)
		return true;
	rc = file_has_prefix(fd, k->name, k->header, strlen(k->header), why);
	if (rc == 0)
		err_set(why, ERR_INVALID, "it does not begin with \"%s\"", k->header);
	return rc == 1;
}

void exclude_marks_find(const struct backup_options *o, int fd, const struct dir_list *list,
	struct exclude_marks *out, void (*warn)(void *arg, const char *name, const struct err *why),
	void *arg)
{
	*out = (struct exclude_marks){.n = 0};
	for (size_t i = 0; i < o->n_marker; i++) {
		const struct backup_marker *k = &o->marker[i];
		struct err why;

		if (!maybe_there(list, k->name))
			continue;
		err_clear(&why);
		if (marks(k, fd, &why)) {
			if (!out->name)
				out->name = mem_array(o->n_marker, sizeof(*out->name));
			out->name[out->n++] = k->name;
		} else if (why.code) {
			warn(arg, k->name, &why);
		}
	}
}

void exclude_marks_release(struct exclude_marks *m)
{
	mem_free(m->name);
	*m = (struct exclude_marks){.n = 0};
}

bool exclude_marked(const struct exclude_marks *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->name[i], name))
			return true;
	return false;
}

bool exclude_meta(const struct backup_options *o, const struct meta *m, uint64_t device,
	uint64_t dir_device)
{
	if (o->larger_than_given && !S_ISDIR(m->mode) && m->size > o->larger_than)
		return true;
	return o->one_file_system && m->dev != device &&
	       !(S_ISDIR(m->mode) && dir_device == device);
}
