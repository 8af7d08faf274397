/* What lies where something is to be restored, and whose it is. */
#include "base/mem.h"
#include "fs/dest.h"
#include "lib/files.h"
#include "lib/restoring.h"
#include "unit/check.h"
#include <fcntl.h>
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

static char *at(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", lab.target, name);
	return path;
}

static struct id one_file(const char *text, uint32_t mode, uint32_t uid)
{
	struct id id = craft_text(&lab.c, text);
	struct craft_tree t;
	struct node n = craft_node(NODE_FILE, "f");

	n.mode = mode;
	n.uid = uid;
	n.has_content = true;
	n.content = &id;
	n.n_content = 1;
	n.size = strlen(text);
	n.links = 1;
	craft_tree(&t);
	craft_put(&t, &n);
	return craft_end(&lab.c, &t);
}

/* Mode and owner of a file that lies there, with this content, since long ago. */
static void lay(const char *text, mode_t mode, uid_t uid)
{
	files_text(lab_fresh(), "f", text);
	REQUIRE(chown(at("f"), uid, (gid_t)-1) == 0 && chmod(at("f"), mode) == 0);
	files_mtime(lab.target, "f", CRAFT_TIME - 5);
}

/* Go's mode bits: setuid 1 << 23, setgid 1 << 22, sticky 1 << 20. */
#define STICKY (1u << 20)

/*
 * A file that was cut off has the mode 01600, whoever owns it by then; whatever its mode is to be.
 * Only one that is to have just that mode may be whole: then its content decides.
 */
LAB_TEST(unfinished_files)
{
	static const uint32_t perms[] = {0644, STICKY | 0777, STICKY | 0600, STICKY | 0644};
	static const mode_t wants[] = {0644, 01777, 01600, 01644};

	for (size_t p = 0; p < 4; p++) {
		struct id root = one_file("the content", perms[p], geteuid());

		for (size_t i = 0; i < 4; i++) {
			for (uid_t uid = geteuid(); uid <= (geteuid() ? geteuid() : 7); uid += 7) {
				lay("cut off....", DEST_UNFINISHED, uid);
				CHECK_EQ(lab_restore(&root,
						 (struct restore_options){.target = lab.target,
							 .overwrite = modes[i],
							 .verify = true}),
					0);
				CHECK_STR(lab_errors(), "");
				CHECK(files_has(lab.target, "f", "the content"));
				CHECK_EQ(files_stat(lab.target, "f").st_mode & 07777, wants[p]);
				CHECK_EQ(files_stat(lab.target, "f").st_uid, geteuid());
			}
		}
		/* Once whole, it is kept. */
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
						    .overwrite = RESTORE_NEVER}),
			0);
		CHECK_EQ(lab.counts.files_skipped, 1);
		/* Any other mode is the user's. */
		lay("my content", 01640, geteuid());
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
						    .overwrite = RESTORE_NEVER}),
			0);
		CHECK(files_has(lab.target, "f", "my content"));
	}
}

/* FIFOs are marked in the same way; symbolic links cannot be, and get their time if they lead to
 * the same place. */
LAB_TEST(unfinished_others)
{
	struct id root = lab_small_tree();

	for (size_t i = 0; i < 4; i++) {
		lab_fresh();
		files_mkdir(lab.target, "d");
		files_link(lab.target, "d/link", "g");
		REQUIRE(mkfifo(at("fifo"), 0600) == 0 && chmod(at("fifo"), DEST_UNFINISHED) == 0);
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
						    .overwrite = modes[i]}),
			0);
		CHECK_STR(lab_errors(), "");
		lab_check_small_tree(lab.target);
		CHECK_EQ(files_stat(lab.target, "fifo").st_mode & 07777, 0644);
		/* A link of the user's own is kept. */
		files_link(lab_fresh(), "d", "elsewhere");
		files_mkdir(lab_fresh(), "d");
		files_link(lab.target, "d/link", "elsewhere");
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
						    .overwrite = RESTORE_NEVER}),
			0);
		CHECK(files_stat(lab.target, "d/link").st_mtim.tv_sec > CRAFT_TIME + 1000);
	}
}

