/* --delete: what goes, and what must not. */
#include "base/mem.h"
#include "engine/restore_spare.h"
#include "fs/match.h"
#include "lib/files.h"
#include "lib/restoring.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path_of(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", lab.target, name);
	return path;
}

static void lay_text(const char *path, const char *text)
{
	char *dir = mem_strdup(path), *slash = strrchr(dir, '/');

	if (slash) {
		*slash = 0;
		files_mkdir(lab.target, dir);
	}
	files_text(lab.target, path, text);
	mem_free(dir);
}

static void lay(const char *path)
{
	lay_text(path, "");
}

void check_setup(void)
{
	lab_init();
}

void check_teardown(void)
{
	lab_release();
}

static struct match *pattern(const char *p)
{
	struct match *m = match_new(false);

	REQUIRE(match_add(m, p, NULL) == 0);
	return m;
}

/* One that means something in this snapshot, and others. */
static struct restore_options including(struct match **m, const char *a, const char *b)
{
	static const struct match *list[1];

	*m = pattern(a);
	if (b)
		REQUIRE(match_add(*m, b, NULL) == 0);
	list[0] = *m;
	return (struct restore_options){.target = lab.target,
		.delete = true,
		.include = list,
		.n_include = 1};
}

static void targets_files(void)
{
	lab_fresh();
	lay("d/mine");
	lay("thesis/ch1");
	lay("other");
	lay("d/deep/x.o");
}

LAB_TEST(a_pattern_that_matches_nothing_deletes_nothing)
{
	struct id root = lab_small_tree();
	struct match *m;

	targets_files();
	CHECK_EQ(lab_restore(&root, including(&m, "/thesis", NULL)), 0);
	CHECK_EQ(lab.counts.errors, 1);
	CHECK_STR(lab_errors(), "/thesis: the pattern matches nothing in the snapshot: nothing is "
				"deleted for it\n");
	CHECK(files_there(lab.target, "thesis/ch1") && files_there(lab.target, "other") &&
		files_there(lab.target, "d/mine"));
	CHECK_EQ(lab.counts.files_deleted, 0);
	match_free(m);
	/* Beside one that does match, in the same directory. */
	CHECK_EQ(lab_restore(&root, including(&m, "/thesis", "/f")), 0);
	CHECK_EQ(lab.counts.errors, 1);
	CHECK(files_has(lab.target, "f", "new f") && files_there(lab.target, "thesis/ch1"));
	match_free(m);
	/* What only takes away need not match. */
	CHECK_EQ(lab_restore(&root, including(&m, "/f", "!/nothing")), 0);
	CHECK_EQ(lab.counts.errors, 0);
	match_free(m);
}

/* As restic: in directories that are selected, or below which something was restored; and there
 * what the patterns select. */
LAB_TEST(only_in_directories_that_are_restored)
{
	struct id root = lab_small_tree();
	struct match *m;

	targets_files();
	lay("d/e.o");
	lay("x.o");
	CHECK_EQ(lab_restore(&root, including(&m, "/d/g", "*.o")), 0);
	CHECK_EQ(lab.counts.errors, 1); /* *.o */
	CHECK(files_there(lab.target, "x.o") && files_there(lab.target, "d/e.o") &&
		files_there(lab.target, "d/mine"));
	match_free(m);
	CHECK_EQ(lab_restore(&root, including(&m, "/d/g", "/d/*")), 0);
	CHECK_STR(lab_errors(), "");
	CHECK(files_there(lab.target, "other") && files_there(lab.target, "thesis/ch1") &&
		files_there(lab.target, "x.o"));
	CHECK(!files_there(lab.target, "d/mine") && !files_there(lab.target, "d/deep") &&
		files_has(lab.target, "d/g", "new g"));
	match_free(m);
}

LAB_TEST(what_is_excluded_stays_below_what_is_deleted)
{
	struct id root = lab_small_tree();
	struct match *m = pattern("*.keep");
	const struct match *list[1] = {m};

	REQUIRE(match_add(m, "/new/sub", NULL) == 0);
	for (int dry = 1; dry >= 0; dry--) {
		lab_fresh();
		lay("new/sub/a");
		lay("new/other/b");
		lay("new/deep/er/c.keep");
		lay("d/b.keep");
		lay("gone/x");
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
						    .delete = true,
						    .exclude = list,
						    .n_exclude = 1,
						    .dry_run = dry}),
			0);
		CHECK_STR(lab_errors(), "");
		CHECK(files_there(lab.target, "new/sub/a") &&
			files_there(lab.target, "new/deep/er/c.keep"));
		CHECK(files_there(lab.target, "d/b.keep"));
		CHECK_EQ(files_there(lab.target, "new/other"), dry);
		CHECK_EQ(files_there(lab.target, "gone"), dry);
	}
	CHECK_EQ(lab.counts.files_deleted, 1);
	/* Nor is it removed to make room: then that is an error. */
	lab_fresh();
	lay("f/c.keep");
	lay("fifo/c.keep");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
					    .delete = true,
					    .exclude = list,
					    .n_exclude = 1}),
		0);
	CHECK_EQ(lab.counts.errors, 2);
	CHECK(files_there(lab.target, "f/c.keep") && files_there(lab.target, "fifo/c.keep"));
	match_free(m);
}

