#include "base/cores.h"
#include "base/mem.h"
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads the first line of dir/name; false if there is none. */
static bool first_line(const char *dir, const char *name, char *line, int size)
{
	char *path = mem_printf("%s/%s", dir, name);
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(line, size, f);

	if (f)
		fclose(f);
	mem_free(path);
	return ok;
}

/* The whole cores that quota / period microseconds come to; 0 when unlimited. */
static size_t whole(long long quota, long long period)
{
	if (quota <= 0 || period <= 0)
		return 0;
	return (size_t)((quota + period - 1) / period);
}

static size_t quota_v2(const char *dir)
{
	char line[128];
	long long quota, period;

	/* "max 100000" has no number in front. */
	if (!first_line(dir, "cpu.max", line, sizeof(line)) ||
		sscanf(line, "%lld %lld", &quota, &period) != 2)
		return 0;
	return whole(quota, period);
}

static size_t quota_v1(const char *dir)
{
	char quota[64], period[64];

	if (!first_line(dir, "cpu.cfs_quota_us", quota, sizeof(quota)) ||
		!first_line(dir, "cpu.cfs_period_us", period, sizeof(period)))
		return 0;
	return whole(atoll(quota), atoll(period));
}

static size_t smaller(size_t a, size_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* From base + group upwards to base itself. */
static size_t walk_up(const char *base, const char *group, size_t (*quota)(const char *dir))
{
	char *dir = mem_printf("%s%s", base, group);
	size_t floor = strlen(base), least = 0;

	for (;;) {
		char *slash;

		least = smaller(least, quota(dir));
		slash = strrchr(dir, '/');
		if (!slash || (size_t)(slash - dir) < floor)
			break;
		*slash = 0;
	}
	mem_free(dir);
	return least;
}

static bool lists(const char *controllers, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = controllers; (p = strstr(p, name)); p += n)
		if ((p == controllers || p[-1] == ',') && (p[n] == 0 || p[n] == ','))
			return true;
	return false;
}

size_t cores_quota(const char *membership, const char *root)
{
	FILE *f = fopen(membership, "re");
	char line[4096];
	size_t least = 0;

	/* Each line is "number:controllers:group"; version 2 has number 0 and no controllers. */
	while (f && fgets(line, sizeof(line), f)) {
		char *controllers = strchr(line, ':'), *group;

		line[strcspn(line, "\n")] = 0;
		group = controllers ? strchr(++controllers, ':') : NULL;
		if (!group)
			continue;
		*group++ = 0;
		if (!*controllers) {
			least = smaller(least, walk_up(root, group, quota_v2));
		} else if (lists(controllers, "cpu")) {
			char *base = mem_printf("%s/cpu", root);

			least = smaller(least, walk_up(base, group, quota_v1));
			mem_free(base);
		}
	}
	if (f)
		fclose(f);
	return least;
}

size_t cores_affinity(void)
{
	/* The kernel refuses a set smaller than its own; nodes with more than 1024 processors
	 * exist. */
	for (size_t max = 1024; max <= 1 << 18; max *= 4) {
		size_t size = CPU_ALLOC_SIZE(max);
		cpu_set_t *set = CPU_ALLOC(max);
		int rc = set ? sched_getaffinity(0, size, set) : -1,
		    n = rc == 0 ? CPU_COUNT_S(size, set) : 0;

		CPU_FREE(set);
		if (rc == 0)
			return n > 0 ? (size_t)n : 1;
	}
	return 1;
}
