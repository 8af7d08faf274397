#include "cmd/settings.h"
#include "base/mem.h"
#include "cmd/timearg.h"
#include "format/pack.h"
#include "kern/compress.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

size_t settings_share(size_t cores, size_t total, size_t ranks)
{
	size_t n = cores;

	/* More than the machine has in sum: then ranks share cores, because nobody bound them to
	 * some. */
	if (ranks > 1 && cores > total / ranks)
		n = total / ranks;
	return n ? n : 1;
}

/* A number on the only line of a file; UINT64_MAX when there is none. */
static uint64_t file_number(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long v;
	uint64_t n = UINT64_MAX;

	if (!f)
		return n;
	if (fscanf(f, "%llu", &v) == 1)
		n = v;
	fclose(f);
	return n;
}

/* The smallest limit from the group `path` up to the root; `file` is its name there. */
static uint64_t group_limit(const char *root, const char *path, const char *file)
{
	char *at = mem_printf("%s%s", root, path);
	uint64_t least = UINT64_MAX;

	while (strlen(at) >= strlen(root)) {
		char *name = mem_printf("%s/%s", at, file), *slash = strrchr(at, '/');
		uint64_t n = file_number(name);

		mem_free(name);
		if (n < least)
			least = n;
		if (!slash)
			break;
		*slash = 0;
	}
	mem_free(at);
	return least;
}

uint64_t settings_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t least = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size
					       : (uint64_t)4 << 30;
	FILE *f = fopen("/proc/self/cgroup", "re");
	struct rlimit as;
	char line[4096];

	while (f && fgets(line, sizeof(line), f)) {
		char *controllers = strchr(line, ':'),
		     *path = controllers ? strchr(controllers + 1, ':') : NULL;
		uint64_t n = UINT64_MAX;

		if (!path)
			continue;
		*path++ = 0;
		path[strcspn(path, "\n")] = 0;
		if (!controllers[1])
			n = group_limit("/sys/fs/cgroup", path, "memory.max");
		else if (strstr(controllers + 1, "memory"))
			n = group_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
		if (n < least)
			least = n;
	}
	if (f)
		fclose(f);
	if (!getrlimit(RLIMIT_AS, &as) && as.rlim_cur != RLIM_INFINITY && as.rlim_cur < least)
		least = as.rlim_cur;
	return least;
}

static size_t env_number(cmd_env_fn *env, const char *const *names)
{
	for (; *names; names++) {
		const char *s = env(*names);
		/* SLURM_STEP_TASKS_PER_NODE is like "4(x2)" */
		unsigned long v = s ? strtoul(s, NULL, 10) : 0;

		if (v > 0 && v <= 1 << 20)
			return v;
	}
	return 0;
}

size_t settings_budget(size_t workers, uint64_t memory)
{
	/* a reader takes the largest chunk before it reads; as much again waits for a worker */
	uint64_t want = (16 + 16 * (uint64_t)workers) * MIB;

	/* A login node kills what takes more than its share: buffers, packs and trees come on top
	 * of the budget. */
	if (want > memory / 8)
		want = memory / 8;
	return want > 32 * MIB ? (size_t)want : 32 * MIB;
}

/* How many ranks there are on this machine, and which cores they have together. */
static void share_out(struct settings *s, cmd_env_fn *env, size_t local_ranks)
{
	static const char *const peers[] = {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS",
		"SLURM_STEP_TASKS_PER_NODE", NULL};
	static const char *const job[] = {"SLURM_CPUS_ON_NODE", NULL};
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	size_t cores = jobs_cores(), total = online > 0 ? (size_t)online : 1, ranks = local_ranks;
	size_t in_job = env_number(env, job);

	if (local_ranks > 1) {
		total = cores;
	} else if (comm_launched(env).tasks > 1) {
		ranks = env_number(env, peers);
		if (in_job && in_job < total)
			total = in_job;
	}
	if (!ranks)
		ranks = 1;
	s->workers = settings_share(cores, total, ranks);
	s->memory = settings_memory() / ranks;
	s->budget = settings_budget(s->workers, s->memory);
	s->cache = 3 * s->budget / 2 < 256 * MIB ? 3 * s->budget / 2 : 256 * MIB;
	s->readers = s->workers;
}

static int number(const struct opts *o, enum opt_id id, const char *what, uint64_t min,
	uint64_t max, uint64_t *v, struct err *err)
{
	const char *s = opt_str(o, id);

	return s ? timearg_count(s, what, min, max, v, err) : 0;
}

/* For options that restic has too: 0 is the default. */
static int number_or_0(const struct opts *o, enum opt_id id, const char *what, uint64_t min,
	uint64_t max, uint64_t *v, struct err *err)
{
	const char *s = opt_str(o, id);

	return s && !strcmp(s, "0") ? 0 : number(o, id, what, min, max, v, err);
}