static void repository_at(const char *name)
{
	lay_text(name, "key");
}

/* Its packs may lie elsewhere, behind a link, and config be one: they stay, and nothing is written
 * over them. */
LAB_TEST(the_repository_in_parts)
{
	struct id root = lab_small_tree();
	struct restore_options o = {.delete = true, .overwrite = RESTORE_ALWAYS};

	lab_fresh();
	lay_text("r/keys/k", "key");
	lay_text("extra/data/ab/pack", "pack");
	lay_text("d/g", "pack");
	lay_text("mine", "config");
	files_link(lab.target, "r/data", "../extra/data");
	files_link(lab.target, "r/index", "../d");
	files_link(lab.target, "r/config", "../mine");
	o.target = lab.target;
	o.repository = path_of("r");
	CHECK_EQ(lab_restore(&root, o), 0);
	CHECK(files_has(lab.target, "extra/data/ab/pack", "pack"));
	CHECK(files_has(lab.target, "d/g", "pack"));
	CHECK(files_has(lab.target, "mine", "config"));
	CHECK(files_has(lab.target, "f", "new f"));
	CHECK_EQ(lab.counts.errors, 1);
	CHECK(strstr(lab_errors(), "/d: the repository that is read from is here"));
}

/* The repository that is read from: in the target, in a directory of the snapshot, above the
 * target. */
LAB_TEST(the_repository_stays)
{
	static const char *const places[] = {"r/config", "d/r/config", "d/config",
		"gone/deep/r/config", "f/config", "f/sub/config"};
	static const char *const repositories[] = {"r", "d/r", "d", "gone/deep/r", "f", "f/sub"};
	struct id root = lab_small_tree();
	struct restore_options o;
	char *deep;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		bool in_the_way = strncmp(places[i], "f/", 2) == 0;

		lab_fresh();
		repository_at(places[i]);
		lay("extra/x");
		o = (struct restore_options){.target = lab.target,
			.delete = true,
			.repository = path_of(repositories[i])};
		CHECK_EQ(lab_restore(&root, o), 0);
		CHECK(files_has(lab.target, places[i], "key"));
		CHECK(!files_there(lab.target, "extra"));
		/* In its own directory nothing is restored either. */
		CHECK_EQ(lab.counts.errors, in_the_way || !strcmp(repositories[i], "d"));
		CHECK(in_the_way || lab_warned("the repository is here"));
	}
	/* The target is the repository, or in it. */
	for (int i = 0; i < 2; i++) {
		lab_fresh();
		repository_at("in/config");
		deep = mem_strdup(path_of(i ? "in/here" : "in"));
		lay("in/here/x");
		o = (struct restore_options){.target = deep,
			.delete = true,
			.repository = path_of("in/")};
		CHECK_EQ(lab_restore(&root, o), 0);
		CHECK(files_has(lab.target, "in/config", "key") &&
			files_there(lab.target, "in/here/x"));
		CHECK_EQ(lab.counts.files_deleted, 0);
		mem_free(deep);
	}
	/* By way of a link. */
	lab_fresh();
	repository_at("store/r/config");
	files_link(lab.target, "link", "store");
	o = (struct restore_options){.target = lab.target,
		.delete = true,
		.repository = path_of("link/r")};
	CHECK_EQ(lab_restore(&root, o), 0);
	CHECK(files_has(lab.target, "store/r/config", "key") && !files_there(lab.target, "link"));
}

/* The target itself is compared with the root, not its name.  Excludes nothing would be left of. */
LAB_TEST(the_root)
{
	static const char *const names[] = {"/", "//", "/./", "/usr/..", NULL};
	struct id root = lab_small_tree();
	char *link = mem_printf("%s/link", lab_fresh());

	REQUIRE(symlink("/", link) == 0);
	for (size_t i = 0; i < 5; i++)
		CHECK_EQ(lab_restore(&root,
				 (struct restore_options){.target = names[i] ? names[i] : link,
					 .delete = true,
					 .dry_run = true}),
			ERR_USAGE);
	mem_free(link);
}

