/* The test that feeds each file of tests/fuzz/corpus/NAME (a folder of $A_BACKUP_TESTS, or tests)
 * to the target f_NAME. */
#include "fuzz/fuzz.h"
#include "unit/check.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

static void feed(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b;
	char piece[4096];
	uint8_t *copy;
	size_t n;

	if (!CHECK(f != NULL))
		return;
	buf_init(&b, (size_t)1 << 24);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(&b, piece, n);
	fclose(f);
	/* Memory of exactly the size, so that a sanitizer sees a read beyond it. */
	copy = malloc(b.len ? b.len : 1);
	if (!copy)
		abort();
	if (b.len)
		memcpy(copy, b.p, b.len);
	/* A target aborts; the last line says where. */
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(copy, b.len);
	free(copy);
	buf_release(&b);
}

TEST(corpus)
{
	const char *tests = getenv("A_BACKUP_TESTS");
	char folder[4096], path[8192];
	struct dirent *e;
	DIR *d;
	int files = 0;

	snprintf(folder, sizeof(folder), "%s/fuzz/corpus/%s", tests ? tests : "tests",
		program_invocation_short_name + 2);
	d = opendir(folder);
	if (!d)
		fprintf(stderr, "%s cannot be read\n", folder);
	REQUIRE(d != NULL);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		feed(path);
		files++;
	}
	closedir(d);
	CHECK(files > 0);
	/* Nothing at all is an input too. */
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
}
