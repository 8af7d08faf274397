#include "cmd/settings.h"
#include "format/pack.h"
#include "kern/compress.h"
#include "unit/check.h"
#include <string.h>

static const char *no_env(const char *name)
{
	(void)name;
	return NULL;
}

static const char *launched_env(const char *name)
{
	if (!strcmp(name, "OMPI_COMM_WORLD_SIZE") || !strcmp(name, "OMPI_COMM_WORLD_LOCAL_SIZE"))
		return "1000";
	return strcmp(name, "RESTIC_PROGRESS_FPS") ? NULL : "100";
}

static int read_with(struct settings *s, enum opt_id id, const char *value)
{
	struct opts o = {0};
	struct err e;
	int rc;

	strlist_add(&o.value[id], value);
	rc = settings_read(s, &o, no_env, 1, &e);
	opts_release(&o);
	return rc;
}

TEST(cores_are_shared)
{
	CHECK_EQ(settings_share(8, 8, 1), 8);
	CHECK_EQ(settings_share(8, 8, 4), 2); /* nobody bound the ranks */
	CHECK_EQ(settings_share(2, 8, 4), 2); /* each has its own */
	CHECK_EQ(settings_share(2, 2, 64), 1);
	CHECK_EQ(settings_share(3, 384, 128), 3);
	CHECK_EQ(settings_share(384, 384, 128), 3);
}

TEST(memory)
{
	const uint64_t gib = (uint64_t)1 << 30, mib = (uint64_t)1 << 20;

	CHECK_EQ(settings_budget(1, 64 * gib), 32 * mib);
	CHECK_EQ(settings_budget(8, 64 * gib), 144 * mib);
	CHECK_EQ(settings_budget(64, gib), 128 * mib);
	CHECK_EQ(settings_budget(4, 100 * mib), 32 * mib);
	CHECK(settings_memory() > 32 * mib);
}

TEST(defaults)
{
	struct opts o = {0};
	struct settings s, many;
	struct err e;

	REQUIRE(!settings_read(&s, &o, no_env, 1, &e));
	CHECK_EQ(s.pack_size, PACK_SIZE_DEFAULT);
	CHECK_EQ(s.level, COMPRESS_AUTO);
	CHECK(s.compress_data);
	CHECK_EQ(s.connections, 0);
	CHECK_EQ(s.retry_ns, 0);
	CHECK(s.fps == 0);
	CHECK(s.workers >= 1 && s.readers == s.workers);
	REQUIRE(!settings_read(&many, &o, launched_env, 1, &e));
	CHECK_EQ(many.workers, 1);
	CHECK(many.budget <= s.budget);
	CHECK(many.fps == 60);
}

TEST(options)
{
	struct settings s;

	CHECK_EQ(read_with(&s, OPT_PACK_SIZE, "4"), 0);
	CHECK_EQ(s.pack_size, 4 << 20);
	CHECK_EQ(read_with(&s, OPT_PACK_SIZE, "128"), 0);
	CHECK_EQ(read_with(&s, OPT_PACK_SIZE, "3"), ERR_USAGE);
	CHECK_EQ(read_with(&s, OPT_PACK_SIZE, "129"), ERR_USAGE);
	CHECK_EQ(read_with(&s, OPT_PACK_SIZE, "0"), 0);
	CHECK_EQ(s.pack_size, 64 << 20);
	CHECK_EQ(read_with(&s, OPT_READERS, "0"), 0);
	CHECK(s.readers > 0);
	CHECK_EQ(read_with(&s, OPT_COMPRESSION, "off"), 0);
	CHECK(!s.compress_data && s.level == COMPRESS_AUTO);
	CHECK_EQ(read_with(&s, OPT_COMPRESSION, "max"), 0);
	CHECK(s.compress_data && s.level == COMPRESS_MAX);
	CHECK_EQ(read_with(&s, OPT_COMPRESSION, "best"), ERR_USAGE);
	CHECK_EQ(read_with(&s, OPT_EXTENDED, "s3.connections=7"), 0);
	CHECK_EQ(s.connections, 7);
	CHECK_EQ(read_with(&s, OPT_EXTENDED, "s3.region=x"), 0);
	CHECK(s.s3_region != NULL);
	CHECK_EQ(read_with(&s, OPT_EXTENDED, "s3.bucket-lookup=dns"), 0);
	CHECK(s.s3_lookup != NULL);
	CHECK_EQ(read_with(&s, OPT_EXTENDED, "s3.bucket-lookup=x"), ERR_USAGE);
	CHECK_EQ(read_with(&s, OPT_EXTENDED, "s3.list-objects-v1=true"), 0);
	CHECK(s.s3_list_v1);
	CHECK_EQ(read_with(&s, OPT_EXTENDED, "s3.storage-class=GLACIER"), ERR_USAGE);
	CHECK_EQ(read_with(&s, OPT_EXTENDED, "connections"), ERR_USAGE);
	CHECK_EQ(read_with(&s, OPT_CONNECTIONS, "0"), ERR_USAGE);
	CHECK_EQ(read_with(&s, OPT_RETRY_LOCK, "5m"), 0);
	CHECK_EQ(s.retry_ns, 300000000000);
	CHECK_EQ(read_with(&s, OPT_WORKERS, "3"), 0);
	CHECK(s.workers == 3 && s.readers == 3);
	CHECK_EQ(read_with(&s, OPT_READERS, "many"), ERR_USAGE);
}