static void as(uid_t uid)
{
	REQUIRE(setegid(uid) == 0 && seteuid(uid) == 0);
}

/* A user's directories that their own modes shut: what is superfluous in them goes, and the modes
 * come back. */
LAB_TEST(directories_that_are_shut)
{
	static const uint32_t modes[] = {0311, 0000, 0555};
	static const char *const names[] = {"a", "b", "c"};
	struct id d, root, text = craft_text(&lab.c, "text");
	struct craft_tree t;
	char extra[16];

	if (geteuid() != 0)
		SKIP("needs root to be somebody else");
	REQUIRE(chmod(check_tmpdir(), 0711) == 0);
	craft_tree(&t);
	craft_file(&t, "f", &text, 1, 4);
	d = craft_end(&lab.c, &t);
	craft_tree(&t);
	for (size_t i = 0; i < 3; i++) {
		struct node n = craft_node(NODE_DIR, names[i]);

		n.mode = modes[i] | 1u << 31;
		n.uid = n.gid = 65534;
		n.has_subtree = true;
		n.subtree = d;
		craft_put(&t, &n);
	}
	root = craft_end(&lab.c, &t);
	lab_fresh();
	REQUIRE(chown(lab.target, 65534, 65534) == 0);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 3; i++) {
			snprintf(extra, sizeof(extra), "%s/extra", names[i]);
			lay(extra);
			REQUIRE(chown(path_of(extra), 65534, 65534) == 0 &&
				chown(path_of(names[i]), 65534, 65534) == 0);
		}
		as(65534);
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
						    .delete = true,
						    .verify = round == 0}),
			0);
		as(0);
		CHECK_STR(lab_errors(), "");
		CHECK_EQ(lab.counts.files_deleted, 3);
		for (size_t i = 0; i < 3; i++) {
			snprintf(extra, sizeof(extra), "%s/extra", names[i]);
			CHECK(!files_there(lab.target, extra));
			CHECK_EQ(files_stat(lab.target, names[i]).st_mode & 07777, modes[i]);
			CHECK_EQ(files_stat(lab.target, names[i]).st_mtim.tv_sec, CRAFT_TIME);
		}
	}
}

/* What cannot be looked into is not empty. */
LAB_TEST(directories_that_cannot_be_opened)
{
	struct id root = lab_small_tree();

	if (geteuid() != 0)
		SKIP("needs root to be somebody else");
	REQUIRE(chmod(check_tmpdir(), 0711) == 0);
	lab_fresh();
	lay("d/extra");
	REQUIRE(chown(lab.target, 65534, 65534) == 0 && chmod(path_of("d"), 0711) == 0);
	as(65534);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target, .delete = true}),
		0);
	as(0);
	CHECK(lab.counts.errors > 0 &&
		strstr(lab_errors(), "/d: open directory: Permission denied"));
	CHECK(files_there(lab.target, "d/extra"));
}

static void spoil_both(void)
{
	files_text(lab.target, "f", "new F");
	REQUIRE(unlink(path_of("d/g")) == 0);
}

/* A deletion may hit what was just restored, by another name of it: what verifies looks afterwards.
 */
LAB_TEST(verify_comes_after_the_deletion)
{
	struct id root = lab_small_tree();

	lab_fresh();
	lay("mine");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
					    .delete = true,
					    .verify = true,
					    .verbose_items = true}),
		0);
	CHECK_STR(lab_errors(), "");
	CHECK_EQ(lab.counts.verified, 3);
	lab_fresh();
	lay("mine");
	lab.deleted = spoil_both;
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
					    .delete = true,
					    .verify = true,
					    .verbose_items = true}),
		0);
	lab.deleted = NULL;
	CHECK_EQ(lab.counts.files_deleted, 1);
	CHECK_EQ(lab.counts.errors, 2);
	CHECK(strstr(lab_errors(),
		"/f: verify: the file's content at offset 0 is not what was restored"));
	CHECK(strstr(lab_errors(), "/d/g: "));
	CHECK_EQ(lab.counts.verified, 1);
}

/* What was there and right already was compared, and is not read again; a directory's metadata is
 * as it was. */
LAB_TEST(verify_reads_what_was_written)
{
	struct id root = lab_small_tree();

	lab_fresh();
	lay_text("f", "new f");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target, .verify = true}),
		0);
	CHECK_STR(lab_errors(), "");
	CHECK_EQ(lab.counts.verified, 2);
	CHECK_EQ(files_stat(lab.target, "d").st_mtim.tv_sec, CRAFT_TIME);
	lab_check_small_tree(lab.target);
}