/* Somebody may have a file of somebody else's open, to read a secret or to write: a new one is
 * made. */
LAB_TEST(files_of_others_are_made_anew)
{
	struct id root = one_file("a secret", 0600, 0);
	char text[16] = "";
	ino_t before;
	int fd;

	if (geteuid() != 0)
		SKIP("needs root");
	for (int same = 0; same < 2; same++) {
		lay(same ? "a secret" : "no secret", 0666, 1234);
		before = files_stat(lab.target, "f").st_ino;
		fd = open(at("f"), O_RDWR);
		CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
						    .overwrite = RESTORE_ALWAYS,
						    .verify = true}),
			0);
		CHECK(files_has(lab.target, "f", "a secret"));
		CHECK(files_stat(lab.target, "f").st_uid == 0 &&
			(files_stat(lab.target, "f").st_mode & 07777) == 0600);
		CHECK(files_stat(lab.target, "f").st_ino != before);
		memset(text, 0, sizeof(text));
		CHECK(pread(fd, text, sizeof(text) - 1, 0) > 0);
		CHECK_STR(text, same ? "a secret" : "no secret");
		close(fd);
	}
	/* Its own owner's file is written over: so is what differs only in part. */
	root = one_file("of 1234", 0600, 1234);
	lay("of others", 0600, 1234);
	before = files_stat(lab.target, "f").st_ino;
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
					    .overwrite = RESTORE_ALWAYS}),
		0);
	CHECK(files_has(lab.target, "f", "of 1234"));
	CHECK_EQ(files_stat(lab.target, "f").st_ino, before);
	/* Size and time are not enough to give root's mode to another user's file. */
	root = one_file("12345678", 0755, 0);
	lay("evil1234", 0644, 1234);
	{
		struct timespec now[2] = {{CRAFT_TIME, 5}, {CRAFT_TIME, 5}};

		REQUIRE(utimensat(AT_FDCWD, at("f"), now, 0) == 0);
	}
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
					    .overwrite = RESTORE_IF_CHANGED}),
		0);
	CHECK(files_has(lab.target, "f", "12345678"));
}

/* A file, or a link, where the snapshot has a directory. */
LAB_TEST(a_file_where_a_directory_belongs)
{
	struct id root = lab_small_tree();

	for (int newer = 0; newer < 2; newer++) {
		for (size_t i = 0; i < 4; i++) {
			for (int dry = 1; dry >= 0; dry--) {
				bool kept = modes[i] == RESTORE_NEVER ||
					    (modes[i] == RESTORE_IF_NEWER && newer);

				files_text(lab_fresh(), "d", "mine");
				files_mtime(lab.target, "d",
					newer ? CRAFT_TIME + 1 : CRAFT_TIME - 1);
				CHECK_EQ(lab_restore(&root,
						 (struct restore_options){.target = lab.target,
							 .overwrite = modes[i],
							 .dry_run = dry}),
					0);
				CHECK_EQ(lab.counts.errors, kept);
				CHECK(!kept || strncmp(lab_errors(),
						       "/d: a file is here where the snapshot has "
						       "a directory",
						       53) == 0);
				CHECK_EQ(files_has(lab.target, "d", "mine"), kept || dry);
				CHECK(kept || dry || files_has(lab.target, "d/g", "new g"));
				CHECK(dry || files_has(lab.target, "f", "new f"));
			}
		}
	}
	files_link(lab_fresh(), "d", ".");
	CHECK_EQ(lab_restore(&root, (struct restore_options){.target = lab.target,
					    .overwrite = RESTORE_NEVER,
					    .delete = true}),
		0);
	CHECK_EQ(lab.counts.errors, 1);
	CHECK(S_ISLNK(files_stat(lab.target, "d").st_mode) && !files_there(lab.target, "g"));
}
