/* Restoring: what lies in the target already, hostile repositories, damaged ones, few descriptors,
 * stopping at any moment. */
#include "lib/stores.h"
#include "base/mem.h"
#include "engine/restore.h"
#include "engine/restore_window.h"
#include "fs/dest.h"
#include "lib/craft.h"
#include "lib/files.h"
#include "lib/restoring.h"
#include "unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

void check_setup(void)
{
	lab_init();
}

void check_teardown(void)
{
	lab_release();
}

LAB_TEST(into_nothing)
{
	const char *dir = lab_fresh();
	char *deep = mem_printf("%s/x/y", dir);
	struct id root = lab_small_tree();

	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = deep}), 0);
	CHECK_STR(lab_errors(), "");
	lab_check_small_tree(deep);
	CHECK_EQ(files_stat(dir, "x").st_mode, S_IFDIR | 0700);
	CHECK_EQ(lab.counts.total_files, 6);
	CHECK_EQ(lab.counts.files_restored, 6);
	CHECK_EQ(lab.counts.files_skipped, 0);
	CHECK_EQ(lab.counts.total_bytes, 10);
	CHECK_EQ(lab.counts.bytes_restored, 10);
	CHECK(lab_told("restored /d\n") && lab_told("restored /d/g\n") &&
		lab_told("restored /d/link\n") && lab_told("restored /fifo\n"));
	/* Once more: only what is no file is made again. */
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = deep}), 0);
	lab_check_small_tree(deep);
	CHECK_EQ(lab.counts.files_skipped, 3);
	CHECK_EQ(lab.counts.bytes_skipped, 10);
	CHECK_EQ(lab.counts.total_files, 3);
	CHECK_EQ(lab.counts.files_restored, 3);
	CHECK_EQ(lab.counts.total_bytes, 0);
	CHECK_EQ(lab.counts.bytes_restored, 0);
	CHECK(lab_told("unchanged /f\n") && lab_told("unchanged /d/e\n"));
	mem_free(deep);
}

/* ---- what is there already ---- */

static void old_files(const char *dir)
{
	files_mkdir(dir, "d");
	files_text(dir, "f", "old f, and longer");
	files_mtime(dir, "f", CRAFT_TIME - 1);
	files_text(dir, "d/g", "my g!");
	files_mtime(dir, "d/g", CRAFT_TIME + 1);
	files_text(dir, "d/link", "a file");
	files_mtime(dir, "d/link", CRAFT_TIME - 1);
	files_text(dir, "fifo", "a file");
	files_mtime(dir, "fifo", CRAFT_TIME + 1);
}

LAB_TEST(overwrite_modes)
{
	struct id root = lab_small_tree();
	const char *dir = lab_fresh();

	old_files(dir);
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .overwrite = RESTORE_NEVER}),
		0);
	CHECK(files_has(dir, "f", "old f, and longer") && files_has(dir, "d/g", "my g!") &&
		files_has(dir, "d/link", "a file") && files_has(dir, "fifo", "a file"));
	CHECK(files_has(dir, "d/e", ""));
	CHECK_EQ(lab.counts.files_skipped, 4);
	CHECK_EQ(lab.counts.bytes_skipped, 10);
	CHECK_EQ(lab.counts.files_restored, 2); /* d and d/e */
	CHECK_EQ(lab.counts.total_files, 2);
	/* what is skipped keeps its metadata */
	CHECK_EQ(files_stat(dir, "f").st_mtim.tv_sec, CRAFT_TIME - 1);
	CHECK_EQ(files_stat(dir, "d").st_mtim.tv_sec, CRAFT_TIME);

	dir = lab_fresh();
	old_files(dir);
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .overwrite = RESTORE_IF_NEWER}),
		0);
	CHECK(files_has(dir, "f", "new f") && files_has(dir, "d/g", "my g!") &&
		files_has(dir, "fifo", "a file"));
	CHECK(S_ISLNK(files_stat(dir, "d/link").st_mode));
	CHECK_EQ(lab.counts.files_skipped, 2);
	CHECK(lab_told("updated /f\n") && lab_told("unchanged /d/g\n"));

	dir = lab_fresh();
	old_files(dir);
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .overwrite = RESTORE_ALWAYS}),
		0);
	lab_check_small_tree(dir);
	CHECK_EQ(lab.counts.files_skipped, 0);
	CHECK_EQ(lab.counts.files_restored, 6);

	/* The same size and time is enough for if-changed, and the metadata is restored. */
	files_text(dir, "f", "?ew f");
	files_mtime(dir, "f", CRAFT_TIME);
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .overwrite = RESTORE_IF_CHANGED}),
		0);
	CHECK(files_has(dir, "f", "new f")); /* the nanoseconds differ */
	{
		struct timespec same[2] = {{CRAFT_TIME, 5}, {CRAFT_TIME, 5}};
		char *f = mem_printf("%s/f", dir);

		files_text(dir, "f", "?ew f");
		REQUIRE(utimensat(AT_FDCWD, f, same, 0) == 0 && chmod(f, 0600) == 0);
		mem_free(f);
	}
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .overwrite = RESTORE_IF_CHANGED}),
		0);
	CHECK(files_has(dir, "f", "?ew f"));
	CHECK_EQ(files_stat(dir, "f").st_mode & 0777, 0644);
	CHECK_EQ(lab.counts.files_skipped, 3);
}

