#include "unit/check.h"
#include <ftw.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct check_test *first, **last = &first;
static atomic_int failures;
static bool skipped;
static char tmpdir[4096];

void check_register(struct check_test *t)
{
	*last = t;
	last = &t->next;
}

static void fail(const char *file, int line)
{
	atomic_fetch_add(&failures, 1);
	fprintf(stderr, "%s:%d: ", file, line);
}

bool check_true(const char *file, int line, const char *expr, bool ok)
{
	if (!ok) {
		fail(file, line);
		fprintf(stderr, "not true: %s\n", expr);
	}
	return ok;
}

bool check_eq(const char *file, int line, const char *as, const char *bs, long long a, long long b)
{
	if (a != b) {
		fail(file, line);
		fprintf(stderr, "%s is %lld, %s is %lld\n", as, a, bs, b);
	}
	return a == b;
}

bool check_str(const char *file, int line, const char *as, const char *bs, const char *a,
	const char *b)
{
	bool ok = a && b ? strcmp(a, b) == 0 : a == b;

	if (!ok) {
		fail(file, line);
		fprintf(stderr, "%s is\n  %s\n%s is\n  %s\n", as, a ? a : "NULL", bs,
			b ? b : "NULL");
	}
	return ok;
}

bool check_mem(const char *file, int line, const char *as, const char *bs, const void *a,
	const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; i < n; i++) {
		if (x[i] == y[i])
			continue;
		fail(file, line);
		fprintf(stderr, "byte %zu of %zu: %s has %02x, %s has %02x\n", i, n, as, x[i], bs,
			y[i]);
		return false;
	}
	return true;
}

void check_skip(const char *why)
{
	skipped = true;
	fprintf(stderr, "skipped: %s\n", why);
}

int check_failures(void)
{
	return atomic_load(&failures);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

static void remove_tmpdir(void)
{
	if (tmpdir[0])
		nftw(tmpdir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *check_tmpdir(void)
{
	const char *base = getenv("TMPDIR");

	if (tmpdir[0])
		return tmpdir;
	snprintf(tmpdir, sizeof(tmpdir), "%s/a_backup-test-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(tmpdir)) {
		perror(tmpdir);
		exit(1);
	}
	atexit(remove_tmpdir);
	return tmpdir;
}

void check_stop(void)
{
	exit(1);
}

__attribute__((weak)) void check_setup(void)
{
}

__attribute__((weak)) void check_teardown(void)
{
}

static bool wanted(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]))
			return true;
	return false;
}

static size_t statm(int field)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages[2] = {0};

	if (f) {
		if (fscanf(f, "%lu %lu", &pages[0], &pages[1]) != 2)
			pages[field] = 0;
		fclose(f);
	}
	return pages[field] * (size_t)sysconf(_SC_PAGESIZE);
}

size_t check_address_space(void)
{
	return statm(0);
}

size_t check_resident(void)
{
	return statm(1);
}

int main(int argc, char **argv)
{
	int ran = 0, skips = 0;

	if (argc == 2 && strcmp(argv[1], "-l") == 0) {
		for (struct check_test *t = first; t; t = t->next)
			puts(t->name);
		return 0;
	}
	check_setup();
	for (struct check_test *t = first; t; t = t->next) {
		int before = check_failures();

		if (!wanted(t->name, argc, argv))
			continue;
		skipped = false;
		t->fn();
		ran++;
		skips += skipped;
		if (check_failures() != before)
			fprintf(stderr, "FAILED: %s\n", t->name);
	}
	check_teardown();
	if (check_failures())
		return 1;
	if (!ran) {
		fprintf(stderr, "no test ran\n");
		return 1;
	}
	return skips == ran ? 77 : 0;
}
