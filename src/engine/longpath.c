#include "engine/longpath.h"
#include "base/mem.h"
#include <limits.h>
#include <string.h>

const char *longpath_of(struct longpath *l, const char *dir, const char *name)
{
	size_t n = strlen(name);

	if (!l->p) {
		l->dir_n = strlen(dir);
		l->cap = l->dir_n + NAME_MAX + 2;
		l->p = mem_alloc(l->cap);
		memcpy(l->p, dir, l->dir_n);
		if (l->dir_n == 0 || dir[l->dir_n - 1] != '/')
			l->p[l->dir_n++] = '/';
	}
	if (l->dir_n + n + 1 > l->cap) {
		l->cap = l->dir_n + n + 1;
		l->p = mem_realloc(l->p, l->cap);
	}
	memcpy(l->p + l->dir_n, name, n + 1);
	return l->p;
}

void longpath_release(struct longpath *l)
{
	mem_free(l->p);
	*l = (struct longpath){0};
}