LAB_TEST(only_what_differs_is_written)
{
	static const char *const part[] = {"one ", "two ", "three ", "four"};
	struct craft_tree t;
	struct id id[4], root;
	const char *dir = lab_fresh();
	struct stat before;

	for (size_t i = 0; i < 4; i++)
		id[i] = craft_text(&lab.c, part[i]);
	craft_tree(&t);
	craft_file(&t, "f", id, 4, 18);
	root = craft_end(&lab.c, &t);
	files_text(dir, "f", "one TWO three fourmore");
	before = files_stat(dir, "f");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir, .verify = true}), 0);
	CHECK(files_has(dir, "f", "one two three four"));
	CHECK_EQ(files_stat(dir, "f").st_ino, before.st_ino);
	CHECK_EQ(lab.counts.bytes_restored, 18);
	CHECK_EQ(lab.counts.verified, 1);
	/* Only longer: nothing is fetched, the end is cut off. */
	files_text(dir, "f", "one two three four and more");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK(files_has(dir, "f", "one two three four"));
	CHECK(lab_told("updated /f\n"));
	/* Only shorter. */
	files_text(dir, "f", "one two th");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK(files_has(dir, "f", "one two three four"));
}

static void fresh_link(const char *f, const char *other)
{
	struct timespec same[2] = {{CRAFT_TIME, 5}, {CRAFT_TIME, 5}};

	files_text(lab_fresh(), "f", "new f");
	REQUIRE(link(f, other) == 0 && chmod(f, 0600) == 0 && utimensat(AT_FDCWD, f, same, 0) == 0);
}

LAB_TEST(another_name_of_an_old_file_keeps_what_it_is)
{
	struct id root = lab_small_tree();
	const char *dir = lab_fresh();
	char *f = mem_printf("%s/f", dir), *other = mem_printf("%s/other", dir);

	files_text(dir, "f", "new X");
	REQUIRE(link(f, other) == 0);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK(files_has(dir, "f", "new f"));
	CHECK(files_has(dir, "other", "new X"));
	/* With the right content already, too: mode, owner and time are not for the other name. */
	fresh_link(f, other);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target}), 0);
	CHECK(files_has(dir, "f", "new f") && files_has(dir, "other", "new f"));
	CHECK_EQ(files_stat(dir, "f").st_nlink, 1);
	CHECK_EQ(files_stat(dir, "other").st_mode & 07777, 0600);
	CHECK_EQ(files_stat(dir, "other").st_mtim.tv_sec, CRAFT_TIME);
	/* Where size and time are enough to keep a content, as well. */
	fresh_link(f, other);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
					    .overwrite = RESTORE_IF_CHANGED}),
		0);
	CHECK_EQ(files_stat(dir, "f").st_nlink, 1);
	CHECK_EQ(files_stat(dir, "f").st_mode & 07777, 0644);
	CHECK_EQ(files_stat(dir, "other").st_mode & 07777, 0600);
	mem_free(f);
	mem_free(other);
}

LAB_TEST(other_things_in_the_way)
{
	struct id root = lab_small_tree();
	const char *dir = lab_fresh();

	files_mkdir(dir, "f/full");
	files_mkdir(dir, "fifo");
	files_text(dir, "d", "a file");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	/* a directory with something in it is not removed */
	CHECK(strncmp(lab_errors(), "/f: ", 4) == 0);
	CHECK_EQ(lab.counts.errors, 1);
	CHECK(files_has(dir, "d/g", "new g"));
	CHECK(S_ISFIFO(files_stat(dir, "fifo").st_mode));
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir, .delete = true}), 0);
	CHECK_STR(lab_errors(), "");
	lab_check_small_tree(dir);
}

/* Links that lead out of the target, wherever something is to be made. */
LAB_TEST(links_are_never_followed)
{
	struct id root = lab_small_tree(), two, id;
	const char *dir = lab_fresh();
	char *out = files_dir("outside");
	struct craft_tree t;
	struct node n;

	files_mkdir(out, "d");
	files_text(out, "f", "mine");
	files_text(out, "d/g", "mine");
	for (int mode = RESTORE_ALWAYS; mode <= RESTORE_IF_NEWER; mode++) {
		dir = lab_fresh();
		files_link(dir, "f", "../outside/f");
		files_link(dir, "d", "../outside/d");
		files_link(dir, "fifo", "../outside/new");
		files_mtime(dir, "f", 1);
		files_mtime(dir, "fifo", 1);
		files_mtime(dir, "d", 1);
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir,
						    .overwrite = (enum restore_overwrite)mode}),
			0);
		lab_check_small_tree(dir);
		CHECK(files_has(out, "f", "mine") && files_has(out, "d/g", "mine"));
		CHECK_EQ(files_count(out), 3);
	}
	/* Hard links. */
	craft_tree(&t);
	id = craft_text(&lab.c, "linked");
	for (int i = 0; i < 2; i++) {
		n = craft_node(NODE_FILE, i ? "b" : "a");
		n.links = 2;
		n.inode = 9;
		n.has_content = true;
		n.content = &id;
		n.n_content = 1;
		n.size = 6;
		craft_put(&t, &n);
	}
	two = craft_end(&lab.c, &t);
	dir = lab_fresh();
	files_link(dir, "a", "../outside/f");
	files_link(dir, "b", "../outside/d/g");
	CHECK_EQ(lab_restore(&two, (struct restore_options){.target = dir}), 0);
	CHECK(files_has(dir, "a", "linked") && files_has(dir, "b", "linked"));
	CHECK_EQ(files_stat(dir, "a").st_ino, files_stat(dir, "b").st_ino);
	CHECK(files_has(out, "f", "mine") && files_has(out, "d/g", "mine"));
	mem_free(out);
}

/* ---- hostile trees ---- */

static size_t everything_but(const char *dir)
{
	size_t all = files_count(check_tmpdir()), in = files_count(dir);

	return all - in;
}

