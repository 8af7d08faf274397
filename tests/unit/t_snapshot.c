#include "format/snapshot.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "lib/golden.h"
#include "unit/check.h"
#include <string.h>

static const char *const files[] = {"v2-0.18/snapshot-first", "v2-0.18/snapshot-tagged",
	"v2-0.18/snapshot-zone", "v1-0.18/snapshot-first", "v1-0.18/snapshot-tagged",
	"v1-0.18/snapshot-zone", "v2-0.14/snapshot-first", "v2-0.14/snapshot-tagged",
	"v2-0.14/snapshot-zone"};

/* Also those written in America/St_Johns: what is rewritten keeps the offset it had. */
TEST(golden_there_and_back)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct snapshot s = {.id = {{7}}};
		struct buf in, out;
		struct err err;

		golden_read(files[i], &in);
		REQUIRE(snapshot_parse(&s, in.p, in.len, &err) == 0);
		CHECK_EQ(s.id.b[0], 7);
		CHECK_EQ(s.has_summary, i < 6);
		CHECK_EQ(s.time_offset, i % 3 == 0 ? 0 : -12600);
		buf_init(&out, 10000);
		snapshot_write(&s, NULL, &out);
		CHECK_EQ(out.len, in.len);
		CHECK_MEM(out.p, in.p, in.len);
		snapshot_release(&s);
		buf_release(&in);
		buf_release(&out);
	}
}

TEST(golden_values)
{
	struct snapshot s = {0};
	struct buf in;
	struct err err;

	golden_read(files[1], &in);
	REQUIRE(snapshot_parse(&s, in.p, in.len, &err) == 0);
	CHECK(s.has_parent && s.has_original);
	CHECK_STR(s.hostname, "h\xc3\xb6st <&>");
	CHECK_STR(s.username, "root");
	CHECK_STR(s.program_version, "restic 0.18.0");
	CHECK_EQ(s.tags.n, 1);
	CHECK(strlist_has(&s.tags, "rewritten"));
	CHECK(!strlist_has(&s.tags, "one"));
	CHECK_EQ(s.excludes.n, 2);
	CHECK_STR(s.excludes.s[0], "*.o\\*");
	CHECK_EQ(s.paths.n, 1);
	CHECK(s.summary.total_files_processed == 2 &&
		s.summary.backup_end.sec >= s.summary.backup_start.sec);
	snapshot_release(&s);
	buf_release(&in);
}

static void written(const struct snapshot *s, const struct zone *z, const char *want)
{
	struct buf out;

	buf_init(&out, 10000);
	snapshot_write(s, z, &out);
	CHECK_STR(buf_str(&out), want);
	buf_release(&out);
}

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

TEST(what_is_left_out)
{
	struct snapshot s = {.time = {1700000000, 0}};

	written(&s, NULL, "{\"time\":\"2023-11-14T22:13:20Z\",\"tree\":\"" ZERO "\",\"paths\":[]}");
	s.uid = 1;
	s.gid = 2;
	s.time_offset = -3 * 3600 - 1800;
	strlist_add(&s.paths, "/a");
	strlist_addn(&s.paths, "/bcd", 2);
	written(&s, NULL,
		"{\"time\":\"2023-11-14T18:43:20-03:30\",\"tree\":\"" ZERO
		"\",\"paths\":[\"/a\",\"/b\"],\"uid\":1,\"gid\":2}");
	s.time_offset = 14 * 3600;
	written(&s, NULL,
		"{\"time\":\"2023-11-15T12:13:20+14:00\",\"tree\":\"" ZERO
		"\",\"paths\":[\"/a\",\"/b\"],\"uid\":1,\"gid\":2}");
	snapshot_release(&s);
}

TEST(new_snapshot_in_a_zone)
{
	struct zone *z = zone_new("Europe/Berlin");
	struct snapshot s = {.time = {1700000000, 0},
		.time_offset = 18000,
		.has_summary = true,
		.summary = {.backup_start = {1690000000, 1}, .backup_end = {1700000000, 0}}};
	struct buf out;

	if (zone_offset(z, 1700000000) != 3600) {
		zone_free(z);
		SKIP("no time zones are installed");
	}
	buf_init(&out, 10000);
	snapshot_write(&s, z, &out);
	CHECK(strstr(buf_str(&out), "{\"time\":\"2023-11-14T23:13:20+01:00\""));
	CHECK(strstr(buf_str(&out), "\"summary\":{\"backup_start\":\"2023-07-22T06:26:40.000000001+"
				    "02:00\",\"backup_end\":\"2023-11-14T23:"
				    "13:20+01:00\",\"files_new\":0,"));
	buf_release(&out);
	zone_free(z);
}

