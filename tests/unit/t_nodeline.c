#include "cmd/nodeline.h"
#include "format/gojson.h"
#include "unit/check.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct str str(const char *s)
{
	return (struct str){s, strlen(s)};
}

/* What restic 0.18 printed for the same nodes (ls -l, ls --json, find --json). */
TEST(as_restic)
{
	struct node f = {.name = str("f1"),
		.type = NODE_FILE,
		.mode = 420,
		.mtime = {1795485233, 225442711},
		.atime = {1795485233, 225442711},
		.ctime = {1795485233, 225442711},
		.user = str("root"),
		.group = str("root"),
		.inode = 9978402,
		.device_id = 65024,
		.size = 8,
		.links = 1};
	struct node l = {.name = str("l"),
		.type = NODE_SYMLINK,
		.mode = 134218239,
		.mtime = {1795485229, 0},
		.linktarget = str("f1"),
		.links = 1};
	struct node e = {.name = str("e"), .type = NODE_FILE, .mode = 420};
	struct out *o = out_new(open("/dev/null", O_WRONLY), 2);
	struct buf b;

	buf_init(&b, 1 << 16);
	nodeline_text(o, &b, &f, "/src/a/f1", 9, NODELINE_LONG, NULL);
	CHECK_STR(buf_str(&b), "-rw-r--r--     0     0      8 2026-11-24 01:53:53 /src/a/f1");
	buf_reset(&b);
	nodeline_text(o, &b, &l, "/src/a/l", 8, NODELINE_LONG, NULL);
	CHECK_STR(buf_str(&b), "Lrwxrwxrwx     0     0      0 2026-11-24 01:53:49 /src/a/l -> f1");
	buf_reset(&b);
	nodeline_files(&b, &f, "/src/a/f1", 9, NULL);
	CHECK_STR(buf_str(&b),
		"{\"name\":\"f1\",\"type\":\"file\",\"path\":\"/src/a/"
		"f1\",\"uid\":0,\"gid\":0,\"size\":8,\"mode\":420,\"permissions\":\"-rw-r--r--\","
		"\"mtime\":\"2026-11-24T01:53:53.225442711Z\",\"atime\":\"2026-11-24T01:53:53."
		"225442711Z\",\"ctime\":\"2026-"
		"11-24T01:53:53.225442711Z\","
		"\"inode\":9978402,\"message_type\":\"node\",\"struct_type\":\"node\"}");
	buf_reset(&b);
	nodeline_files(&b, &e, "/e", 2, NULL);
	CHECK(strstr(buf_str(&b), "\"size\":0,") != NULL);
	buf_reset(&b);
	nodeline_files(&b, &l, "/l", 2, NULL);
	CHECK(strstr(buf_str(&b), "size") == NULL);
	buf_reset(&b);
	nodeline_ncdu(&b, &f);
	CHECK_STR(buf_str(&b),
		"{\"name\":\"f1\",\"asize\":8,\"dsize\":512,\"dev\":65024,\"ino\":9978402,"
		"\"nlink\":1,"
		"\"notreg\":false,\"uid\":0,\"gid\":0,\"mode\":420,\"mtime\":1795485233}");
	buf_reset(&b);
	nodeline_find(&b, &f, "/src/a/f1", 9, NULL);
	CHECK_STR(buf_str(&b),
		"{\"path\":\"/src/a/"
		"f1\",\"permissions\":\"-rw-r--r--\",\"type\":\"file\",\"mode\":420,\"mtime\":"
		"\"2026-11-24T01:53:53.225442711Z\","
		"\"atime\":\"2026-11-24T01:53:53.225442711Z\",\"ctime\":\"2026-11-24T01:53:53."
		"225442711Z\",\"uid\":0,\"gid\":0,\"user\":"
		"\"root\","
		"\"group\":\"root\",\"inode\":9978402,\"device_id\":65024,\"size\":8,\"links\":1}");
	buf_reset(&b);
	nodeline_find(&b, &l, "/l", 2, NULL);
	CHECK(strstr(buf_str(&b), "\"linktarget\":\"f1\"") != NULL);
	buf_release(&b);
	out_free(o);
}

TEST(heads)
{
	struct snapshot s = {.time = {1795485233, 930510782},
		.time_offset = 0,
		.hostname = (char *)(size_t) "vm",
		.username = (char *)(size_t) "root",
		.program_version = (char *)(size_t) ""};
	struct out *o = out_new(open("/dev/null", O_WRONLY), 2);
	struct buf b;

	buf_init(&b, 1 << 16);
	s.id.b[0] = 0xac;
	strlist_add(&s.paths, "/a");
	strlist_add(&s.paths, "/b c");
	nodeline_head(o, &b, &s);
	CHECK_STR(buf_str(&b), "snapshot ac000000 of [/a /b c] at 2026-11-24 01:53:53.930510782 "
			       "+0000 UTC by root@vm");
	buf_reset(&b);
	nodeline_snapshot(&b, &s, true);
	CHECK(strstr(buf_str(&b), "\"short_id\":\"ac000000\",\"message_type\":\"snapshot\","
				  "\"struct_type\":\"snapshot\"}") != NULL);
	buf_reset(&b);
	nodeline_snapshot(&b, &s, false);
	CHECK(strstr(buf_str(&b), "\"short_id\":\"ac000000\"}") != NULL);
	strlist_release(&s.paths);
	out_free(o);
	buf_release(&b);
}