LAB_TEST(names_that_lead_elsewhere)
{
	static const char *const bad[] = {"..", ".", "a/b", "../x", "/tmp/x", "", "a\\\\x00b"};
	const char *dir = lab_fresh();
	size_t before = everything_but(dir);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		for (int kind = 0; kind < 3; kind++) {
			static const char *const type[] = {"file", "dir", "symlink"};
			struct id id = craft_text(&lab.c, "evil"), sub = craft_empty(&lab.c), root,
				  tree;
			struct craft_tree t;
			char *json = mem_printf(
				"{\"name\":\"%s\",\"type\":\"%s\",\"mode\":420,\"content\":%s%s%s,"
				"\"linktarget\":\"/etc\",\"subtree\":"
				"\"%s\"}",
				bad[i], type[kind], kind ? "null" : "[\"",
				kind ? "" : id_hex(&id).s, kind ? "" : "\"]", id_hex(&sub).s);

			craft_tree(&t);
			craft_raw(&t, json);
			tree = craft_end(&lab.c, &t);
			craft_tree(&t);
			craft_dir(&t, "bad", &tree);
			lab_text_file(&t, "good", "good");
			root = craft_end(&lab.c, &t);
			files_text(dir, "mine", "");
			CHECK_EQ(lab_restore(&root,
					 (struct restore_options){.target = dir, .delete = true}),
				0);
			CHECK(lab.counts.errors > 0);
			CHECK(strncmp(lab_errors(), "/bad/?: ", 8) == 0); /* without the name */
			CHECK(files_has(dir, "good", "good"));
			/* nothing is deleted after such a thing */
			CHECK(files_has(dir, "mine", ""));
			CHECK_EQ(everything_but(dir), before);
			mem_free(json);
		}
	}
}

LAB_TEST(names_twice_and_odd_nodes)
{
	struct craft_tree t;
	struct node n;
	struct id tree, root;
	const char *dir = lab_fresh();

	craft_tree(&t);
	craft_link(&t, "a", "/etc");
	craft_dir(&t, "a", &(struct id){{0}}); /* the same name again, to go through the link */
	tree = craft_end(&lab.c, &t);
	craft_tree(&t);
	craft_dir(&t, "twice", &tree);
	n = craft_node(NODE_SYMLINK, "zero");
	n.linktarget = (struct str){"a\0b", 3};
	craft_put(&t, &n);
	root = craft_end(&lab.c, &t);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK_EQ(lab.counts.errors, 2);
	CHECK(strstr(lab_errors(), "/twice/a: this name comes twice") &&
		strstr(lab_errors(), "/zero: the target of the link contains a zero byte"));
	/* The first of them counts. */
	CHECK(!files_there(dir, "zero") && files_there(dir, "twice/a"));
	CHECK(!files_there(dir, "twice/a/x"));
	/* Sockets are never restored. */
	craft_tree(&t);
	n = craft_node(NODE_SOCKET, "s");
	craft_put(&t, &n);
	root = craft_end(&lab.c, &t);
	dir = lab_fresh();
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK_EQ(files_count(dir), 0);
	CHECK_EQ(lab.counts.total_files, 0);
}

/* ---- filters ---- */

static struct match *pattern(const char *p)
{
	struct match *m = match_new(false);

	REQUIRE(match_add(m, p, NULL) == 0);
	return m;
}

LAB_TEST(includes_and_excludes)
{
	struct id root = lab_small_tree();
	struct match *g = pattern("/d/g"), *d = pattern("d");
	const struct match *list[] = {g}, *dirs[] = {d};
	const char *dir = lab_fresh();

	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .include = list, .n_include = 1}),
		0);
	CHECK_EQ(files_count(dir), 2);
	CHECK(files_has(dir, "d/g", "new g"));
	/* what is above gets its metadata too */
	CHECK_EQ(files_stat(dir, "d").st_mtim.tv_sec, CRAFT_TIME);
	CHECK_EQ(files_stat(dir, "d").st_mode & 07777, 0755);
	CHECK_EQ(lab.counts.total_files, 1);
	dir = lab_fresh();
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .include = dirs, .n_include = 1}),
		0);
	CHECK_EQ(files_count(dir), 4);
	dir = lab_fresh();
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .exclude = dirs, .n_exclude = 1}),
		0);
	CHECK(files_has(dir, "f", "new f") && !files_there(dir, "d"));
	CHECK_EQ(files_count(dir), 2);
	dir = lab_fresh();
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .exclude = list, .n_exclude = 1}),
		0);
	CHECK_EQ(files_count(dir), 5);
	match_free(g);
	match_free(d);
}

