#include "lib/lines.h"
#include "base/mem.h"
#include "base/buf.h"
#include <stdlib.h>
#include <string.h>

static int cmp_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *lines_sorted(const char *text)
{
	char *copy = mem_strdup(text), **line = mem_array(strlen(text) + 1, sizeof(*line)), *out;
	struct buf all;
	size_t n = 0;

	for (char *l = strtok(copy, "\n"); l; l = strtok(NULL, "\n"))
		line[n++] = l;
	qsort(line, n, sizeof(*line), cmp_lines);
	buf_init(&all, 1 << 20);
	for (size_t i = 0; i < n; i++)
		buf_addf(&all, "%s\n", line[i]);
	out = mem_strdup(all.len ? buf_str(&all) : "");
	buf_release(&all);
	mem_free(line);
	mem_free(copy);
	return out;
}
