#include "cmd/allas_password.h"
#include "base/mem.h"
#include "lib/files.h"
#include "unit/check.h"
#include <string.h>
#include <sys/stat.h>

TEST(a_new_file_for_the_owner_only)
{
	char *dir = files_dir("home"), *path = mem_printf("%s/.backup_passwd_1", dir), *text;
	struct err e = {0};
	struct stat st;
	struct buf one, two;
	mode_t was = umask(0);
	size_t n;

	REQUIRE(!allas_password_new(path, rnd_real(), &one, &e));
	umask(was);
	text = files_read(dir, ".backup_passwd_1", &n);
	REQUIRE(text && n == one.len + 1 && text[n - 1] == '\n');
	CHECK(!memcmp(text, one.p, one.len));
	CHECK_EQ(one.len, 44);
	REQUIRE(!stat(path, &st));
	CHECK_EQ(st.st_mode & 07777, 0600);

	/* Never over an existing one. */
	CHECK_EQ(allas_password_new(path, rnd_real(), &two, &e), ERR_EXISTS);
	CHECK(strstr(e.msg, ".backup_passwd_1") != NULL);
	buf_wipe(&two);
	mem_free(text);
	text = files_read(dir, ".backup_passwd_1", &n);
	CHECK(!memcmp(text, one.p, one.len));
	mem_free(path);
	path = mem_printf("%s/.backup_passwd_2", dir);
	REQUIRE(!allas_password_new(path, rnd_real(), &two, &e));
	CHECK(memcmp(one.p, two.p, one.len) != 0);
	buf_wipe(&one);
	buf_wipe(&two);
	mem_free(text);
	mem_free(path);
	mem_free(dir);
}

TEST(a_directory_that_does_not_exist)
{
	struct err e = {0};
	struct buf b;

	CHECK_EQ(allas_password_new("/nowhere/at/all", rnd_real(), &b, &e), ERR_NOTFOUND);
	CHECK(strstr(e.msg, "/nowhere/at/all") != NULL);
	buf_wipe(&b);
}

/* At any moment the file is whole: it is another one afterwards. */
TEST(replaced)
{
	char *dir = files_dir("home"), *path = mem_printf("%s/.backup_passwd_3", dir), *text;
	struct err e = {0};
	struct stat before, after;
	struct buf one, two;
	bool done = false;
	size_t n;

	allas_password_draw(rnd_real(), &one);
	allas_password_draw(rnd_real(), &two);
	CHECK_EQ(one.len, 44);
	CHECK(memcmp(one.p, two.p, one.len) != 0);
	REQUIRE(!allas_password_replace(path, &one, &done, &e)); /* there was none */
	CHECK(done);
	REQUIRE(!chmod(path, 0644) && !stat(path, &before));
	REQUIRE(!allas_password_replace(path, &two, &done, &e));
	REQUIRE(done && !stat(path, &after));
	CHECK(before.st_ino != after.st_ino);
	CHECK_EQ(after.st_mode & 07777, 0600);
	text = files_read(dir, ".backup_passwd_3", &n);
	CHECK(text && n == two.len + 1 && !memcmp(text, two.p, two.len) && text[n - 1] == '\n');
	mem_free(text);

	mem_free(path);
	path = mem_printf("%s/none/x", dir);
	CHECK_EQ(allas_password_replace(path, &one, &done, &e), ERR_NOTFOUND);
	CHECK(!done && strstr(e.msg, "none/x") != NULL);
	buf_wipe(&one);
	buf_wipe(&two);
	mem_free(path);
	mem_free(dir);
}