LAB_TEST(attributes_and_owners)
{
	struct craft_tree t;
	struct node_xattr x[] = {{{"user.keep", 9}, {"v", 1}, false},
		{{"user.drop", 9}, {"w", 1}, false}};
	struct node n = craft_node(NODE_FIFO, "n");
	struct id root, id = craft_text(&lab.c, "text");
	struct match *m = pattern("user.k*");
	const char *dir = lab_fresh();
	char *path = mem_printf("%s/a", dir), v[8];

	craft_tree(&t);
	n = craft_node(NODE_FILE, "a");
	n.has_content = true;
	n.content = &id;
	n.n_content = 1;
	n.size = 4;
	n.xattr = x;
	n.n_xattr = 2;
	n.uid = 12345;
	n.gid = 23456;
	n.user = (struct str){"root", 4};
	n.group = (struct str){"no such group, surely", 21};
	craft_put(&t, &n);
	root = craft_end(&lab.c, &t);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	if (geteuid() == 0)
		CHECK(files_stat(dir, "a").st_uid == 12345 && files_stat(dir, "a").st_gid == 23456);
	if (setxattr(path, "user.mine", "m", 1, 0) < 0) {
		mem_free(path);
		SKIP("this file system has no attributes");
	}
	CHECK(getxattr(path, "user.keep", v, 8) == 1 && getxattr(path, "user.drop", v, 8) == 1);
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .ownership_by_name = true}),
		0);
	if (geteuid() == 0)
		CHECK(files_stat(dir, "a").st_uid == 0 &&
			files_stat(dir, "a").st_gid ==
				23456);               /* a name that nobody has leaves the number */
	CHECK(getxattr(path, "user.mine", v, 8) < 0); /* others are removed */
	dir = lab_fresh();
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir, .include_xattr = m}),
		0);
	CHECK(getxattr(path, "user.keep", v, 8) == 1 && getxattr(path, "user.drop", v, 8) < 0);
	dir = lab_fresh();
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir, .exclude_xattr = m}),
		0);
	CHECK(getxattr(path, "user.keep", v, 8) < 0 && getxattr(path, "user.drop", v, 8) == 1);
	match_free(m);
	mem_free(path);
}

/* ---- --delete ---- */

static void superfluous(const char *dir)
{
	files_mkdir(dir, "d/sub/deep");
	files_text(dir, "d/sub/deep/x", "x");
	files_text(dir, "d/a", "");
	files_text(dir, "d/z", "");
	files_text(dir, "aaa", "");
	files_text(dir, "zzz", "");
	files_link(dir, "l", "/");
}

LAB_TEST(delete_what_is_not_in_the_snapshot)
{
	struct id root = lab_small_tree();
	struct match *d = pattern("/d");
	const struct match *list[] = {d};
	const char *dir = lab_fresh();

	superfluous(dir);
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .delete = true, .dry_run = true}),
		0);
	CHECK_EQ(lab.counts.files_deleted, 6);
	CHECK(lab_told("deleted /d/sub\n"));
	CHECK_EQ(files_count(dir), 9);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir, .delete = true}), 0);
	CHECK_STR(lab_errors(), "");
	lab_check_small_tree(dir); /* the directory's time too */
	CHECK_EQ(files_count(dir), 6);
	CHECK_EQ(lab.counts.files_deleted, 6);
	/* Only what the filter covers. */
	dir = lab_fresh();
	superfluous(dir);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir,
					    .delete = true,
					    .include = list,
					    .n_include = 1}),
		0);
	CHECK_EQ(lab.counts.files_deleted, 3);
	CHECK(files_there(dir, "aaa") && files_there(dir, "l") && !files_there(dir, "d/a") &&
		!files_there(dir, "d/sub"));
	dir = lab_fresh();
	superfluous(dir);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir,
					    .delete = true,
					    .exclude = list,
					    .n_exclude = 1}),
		0);
	CHECK_EQ(lab.counts.files_deleted, 3);
	CHECK(!files_there(dir, "aaa") && files_there(dir, "d/a") &&
		files_there(dir, "d/sub/deep/x"));
	match_free(d);
}

LAB_TEST(no_deleting_on_a_false_belief)
{
	struct craft_tree t;
	struct id gone, root, good = lab_small_tree();
	const char *dir = lab_fresh();
	char *d;

	memset(&gone, 0x77, sizeof(gone));
	craft_tree(&t);
	craft_dir(&t, "d", &good);
	craft_dir(&t, "lost", &gone);
	root = craft_end(&lab.c, &t);
	superfluous(dir);
	files_mkdir(dir, "lost/mine");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir, .delete = true}), 0);
	CHECK_EQ(lab.counts.errors, 1);
	CHECK_EQ(lab.counts.files_deleted, 0);
	CHECK(files_there(dir, "lost/mine") && files_there(dir, "d/z") && files_there(dir, "aaa"));
	d = mem_printf("%s/d", dir);
	lab_check_small_tree(d);
	mem_free(d);
	/* The root itself cannot be read. */
	CHECK_EQ(lab_restore(&gone, (struct restore_options){.target = dir, .delete = true}), 0);
	CHECK_EQ(lab.counts.errors, 1);
	CHECK(files_there(dir, "aaa"));
	/* A node that cannot be used may be what is there. */
	craft_tree(&t);
	craft_raw(&t, "{\"name\":\"aaa\",\"type\":\"door\",\"content\":null}");
	craft_dir(&t, "d", &good);
	root = craft_end(&lab.c, &t);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir, .delete = true}), 0);
	CHECK_EQ(lab.counts.errors, 1);
	CHECK(files_there(dir, "aaa") && files_there(dir, "d/z"));
	/* Stopped before, and at the first progress. */
	lab.stop = 1;
	CHECK_EQ(lab_restore(&good, (struct restore_options){.target = dir, .delete = true}),
		ERR_CANCELLED);
	CHECK(files_there(dir, "aaa") && files_there(dir, "d/z"));
	lab.stop = 0;
	lab.stop_after = 1;
	CHECK_EQ(lab_restore(&good, (struct restore_options){.target = dir, .delete = true}),
		ERR_CANCELLED);
	CHECK(files_there(dir, "aaa") && files_there(dir, "d/z"));
	lab.stop = 0;
	lab.stop_after = 0;
	/* Names out of order are all there: none is superfluous. */
	craft_tree(&t);
	craft_link(&t, "zz", "x");
	craft_link(&t, "aaa", "x");
	craft_dir(&t, "d", &good);
	root = craft_end(&lab.c, &t);
	CHECK_EQ(
		lab_restore(&root, (struct restore_options){.target = lab_fresh(), .delete = true}),
		0);
	CHECK_EQ(lab.counts.errors, 0);
	CHECK_EQ(lab.counts.files_deleted, 0);
}

