/* Names of one file: which nodes are that, and what an earlier restore has left of them. */
#include "base/mem.h"
#include "lib/files.h"
#include "lib/restoring.h"
#include "unit/check.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const enum restore_overwrite modes[] = {RESTORE_NEVER, RESTORE_IF_NEWER, RESTORE_IF_CHANGED,
	RESTORE_ALWAYS};

void check_setup(void)
{
	lab_init();
}

void check_teardown(void)
{
	lab_release();
}

static struct node name_of(const char *name, const struct id *id, uint64_t links)
{
	struct node n = craft_node(NODE_FILE, name);

	n.links = links;
	n.inode = 77;
	n.device_id = 1;
	n.has_content = true;
	n.content = id;
	n.n_content = 1;
	n.size = 5;
	return n;
}

static ino_t inode(const char *name)
{
	return files_stat(lab.target, name).st_ino;
}

/* One inode number, given to one file after the other while the backup ran. */
LAB_TEST(names_that_do_not_agree_are_files_of_their_own)
{
	struct id alice = craft_text(&lab.c, "alice"), bob = craft_text(&lab.c, "bobby"), root;
	struct craft_tree t;
	struct node n;

	craft_tree(&t);
	for (int i = 0; i < 8; i++) {
		char name[2] = {(char)('a' + i), 0};

		n = name_of(name, i == 2 || i == 3 ? &bob : &alice, 2);
		n.mtime.sec += i == 4;
		n.mtime.nsec += i == 5;
		n.uid += i == 6;
		n.gid += i == 7;
		craft_put(&t, &n);
	}
	root = craft_end(&lab.c, &t);
	for (size_t m = 0; m < 4; m++) {
		lab_fresh();
		for (int round = 0; round < 2; round++) {
			CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
							    .overwrite = modes[m],
							    .verify = true}),
				0);
			CHECK_STR(lab_errors(), "");
			CHECK_EQ(lab.counts.verified, round ? 0 : 6);
			CHECK(inode("a") == inode("b") && inode("c") == inode("d"));
			CHECK(files_has(lab.target, "b", "alice") &&
				files_has(lab.target, "d", "bobby"));
			for (int i = 4; i < 8; i++) {
				char name[2] = {(char)('a' + i), 0};

				CHECK_EQ(files_stat(lab.target, name).st_nlink, 1);
				CHECK(files_has(lab.target, name, "alice"));
			}
			CHECK_EQ(files_stat(lab.target, "e").st_mtim.tv_sec, CRAFT_TIME + 1);
			CHECK(geteuid() != 0 || files_stat(lab.target, "g").st_uid == 1);
		}
	}
}

static struct id three_names(void)
{
	struct id id = craft_text(&lab.c, "three");
	struct craft_tree t;
	struct node n;

	craft_tree(&t);
	for (int i = 0; i < 3; i++) {
		char name[2] = {(char)('a' + i), 0};

		n = name_of(name, &id, 3);
		craft_put(&t, &n);
	}
	return craft_end(&lab.c, &t);
}

/* A restore that was killed between the names: the next one links the others to those that it left,
 * which are kept. */
LAB_TEST(half_of_the_links)
{
	struct id root = three_names();
	char path[4096];

	for (size_t m = 0; m < 4; m++) {
		for (int gone = 1; gone < 7; gone++) { /* which of the names are missing */
			lab_fresh();
			CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target}),
				0);
			for (int i = 0; i < 3; i++) {
				snprintf(path, sizeof(path), "%s/%c", lab.target, 'a' + i);
				REQUIRE(!(gone & 1 << i) || unlink(path) == 0);
			}
			CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
							    .overwrite = modes[m]}),
				0);
			CHECK_STR(lab_errors(), "");
			CHECK(files_has(lab.target, "a", "three") &&
				files_has(lab.target, "b", "three"));
			/* Whichever of them were made before the others. */
			CHECK_EQ(files_stat(lab.target, "a").st_nlink, 3);
			CHECK(inode("a") == inode("b") && inode("a") == inode("c"));
			CHECK_EQ(files_stat(lab.target, "c").st_mtim.tv_sec, CRAFT_TIME);
		}
	}
}

/* What is kept and has become something else is no name of it. */
LAB_TEST(links_to_what_the_user_changed)
{
	struct id root = three_names();
	struct timespec same[2] = {{CRAFT_TIME, 5}, {CRAFT_TIME, 5}};
	char *a;

	for (int way = 0; way < 3; way++) {
		a = mem_printf("%s/a", lab_fresh());
		files_text(lab.target, "a", way == 0 ? "mine!" : "three");
		if (way == 0) /* with the right size, mode and time */
			REQUIRE(chmod(a, 0644) == 0 && utimensat(0, a, same, 0) == 0);
		if (way == 1)
			REQUIRE(chmod(a, 0600) == 0 && utimensat(0, a, same, 0) == 0);
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
						    .overwrite = RESTORE_NEVER}),
			0);
		CHECK_STR(lab_errors(), "");
		CHECK(files_has(lab.target, "a", way ? "three" : "mine!") &&
			files_has(lab.target, "b", "three"));
		CHECK_EQ(files_stat(lab.target, "a").st_nlink, 1);
		CHECK(inode("b") == inode("c"));
		mem_free(a);
	}
}

/* Names outside the group are not written through, nor given its mode. */
LAB_TEST(a_group_with_a_name_elsewhere)
{
	struct id root = three_names();
	char *a = mem_printf("%s/a", lab_fresh()), *out = mem_printf("%s/out", lab.target);

	files_text(lab.target, "a", "three");
	for (int i = 0; i < 3; i++) {
		char *more = mem_printf("%s%d", out, i);

		REQUIRE(link(a, more) == 0);
		mem_free(more);
	}
	REQUIRE(chmod(a, 0600) == 0);
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target}), 0);
	CHECK_EQ(files_stat(lab.target, "out0").st_mode & 07777, 0600);
	CHECK_EQ(files_stat(lab.target, "a").st_mode & 07777, 0644);
	CHECK_EQ(files_stat(lab.target, "a").st_nlink, 3);
	mem_free(a);
	mem_free(out);
}