TEST(members_inside_another_object)
{
	struct snapshot s = {.time = {0, 0}};
	struct json_out o;
	struct buf out;

	buf_init(&out, 10000);
	json_out_init(&o, &out);
	json_object(&o);
	snapshot_members(&s, NULL, &o);
	json_key(&o, "short_id");
	json_str(&o, "x");
	json_object_end(&o);
	CHECK_STR(buf_str(&out), "{\"time\":\"1970-01-01T00:00:00Z\",\"tree\":\"" ZERO
				 "\",\"paths\":[],\"short_id\":\"x\"}");
	buf_release(&out);
}

static int parse(const char *json, struct snapshot *s)
{
	struct err err;
	int rc;

	memset(s, 0, sizeof(*s));
	err_clear(&err);
	rc = snapshot_parse(s, json, strlen(json), &err);
	if (rc < 0)
		CHECK(strncmp(err.msg, "snapshot: ", 10) == 0 && !s->hostname && !s->paths.s);
	return rc;
}

#define SNAP(more) "{\"time\":\"2023-11-14T22:13:20Z\",\"tree\":\"" ZERO "\"" more "}"

TEST(accepted)
{
	struct snapshot s;

	CHECK_EQ(parse(SNAP(), &s), 0);
	CHECK_STR(s.hostname, "");
	CHECK_STR(s.program_version, "");
	CHECK_EQ(s.paths.n, 0);
	snapshot_release(&s);
	CHECK_EQ(parse(SNAP(",\"paths\":null,\"tags\":null,\"parent\":null,\"original\":null,"
			    "\"summary\":null,\"x\":[{}]"),
			 &s),
		0);
	CHECK(!s.has_parent && !s.has_original && !s.has_summary);
	snapshot_release(&s);
	CHECK_EQ(parse(SNAP(",\"tags\":[\"a\",\"b\"],\"tags\":[\"c\"],\"summary\":{\"files_new\":3,"
			    "\"new\":[]}"),
			 &s),
		0);
	CHECK_EQ(s.tags.n, 1);
	CHECK_STR(s.tags.s[0], "c");
	CHECK(s.has_summary && s.summary.files_new == 3);
	snapshot_release(&s);
}

TEST(refused)
{
	static const char *const bad[] = {"", "{}", "[]", "{\"time\":\"2023-11-14T22:13:20Z\"}",
		"{\"tree\":\"" ZERO "\"}", "{\"time\":\"2023-11-14T22:13:20Z\",\"tree\":null}",
		"{\"time\":\"2023-11-14 22:13:20\",\"tree\":\"" ZERO "\"}",
		SNAP(",\"uid\":4294967296"), SNAP(",\"uid\":-1"), SNAP(",\"paths\":\"/\""),
		SNAP(",\"paths\":[1]"), SNAP(",\"paths\":[\"a\\u0000b\"]"), SNAP(",\"tags\":[[]]"),
		SNAP(",\"parent\":\"12\""), SNAP(",\"parent\":12"), SNAP(",\"summary\":[]"),
		SNAP(",\"summary\":{\"files_new\":-1}"),
		SNAP(",\"summary\":{\"files_new\":18446744073709551616}"), SNAP(",\"hostname\":7"),
		SNAP() "}"};
	struct snapshot s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!CHECK_EQ(parse(bad[i], &s), ERR_INVALID))
			CHECK_STR(bad[i], "refused");
		snapshot_release(&s);
	}
}

TEST(lists_grow)
{
	struct strlist l = {0};
	char text[16] = "";

	for (int i = 0; i < 1000; i++) {
		text[0] = (char)('a' + i % 26);
		text[1] = (char)('a' + i / 26 % 26);
		text[2] = (char)('a' + i / 676);
		strlist_add(&l, text);
	}
	CHECK_EQ(l.n, 1000);
	CHECK_STR(l.s[0], "aaa");
	CHECK_STR(l.s[999], text);
	CHECK(strlist_has(&l, "zza"));
	CHECK(!strlist_has(&l, "zz"));
	strlist_release(&l);
	CHECK_EQ(l.n, 0);
}

static void survive(void *arg, const uint8_t *p, size_t n)
{
	struct snapshot s = {0};
	struct err err;

	err_clear(&err);
	if (snapshot_parse(&s, p, n, &err) < 0)
		CHECK(err.msg[0]);
	else
		CHECK_EQ(n, *(size_t *)arg);
	snapshot_release(&s);
}

TEST(hostile_bytes)
{
	struct buf in;

	golden_read(files[1], &in);
	hostile_each(in.p, in.len, 1100, survive, &in.len);
	buf_release(&in);
}