/* ---- hard links ---- */

static void linked(struct craft_tree *t, const char *name, const struct id *id, uint64_t inode,
	uint64_t size)
{
	struct node n = craft_node(NODE_FILE, name);

	n.links = 11;
	n.inode = inode;
	n.device_id = 1;
	n.has_content = true;
	n.content = id;
	n.n_content = 1;
	n.size = size;
	craft_put(t, &n);
}

LAB_TEST_BY(hard_links_across_directories_and_windows, 4)
{
	struct craft_tree t;
	struct id a, b, z, root, one = craft_text(&lab.c, "inode one"),
				 two = craft_text(&lab.c, "inode two");
	const char *dir = lab_fresh();
	char name[32];

	craft_tree(&t);
	linked(&t, "first", &one, 1, 9);
	linked(&t, "same", &one, 1, 9);
	a = craft_end(&lab.c, &t);
	/* More files than a window holds. */
	craft_tree(&t);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%04d", i);
		if (i % 500 == 7)
			linked(&t, name, &two, 2, 9);
		else
			lab_text_file(&t, name, i % 2 ? "odd" : "even");
	}
	b = craft_end(&lab.c, &t);
	craft_tree(&t);
	linked(&t, "one", &one, 1, 9);
	linked(&t, "two", &two, 2, 9);
	z = craft_end(&lab.c, &t);
	craft_tree(&t);
	craft_dir(&t, "a", &a);
	craft_dir(&t, "b", &b);
	craft_dir(&t, "z", &z);
	root = craft_end(&lab.c, &t);
	for (int round = 0; round < 2; round++) {
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
		CHECK_STR(lab_errors(), "");
		CHECK_EQ(files_stat(dir, "a/first").st_nlink, 3);
		CHECK_EQ(files_stat(dir, "a/first").st_ino, files_stat(dir, "a/same").st_ino);
		CHECK_EQ(files_stat(dir, "a/first").st_ino, files_stat(dir, "z/one").st_ino);
		CHECK_EQ(files_stat(dir, "b/0007").st_nlink, 11);
		CHECK_EQ(files_stat(dir, "b/4507").st_ino, files_stat(dir, "z/two").st_ino);
		CHECK(files_has(dir, "z/one", "inode one") &&
			files_has(dir, "b/0507", "inode two") && files_has(dir, "b/4999", "odd"));
		CHECK_EQ(files_stat(dir, "z").st_mtim.tv_sec, CRAFT_TIME);
		if (round == 0)
			CHECK_EQ(lab.counts.files_restored, 5007);
	}
	/* the first names are unchanged; links are made anew */
	CHECK_EQ(lab.counts.files_skipped, 4990 + 2);
	/* One name was changed: its content comes back for all. */
	files_text(dir, "z/one", "inode ONE");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK(files_has(dir, "a/first", "inode one") && files_has(dir, "z/one", "inode one"));
	/* Skipped first names are the user's; the others get what was saved. */
	dir = lab_fresh();
	files_mkdir(dir, "a");
	files_text(dir, "a/first", "mine");
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .overwrite = RESTORE_NEVER}),
		0);
	CHECK(files_has(dir, "a/first", "mine") && files_has(dir, "a/same", "inode one"));
	CHECK_EQ(files_stat(dir, "a/same").st_ino, files_stat(dir, "z/one").st_ino);
}

LAB_TEST(a_link_to_what_is_lost_is_an_error)
{
	struct craft_tree t;
	struct id gone, root;
	const char *dir = lab_fresh();

	memset(&gone, 0x99, sizeof(gone));
	craft_tree(&t);
	linked(&t, "a", &gone, 5, 9);
	linked(&t, "b", &gone, 5, 9);
	lab_text_file(&t, "c", "c");
	root = craft_end(&lab.c, &t);
	files_text(dir, "a", "mine");
	files_text(dir, "b", "mine");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK_EQ(lab.counts.errors, 2);
	CHECK(strstr(lab_errors(), "/a: blob 99999999 is not in the index") &&
		strstr(lab_errors(), "/b: /a, which has its content"));
	CHECK(files_has(dir, "b", "mine") && files_has(dir, "c", "c"));
}

/* ---- contents ---- */

LAB_TEST(holes)
{
	enum { N = 1 << 20 };
	struct craft_tree t;
	uint8_t *zeros = mem_zalloc(N), *tail = mem_zalloc(N);
	struct id z, x, all[40], root;
	const char *dir = lab_fresh();
	size_t n;
	char *p;

	memset(tail + N - 9, 'x', 9);
	z = craft_blob(&lab.c, BLOB_DATA, zeros, N);
	x = craft_blob(&lab.c, BLOB_DATA, tail, N);
	for (size_t i = 0; i < 40; i++)
		all[i] = i % 8 == 3 ? x : z;
	craft_tree(&t);
	craft_file(&t, "hollow", all, 40, 40 * N);
	craft_file(&t, "one", &z, 1, N);
	root = craft_end(&lab.c, &t);
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .sparse = true, .verify = true}),
		0);
	CHECK_EQ(lab.counts.verified, 2);
	CHECK_EQ(files_stat(dir, "hollow").st_size, 40 * N);
	CHECK(files_stat(dir, "hollow").st_blocks * 512 < 2 * N);
	CHECK(files_stat(dir, "one").st_blocks * 512 < N / 2);
	p = files_read(dir, "hollow", &n);
	REQUIRE(p && n == 40 * N);
	for (size_t i = 0; i < 40; i++)
		CHECK(memcmp(p + i * N, i % 8 == 3 ? tail : zeros, N) == 0);
	mem_free(p);
	/* Where something lies already, zeros must be written. */
	p = mem_alloc(40 * (size_t)N);
	memset(p, 'q', 40 * (size_t)N);
	files_write(dir, "hollow", p, 40 * (size_t)N);
	mem_free(p);
	CHECK_EQ(lab_restore(&root,
			 (struct restore_options){.target = dir, .sparse = true, .verify = true}),
		0);
	CHECK_STR(lab_errors(), "");
	CHECK_EQ(lab.counts.verified, 1);
	mem_free(zeros);
	mem_free(tail);
}