static int threads(struct settings *s, const struct opts *o, struct err *err)
{
	uint64_t workers = s->workers, readers = s->readers;
	int rc = number(o, OPT_WORKERS, "--workers", 1, 4096, &workers, err);

	if (!rc)
		rc = number_or_0(o, OPT_READERS, "--read-concurrency", 1, 4096, &readers, err);
	if (!rc && opt_str(o, OPT_WORKERS) && !opt_str(o, OPT_READERS))
		readers = workers;
	s->workers = (size_t)workers;
	s->readers = (size_t)readers;
	return rc;
}

static int compression(struct settings *s, const struct opts *o, struct err *err)
{
	static const struct {
		const char *name;
		int level;
	} modes[] = {{"auto", COMPRESS_AUTO}, {"off", COMPRESS_AUTO}, {"fastest", COMPRESS_FASTEST},
		{"better", COMPRESS_BETTER}, {"max", COMPRESS_MAX}};
	const char *mode = opt_str(o, OPT_COMPRESSION);

	s->level = COMPRESS_AUTO;
	s->compress_data = true;
	if (!mode)
		return 0;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(mode, modes[i].name)) {
			s->level = modes[i].level;
			s->compress_data = strcmp(mode, "off") != 0;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE,
		"--compression must be auto, off, fastest, better or max, not \"%s\"", mode);
}

static const char *value_of(const char *arg, const char *key)
{
	size_t n = strlen(key);

	return !strncmp(arg, key, n) ? arg + n : NULL;
}

/* Another extended option than these may be vital to who gives it, so it is not ignored. */
static int extended_one(struct settings *s, const char *arg, uint64_t *connections, struct err *err)
{
	const char *dot = strchr(arg, '.'), *v;

	if (dot && !strncmp(dot, ".connections=", 13))
		return timearg_count(dot + 13, "connections", 1, 4096, connections, err);
	if ((v = value_of(arg, "s3.region=")) != NULL) {
		s->s3_region = v;
		return 0;
	}
	if ((v = value_of(arg, "s3.bucket-lookup=")) != NULL &&
		(!strcmp(v, "auto") || !strcmp(v, "dns") || !strcmp(v, "path"))) {
		s->s3_lookup = v;
		return 0;
	}
	if ((v = value_of(arg, "s3.list-objects-v1=")) != NULL &&
		(!strcmp(v, "true") || !strcmp(v, "false"))) {
		s->s3_list_v1 = !strcmp(v, "true");
		return 0;
	}
	return err_set(err, ERR_USAGE,
		"unknown extended option -o %.*s; known: SCHEME.connections=N, s3.region=NAME, "
		"s3.bucket-lookup=auto|dns|path, "
		"s3.list-objects-v1=true|false",
		(int)strcspn(arg, "="), arg); /* its value may be a key */
}

static int extended(struct settings *s, const struct opts *o, struct err *err)
{
	uint64_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < o->value[OPT_EXTENDED].n && !rc; i++)
		rc = extended_one(s, o->value[OPT_EXTENDED].s[i], &n, err);
	if (!rc)
		rc = number(o, OPT_CONNECTIONS, "--connections", 1, 4096, &n, err);
	s->connections = (unsigned)n;
	return rc;
}

int settings_read(struct settings *s, const struct opts *o, cmd_env_fn *env, int local_ranks,
	struct err *err)
{
	uint64_t mib = PACK_SIZE_DEFAULT / MIB;
	const char *fps = env("RESTIC_PROGRESS_FPS");
	int64_t ignored;
	int rc;

	*s = (struct settings){0};
	share_out(s, env, (size_t)local_ranks);
	rc = threads(s, o, err);
	if (!rc)
		rc = compression(s, o, err);
	if (!rc)
		rc = extended(s, o, err);
	if (!rc)
		rc = number_or_0(o, OPT_PACK_SIZE, "--pack-size (MiB)", PACK_SIZE_MIN / MIB,
			PACK_SIZE_MAX / MIB, &mib, err);
	if (!rc && opt_str(o, OPT_RETRY_LOCK))
		rc = timearg_span(opt_str(o, OPT_RETRY_LOCK), &s->retry_ns, err);
	s->stop_ns = STOP_LIMIT;
	if (!rc && opt_str(o, OPT_STOP_TIMEOUT))
		rc = timearg_span(opt_str(o, OPT_STOP_TIMEOUT), &s->stop_ns, err);
	s->drain_ns = STOP_DRAIN;
	if (!rc && opt_str(o, OPT_DRAIN_TIME))
		rc = timearg_span(opt_str(o, OPT_DRAIN_TIME), &s->drain_ns, err);
	if (!rc && opt_str(o, OPT_TIME_LIMIT))
		rc = timearg_span(opt_str(o, OPT_TIME_LIMIT), &s->limit_ns, err);
	/* Obeyed before there is a session (launch.c); here it is only looked at. */
	if (!rc && opt_str(o, OPT_LAUNCH_TIMEOUT))
		rc = timearg_span(opt_str(o, OPT_LAUNCH_TIMEOUT), &ignored, err);
	s->pack_size = (size_t)mib * MIB;
	if (fps) {
		double v = strtod(fps, NULL);

		s->fps = v > 0 ? (v > 60 ? 60 : v) : 0;
	}
	return rc;
}
