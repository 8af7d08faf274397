#include "lib/golden.h"
#include "base/mem.h"
#include "unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void golden_read(const char *name, struct buf *out)
{
	const char *tests = getenv("A_BACKUP_TESTS");
	char *path = mem_printf("%s/golden/%s", tests ? tests : "tests", name);
	FILE *f = fopen(path, "rb");
	char piece[4096];
	size_t n;

	if (!f) {
		perror(path);
		check_stop();
	}
	buf_init(out, (size_t)1 << 24);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(out, piece, n);
	fclose(f);
	mem_free(path);
}

/* malloc, not mem_alloc: nothing may round the size up. */
static void call(const uint8_t *p, size_t n, size_t at, int value,
	void (*fn)(void *arg, const uint8_t *p, size_t n), void *arg)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	memcpy(copy, p, n);
	if (value >= 0)
		copy[at] = (uint8_t)value;
	fn(arg, n ? copy : copy + 1, n);
	free(copy);
}

void hostile_each(const void *data, size_t n, size_t max,
	void (*fn)(void *arg, const uint8_t *p, size_t n), void *arg)
{
	static const char telling[] = "\"\\{}[]:,0-9.eunx/\x80\xff";
	const uint8_t *p = data;
	size_t step = n > max ? n / max : 1;

	for (size_t i = 0; i < n; i += step)
		call(p, i, 0, -1, fn, arg);
	for (size_t i = 0; i < n; i += step) {
		for (int bit = 0; bit < 8; bit++)
			call(p, n, i, p[i] ^ 1 << bit, fn, arg);
		for (const char *c = telling; *c; c++)
			call(p, n, i, (uint8_t)*c, fn, arg);
	}
}