LAB_TEST(a_large_file)
{
	enum { N = 2 << 20, BLOBS = 80 };
	struct craft_tree t;
	uint64_t *p = mem_alloc(N), x = 1;
	struct id part[4], all[BLOBS], root;
	const char *dir = lab_fresh();

	for (size_t k = 0; k < 4; k++) {
		for (size_t i = 0; i < N / 8; i++)
			p[i] = x = x * 6364136223846793005u + 1442695040888963407u;
		part[k] = craft_blob(&lab.c, BLOB_DATA, p, N);
	}
	for (size_t i = 0; i < BLOBS; i++)
		all[i] = part[i * i % 4];
	craft_tree(&t);
	craft_file(&t, "big", all, BLOBS, (uint64_t)BLOBS * N);
	lab_text_file(&t, "small", "small");
	root = craft_end(&lab.c, &t);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir, .verify = true}), 0);
	CHECK_STR(lab_errors(), "");
	CHECK_EQ(files_stat(dir, "big").st_size, (int64_t)BLOBS * N);
	CHECK_EQ(lab.counts.verified, 2);
	CHECK_EQ(lab.counts.bytes_restored, (uint64_t)BLOBS * N + 5);
	mem_free(p);
	lab_fresh();
}

/* Two files around one that is larger than a window: all of it a hole, so that it costs nothing. */
LAB_TEST(a_file_larger_than_a_window)
{
	enum { N = 8 << 20, BLOBS = RESTORE_WINDOW_BYTES / N + 3 };
	struct craft_tree t;
	uint8_t *zeros = mem_zalloc(N);
	struct id z = craft_blob(&lab.c, BLOB_DATA, zeros, N),
		  *all = mem_array(BLOBS, sizeof(*all)), root;
	const char *dir = lab_fresh();

	for (size_t i = 0; i < BLOBS; i++)
		all[i] = z;
	craft_tree(&t);
	lab_text_file(&t, "a", "before");
	craft_file(&t, "b", all, BLOBS, (uint64_t)BLOBS * N);
	lab_text_file(&t, "c", "behind");
	root = craft_end(&lab.c, &t);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir, .sparse = true}), 0);
	CHECK_STR(lab_errors(), "");
	CHECK(files_has(dir, "a", "before") && files_has(dir, "c", "behind"));
	CHECK_EQ(files_stat(dir, "b").st_size, (int64_t)BLOBS * N);
	CHECK_EQ(files_stat(dir, "b").st_blocks, 0);
	mem_free(all);
	mem_free(zeros);
}

LAB_TEST(dry_run)
{
	struct id root = lab_small_tree();
	const char *dir = lab_fresh();
	char *none = mem_printf("%s/none", dir);

	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = none, .dry_run = true}), 0);
	CHECK_EQ(lab.counts.files_restored, 6);
	CHECK_EQ(lab.counts.total_files, 6);
	CHECK_EQ(lab.counts.bytes_restored, 10);
	CHECK_EQ(files_count(dir), 0);
	/* It tells what a true run does, for each way to treat what is there. */
	for (int mode = RESTORE_ALWAYS; mode <= RESTORE_NEVER; mode++) {
		struct restore_counts dry;

		dir = lab_fresh();
		old_files(dir);
		files_text(dir, "d/e", "");
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir,
						    .dry_run = true,
						    .overwrite = (enum restore_overwrite)mode}),
			0);
		CHECK(files_has(dir, "f", "old f, and longer") &&
			files_has(dir, "d/link", "a file"));
		CHECK_EQ(files_stat(dir, "f").st_mtim.tv_sec, CRAFT_TIME - 1);
		dry = lab.counts;
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir,
						    .overwrite = (enum restore_overwrite)mode}),
			0);
		CHECK_MEM(&dry, &lab.counts, sizeof(lab.counts));
	}
	mem_free(none);
}

/* ---- what goes wrong ---- */

LAB_TEST(a_target_that_cannot_be_written)
{
	struct id root = lab_small_tree();
	const char *dir = lab_fresh();
	char *ro = mem_printf("%s/ro", dir), *file = mem_printf("%s/file/x", dir);
	int rc;

	if (geteuid() != 0)
		SKIP("needs root to be somebody else");
	files_mkdir(dir, "ro/d");
	files_text(dir, "file", "");
	REQUIRE(chmod(check_tmpdir(), 0711) == 0);
	/* ENOTDIR */
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = file}), ERR_NOTFOUND);
	REQUIRE(setegid(65534) == 0 && seteuid(65534) == 0);
	rc = lab_restore(&root, (struct restore_options){.target = ro});
	REQUIRE(seteuid(0) == 0 && setegid(0) == 0);
	CHECK_EQ(rc, 0);
	/* d exists, so only its entries fail; then f, fifo, each once. */
	CHECK_EQ(lab.counts.errors, 5);
	CHECK(strstr(lab_errors(), "/d/g: ") && strstr(lab_errors(), "/f: ") &&
		strstr(lab_errors(), "/fifo: ") && strstr(lab_errors(), "/d/link: "));
	/* d: that its owner cannot be set is no error for a user */
	CHECK_EQ(lab.counts.files_restored, 1);
	mem_free(file);
	mem_free(ro);
}

