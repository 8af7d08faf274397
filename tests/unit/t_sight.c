#include "engine/sight.h"
#include "unit/check.h"
#include <string.h>
#include <sys/stat.h>

static struct meta dir(void)
{
	return (struct meta){.mode = S_IFDIR | 0755,
		.uid = 1000,
		.gid = 100,
		.ino = 12,
		.dev = 7,
		.size = 4096,
		.mtime = {100, 5},
		.ctime = {100, 6}};
}

static struct meta file(void)
{
	struct meta m = dir();

	m.mode = S_IFREG | 0644;
	m.size = 10;
	return m;
}

static enum sight_verdict compare(struct meta seen, struct meta now)
{
	struct sight s;

	sight_of(&s, &seen);
	return sight_compare(&s, &now);
}

/* What happens to a file after it was listed is no difference between nodes. */
TEST(the_same_or_newer)
{
	struct meta m = file();

	CHECK_EQ(compare(file(), m), SIGHT_SAME);
	CHECK_EQ(compare(dir(), dir()), SIGHT_SAME);
	m.mtime.nsec++;
	m.ctime.nsec++;
	m.size = 3;
	m.uid = 0;
	CHECK_EQ(compare(file(), m), SIGHT_SAME);
	m = file();
	m.ctime.sec++; /* chmod, chown */
	m.mode = S_IFREG | 0600;
	m.gid = 5;
	CHECK_EQ(compare(file(), m), SIGHT_SAME);
	m = dir();
	m.size = 8192; /* some file systems tell it late */
	CHECK_EQ(compare(dir(), m), SIGHT_SAME);
}

TEST(older_or_another)
{
	struct meta m = file();

	m.mtime.sec--;
	CHECK_EQ(compare(file(), m), SIGHT_OLDER);
	m = file();
	m.ctime.nsec--;
	CHECK_EQ(compare(file(), m), SIGHT_OLDER);
	m = file();
	m.size = 9; /* its end is not seen here yet */
	CHECK_EQ(compare(file(), m), SIGHT_OLDER);
	CHECK_EQ(compare(file(), dir()), SIGHT_OLDER);
	m = dir();
	m.ino = 13;
	m.mtime.sec++;
	m.ctime.sec++;
	CHECK_EQ(compare(dir(), m), SIGHT_OLDER);
	m = dir();
	m.dev = 8;
	m.size = 0;
	CHECK_EQ(compare(dir(), m), SIGHT_OLDER);
}

/* The numbers of a file system that makes them up are no other file; one that differs in more may
 * be another one here only, however new. */
TEST(other_inode_numbers)
{
	struct meta m = file();

	m.ino = 99;
	CHECK_EQ(compare(file(), m), SIGHT_NUMBERED);
	m.ctime.sec++;
	CHECK_EQ(compare(file(), m), SIGHT_NUMBERED);
	m.mtime.sec++;
	m.size = 5;
	CHECK_EQ(compare(file(), m), SIGHT_OLDER);
	m = dir();
	m.ino = 99;
	m.dev = 98;
	CHECK_EQ(compare(dir(), m), SIGHT_NUMBERED);
	m = file();
	m.ino = 99;
	m.mtime.sec++;
	CHECK_EQ(compare(file(), m), SIGHT_OLDER);
}

TEST(other_owners_and_modes)
{
	struct meta m = dir();

	m.uid = 65534;
	CHECK_EQ(compare(dir(), m), SIGHT_OTHER);
	m.ino = 99; /* on a file system that numbers by itself too */
	CHECK_EQ(compare(dir(), m), SIGHT_OTHER);
	m = file();
	m.gid = 65534;
	CHECK_EQ(compare(file(), m), SIGHT_OTHER);
	m = file();
	m.mode = S_IFREG | 0755;
	m.mtime.sec++; /* as ctime says, nothing has happened to it */
	CHECK_EQ(compare(file(), m), SIGHT_OLDER);
	m.mtime.sec--;
	CHECK_EQ(compare(file(), m), SIGHT_OTHER);
}

TEST(who_listed_it_decides)
{
	struct meta m = file(), there = file();
	struct sight other;
	struct err e = {0};

	there.uid = 65534;
	sight_of(&other, &there);
	CHECK_EQ(sight_agree(&other, NULL, &m, "/s/f", &e), 0);
	CHECK(sight_agree(&other, "rank 3 on node-7", &m, "/s/f", &e) < 0);
	CHECK(strstr(e.msg, "/s/f") && strstr(e.msg, "rank 3 on node-7") &&
		strstr(e.msg, "65534:100"));
	m.uid = 65534; /* it was changed, and the first sight was the old one */
	CHECK_EQ(sight_agree(&other, "rank 3", &m, "/s/f", &e), 0);
	m = file();
	m.ctime.sec++;
	CHECK_EQ(sight_agree(&other, "rank 3", &m, "/s/f", &e), 0);
}

TEST(travels)
{
	struct meta m = file();
	struct sight a, b;
	struct buf w;
	struct wire_in in;

	sight_of(&a, &m);
	buf_init(&w, 1000);
	sight_put(&w, &a);
	wire_in_init(&in, w.p, w.len);
	sight_get(&in, &b);
	CHECK(wire_done(&in));
	CHECK_EQ(sight_compare(&b, &m), SIGHT_SAME);
	CHECK_EQ(b.size, 10);
	wire_in_init(&in, w.p, w.len - 1);
	sight_get(&in, &b);
	CHECK(in.bad);
	buf_release(&w);
}