LAB_TEST(damaged_blobs)
{
	struct craft_tree t;
	struct id id[3], root;
	const char *dir = lab_fresh();
	struct catalog_place at;

	id[0] = craft_text(&lab.c, "damage: the first");
	id[1] = craft_text(&lab.c, "damage: the second");
	id[2] = craft_text(&lab.c, "damage: the third");
	craft_tree(&t);
	craft_file(&t, "a", id, 1, 17);
	craft_file(&t, "b", id, 3, 52);
	craft_file(&t, "c", id + 2, 1, 17);
	root = craft_end(&lab.c, &t);
	craft_save(&lab.c);
	craft_load(&lab.c);
	at = craft_place(&lab.c, BLOB_DATA, &id[0], 0);
	craft_spoil(&lab.c, &at.pack, at.blob.offset + 5);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK_EQ(lab.counts.errors, 2);
	CHECK(strstr(lab_errors(), "/a: blob ") && strstr(lab_errors(), "/b: blob "));
	CHECK(files_has(dir, "c", "damage: the third"));
	CHECK_EQ(lab.counts.files_restored, 1);
	/* A second copy in another pack. */
	craft_forget(&lab.c);
	craft_text(&lab.c, "something else, to have another pack");
	craft_text(&lab.c, "damage: the first");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK_STR(lab_errors(), "");
	CHECK(files_has(dir, "a", "damage: the first") &&
		files_has(dir, "b", "damage: the firstdamage: the seconddamage: the third"));
	/* Now the first pack is cut off, in the middle of the third blob: it alone is lost,
	 * although they are asked for together. */
	at = craft_place(&lab.c, BLOB_DATA, &id[2], 0);
	craft_cut(&lab.c, &at.pack, at.blob.offset + 9);
	dir = lab_fresh();
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK_EQ(lab.counts.errors, 2);
	CHECK(files_has(dir, "a", "damage: the first"));
	CHECK(strstr(lab_errors(), "/b: blob ") && strstr(lab_errors(), "/c: blob "));
	/* And is gone. */
	REQUIRE(backend_remove(lab.c.be, BACKEND_PACK, &at.pack, NULL) == 0);
	dir = lab_fresh();
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = dir}), 0);
	CHECK_EQ(lab.counts.errors, 2);
	CHECK(files_has(dir, "a", "damage: the first"));
}

/*
 * A restore that lost blobs, was stopped or killed leaves files of the right size.  One that keeps
 * existing files must not take them for the user's; nor are they newer than the snapshot.
 */
LAB_TEST(what_was_left_unfinished_is_not_kept)
{
	static const enum restore_overwrite modes[] = {RESTORE_NEVER, RESTORE_IF_NEWER,
		RESTORE_IF_CHANGED, RESTORE_ALWAYS};
	struct craft_tree t;
	struct id id[2], root;
	struct catalog_place at;
	char *dir[4];

	id[0] = craft_text(&lab.c, "unfinished: the first");
	id[1] = craft_text(&lab.c, "unfinished: the second");
	craft_tree(&t);
	craft_file(&t, "a", id, 1, 21);
	craft_file(&t, "b", id, 2, 43);
	craft_file(&t, "old", id, 2, 43);
	root = craft_end(&lab.c, &t);
	craft_save(&lab.c);
	craft_load(&lab.c);
	at = craft_place(&lab.c, BLOB_DATA, &id[0], 0);
	craft_spoil(&lab.c, &at.pack, at.blob.offset + 5);
	for (int i = 0; i < 4; i++) {
		char name[] = {'u', (char)('0' + i), 0};

		dir[i] = files_dir(name);
		files_text(dir[i], "old", "to be written over");
		REQUIRE(lab_restore(&root, (struct restore_options){.target = dir[i]}) == 0);
		CHECK_EQ(lab.counts.errors, 3);
	}
	craft_forget(&lab.c);
	craft_text(&lab.c, "something else, to have another pack");
	craft_text(&lab.c, "unfinished: the first");
	for (int i = 0; i < 4; i++) {
		REQUIRE(lab_restore(&root, (struct restore_options){.target = dir[i],
						   .overwrite = modes[i]}) == 0);
		CHECK_STR(lab_errors(), "");
		CHECK(files_has(dir[i], "a", "unfinished: the first"));
		CHECK(files_has(dir[i], "b", "unfinished: the firstunfinished: the second"));
		CHECK(files_has(dir[i], "old", "unfinished: the firstunfinished: the second"));
		CHECK_EQ(files_stat(dir[i], "a").st_mode & 07777, 0644);
		/* What is finished is the user's again. */
		files_text(dir[i], "a", "mine");
		REQUIRE(lab_restore(&root, (struct restore_options){.target = dir[i],
						   .overwrite = RESTORE_NEVER}) == 0);
		CHECK(files_has(dir[i], "a", "mine"));
		mem_free(dir[i]);
	}
}

/* ---- many files, few descriptors ---- */

static struct id many(int dirs, int files)
{
	struct craft_tree t, top;
	struct id parts[2], id;
	char name[32], text[64];

	parts[0] = craft_text(&lab.c, "head ");
	craft_tree(&top);
	for (int d = 0; d < dirs; d++) {
		craft_tree(&t);
		for (int f = 0; f < files; f++) {
			snprintf(name, sizeof(name), "%03d", f);
			snprintf(text, sizeof(text), "text of %d in %d", f, d % 50);
			parts[1] = craft_text(&lab.c, text);
			craft_file(&t, name, f % 3 ? parts + 1 : parts, f % 3 ? 1 : 2,
				strlen(text) + (f % 3 ? 0 : 5));
		}
		id = craft_end(&lab.c, &t);
		snprintf(name, sizeof(name), "%04d", d);
		craft_dir(&top, name, &id);
	}
	return craft_end(&lab.c, &top);
}

static struct rlimit limit_files(rlim_t n)
{
	struct rlimit old, new;

	REQUIRE(getrlimit(RLIMIT_NOFILE, &old) == 0);
	new = (struct rlimit){n, old.rlim_max};
	REQUIRE(setrlimit(RLIMIT_NOFILE, &new) == 0);
	return old;
}

TEST(few_descriptors)
{
	static const rlim_t limits[] = {1024, 100};
	static const int dirs[] = {1000, 150};
	char text[64], path[64];

	for (size_t k = 0; k < 2; k++) {
		struct id root = many(dirs[k], 10);
		const char *dir = lab_fresh();
		struct rlimit old = limit_files(limits[k]);

		CHECK_EQ(
			lab_restore(&root, (struct restore_options){.target = dir, .verify = true}),
			0);
		REQUIRE(setrlimit(RLIMIT_NOFILE, &old) == 0);
		CHECK_STR(lab_errors(), "");
		CHECK_EQ(lab.counts.files_restored, dirs[k] * 11);
		CHECK_EQ(lab.counts.verified, dirs[k] * 10);
		for (int d = 0; d < dirs[k]; d += 37) {
			for (int f = 0; f < 10; f++) {
				snprintf(path, sizeof(path), "%04d/%03d", d, f);
				snprintf(text, sizeof(text), "%stext of %d in %d",
					f % 3 ? "" : "head ", f, d % 50);
				CHECK(files_has(dir, path, text));
			}
		}
		CHECK_EQ(files_stat(dir, "0100").st_mtim.tv_sec, CRAFT_TIME);
	}
}

LAB_TEST_BY(deeper_than_descriptors, 2)
{
	struct craft_tree t;
	struct id id = craft_empty(&lab.c);
	const char *dir = lab_fresh();
	struct rlimit old;
	int fd;

	for (int i = 0; i < 1500; i++) {
		craft_tree(&t);
		craft_dir(&t, "d", &id);
		lab_text_file(&t, "f", i % 2 ? "odd" : "even");
		id = craft_end(&lab.c, &t);
	}
	old = limit_files(200);
	CHECK_EQ(lab_restore(&id, (struct restore_options){.target = dir}), 0);
	CHECK_STR(lab_errors(), "");
	CHECK_EQ(lab.counts.files_restored, 3000);
	CHECK_EQ(lab_restore(&id, (struct restore_options){.target = dir,
					  .delete = true,
					  .overwrite = RESTORE_NEVER}),
		0);
	CHECK_STR(lab_errors(), "");
	CHECK_EQ(lab.counts.files_deleted, 0);
	CHECK_EQ(lab.counts.files_skipped, 1500);
	REQUIRE(setrlimit(RLIMIT_NOFILE, &old) == 0);
	/* The path is too long for the kernel and for a simple removal. */
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	CHECK_EQ(dest_remove(fd, "d", &(struct dest_spare){.path = ""}, NULL), 0);
	close(fd);
}

/* ---- faults ---- */

/* Whatever the store does, a file is right or an error was said about it. */
LAB_TEST_BY(a_store_with_faults, 2)
{
	struct id root = many(20, 10);
	struct backend *mem = lab.c.be;
	char text[64], path[64], line[64];
	size_t wrong = 0, lost = 0;

	craft_save(&lab.c);
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct backend_fault_policy p = {.seed = seed,
			.get_fail = 60000,
			.get_short = 60000,
			.get_flip = 60000};
		const char *dir = lab_fresh();

		craft_load(&lab.c);
		lab.c.be = lab.c.repo->be = backend_fault_new(backend_share(mem), &p);
		/* Loading the index is not what is tried here. */
		lab.index = mem;
		CHECK_EQ(lab_run(&root,
				 &(struct restore_options){.target = dir, .verify = seed % 2}),
			0);
		for (int d = 0; d < 20; d++) {
			for (int f = 0; f < 10; f++) {
				bool right;

				snprintf(path, sizeof(path), "%04d/%03d", d, f);
				snprintf(line, sizeof(line), "/%04d", d);
				snprintf(text, sizeof(text), "%stext of %d in %d",
					f % 3 ? "" : "head ", f, d % 50);
				right = files_has(dir, path, text);
				lost += !right;
				wrong += !right && !strstr(lab_errors(), line) &&
					 !strstr(lab_errors(), "/: ");
			}
		}
		backend_free(lab.c.be);
		lab.c.be = lab.c.repo->be = mem;
		lab.index = NULL;
	}
	CHECK_EQ(wrong, 0);
	printf("    %zu of 1600 files were lost to faults and said to be\n", lost);
}

TEST(stopped_at_any_moment)
{
	struct id root = many(20, 8);
	size_t stopped = 0;

	for (uint64_t at = 1; at < 20; at += 2) {
		const char *dir = lab_fresh();

		files_text(dir, "mine", "");
		lab.stop_after = at;
		stopped += lab_restore(&root, (struct restore_options){.target = dir,
						      .delete = true,
						      .verify = at % 2}) == ERR_CANCELLED;
		/* Once all is restored it goes; what may be stopped then is verifying. */
		CHECK_EQ(files_there(dir, "mine"), lab.counts.files_deleted == 0);
		lab.stop = 0;
		lab.stop_after = 0;
	}
	CHECK(stopped > 0);
}
