#include "fs/xattr.h"
#include "base/mem.h"
#include "fs/dest.h"
#include "unit/check.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int base_fd(void)
{
	int fd = open(check_tmpdir(), O_RDONLY | O_DIRECTORY);

	REQUIRE(fd >= 0);
	return fd;
}

static int touch(int base, const char *name)
{
	int fd = openat(base, name, O_RDWR | O_CREAT | O_EXCL, 0640);

	REQUIRE(fd >= 0);
	return fd;
}

static bool supported(void)
{
	int base = base_fd(), fd = openat(base, ".probe", O_RDWR | O_CREAT, 0600);
	bool ok = fsetxattr(fd, "user.probe", "", 0, 0) == 0;

	close(fd);
	close(base);
	return ok;
}

static const struct xattr *find(const struct xattr_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->x[i].name, name) == 0)
			return &l->x[i];
	return NULL;
}

static void check_value(const struct xattr_list *l, const char *name, const void *v, size_t n)
{
	const struct xattr *x = find(l, name);

	if (CHECK(x != NULL) && CHECK_EQ(x->n, n) && CHECK(!x->vanished) && n)
		CHECK_MEM(x->value, v, n);
}

static const char *path_of(const char *name)
{
	static char path[5000];

	snprintf(path, sizeof(path), "%s/%s", check_tmpdir(), name);
	return path;
}

/* u::rw-, u:1234:r--, g::r--, m::r--, o::--- as the kernel stores it; setfacl -m u:1234:r makes the
 * same. */
static const unsigned char acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xd2, 4,
	0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255,
	255, 255, 255};

TEST(none)
{
	int base = base_fd(), fd = touch(base, "plain");
	struct xattr_list l;
	struct err warn = {.code = 1}, err = {0};

	CHECK_EQ(xattr_read(base, "plain", NULL, &l, &warn, &err), 0);
	CHECK(l.n == 0 && l.x == NULL && warn.code == 0);
	CHECK_EQ(xattr_read_fd(fd, &l, &warn, &err), 0);
	CHECK_EQ(l.n, 0);
	CHECK_EQ(xattr_read(base, "none", NULL, &l, &warn, &err), ERR_NOTFOUND);
	CHECK_EQ(xattr_read(base, "none", path_of("none"), &l, &warn, &err), ERR_NOTFOUND);
	CHECK(xattr_read_fd(-1, &l, NULL, &err) < 0);
	/* a file system without any */
	CHECK_EQ(xattr_read(AT_FDCWD, "/proc/self/status", NULL, &l, &warn, &err), 0);
	CHECK_EQ(l.n, 0);
	xattr_list_release(&l);
	xattr_list_release(NULL);
	close(fd);
	close(base);
}

TEST(read_all_ways)
{
	int base = base_fd(), fd, pin;
	char big[3000];
	struct err warn, err = {0};

	if (!supported()) {
		close(base);
		SKIP("no user attributes here");
	}
	fd = touch(base, "f");
	memset(big, 'v', sizeof(big));
	REQUIRE(fsetxattr(fd, "user.b", "1\0002", 3, 0) == 0 &&
		fsetxattr(fd, "user.a", "", 0, 0) == 0);
	REQUIRE(fsetxattr(fd, "user.big", big, 2500, 0) == 0);
	pin = openat(base, "f", O_PATH | O_NOFOLLOW);
	for (int way = 0; way < 6; way++) {
		struct xattr_list l;
		char names[200];
		ssize_t n = flistxattr(fd, names, sizeof(names));
		const char *s = names;
		int rc;

		if (way == 0)
			rc = xattr_read(base, "f", path_of("f"), &l, &warn, &err);
		else if (way == 1)
			rc = xattr_read(base, "f", NULL, &l, &warn, &err);
		else if (way == 2)
			rc = xattr_read_fd(fd, &l, &warn, &err);
		else if (way == 3)
			rc = xattr_read(fd, NULL, "/nonexistent", &l, NULL, &err);
		else if (way == 4)
			rc = xattr_read_fd(pin, &l, &warn, &err);
		else
			rc = xattr_read(AT_FDCWD, path_of("f"), NULL, &l, &warn, &err);
		CHECK_EQ(rc, 0);
		if (!CHECK_EQ(l.n, 3))
			continue;
		/* The kernel's order, which the snapshot keeps. */
		for (size_t i = 0; i < l.n && s < names + n; i++, s += strlen(s) + 1)
			CHECK_STR(l.x[i].name, s);
		check_value(&l, "user.a", NULL, 0);
		check_value(&l, "user.b", "1\0002", 3);
		check_value(&l, "user.big", big, 2500);
		xattr_list_release(&l);
		CHECK(l.n == 0 && l.x == NULL);
	}
	close(pin);
	close(fd);
	close(base);
}

TEST(many_names)
{
	int base = base_fd(), fd;
	struct xattr_list l;
	struct err warn, err = {0};

	if (!supported()) {
		close(base);
		SKIP("no user attributes here");
	}
	fd = touch(base, "many");
	for (int i = 0; i < 30; i++) {
		char name[64];

		snprintf(name, sizeof(name), "user.%050d", i);
		REQUIRE(fsetxattr(fd, name, &i, sizeof(i), 0) == 0); /* 1680 bytes of names */
	}
	CHECK_EQ(xattr_read(base, "many", path_of("many"), &l, &warn, &err), 0);
	CHECK_EQ(l.n, 30);
	for (int i = 0; i < 30; i++) {
		char name[64];

		snprintf(name, sizeof(name), "user.%050d", i);
		check_value(&l, name, &i, sizeof(i));
	}
	/* And from one file to another. */
	close(touch(base, "copy"));
	CHECK_EQ(xattr_write(base, "copy", &l, NULL, NULL, NULL, &err), 0);
	xattr_list_release(&l);
	CHECK_EQ(xattr_read(base, "copy", NULL, &l, &warn, &err), 0);
	CHECK_EQ(l.n, 30);
	xattr_list_release(&l);
	close(fd);
	close(base);
}

/* A link in the last place is looked at itself, whatever way leads to it. */
TEST(links)
{
	int base = base_fd(), fd, pin;
	struct xattr_list l, set = {0};
	struct xattr one = {.name = (char *)(uintptr_t) "trusted.t",
		.value = (uint8_t *)(uintptr_t) "v",
		.n = 1};
	struct err warn, err = {0};

	if (geteuid() != 0 || !supported()) {
		close(base);
		SKIP("needs root");
	}
	fd = touch(base, "target");
	REQUIRE(fsetxattr(fd, "user.target", "x", 1, 0) == 0);
	REQUIRE(symlinkat("target", base, "link") == 0);
	pin = openat(base, "link", O_PATH | O_NOFOLLOW);
	for (int way = 0; way < 3; way++) {
		CHECK_EQ(way == 2 ? xattr_read_fd(pin, &l, &warn, &err)
				  : xattr_read(base, "link", way ? path_of("link") : NULL, &l,
					    &warn, &err),
			0);
		CHECK_EQ(l.n, 0);
		xattr_list_release(&l);
	}
	set = (struct xattr_list){.x = &one, .n = 1};
	CHECK_EQ(xattr_write(base, "link", &set, NULL, NULL, NULL, &err), 0);
	CHECK(fgetxattr(fd, "trusted.t", NULL, 0) < 0 &&
		fgetxattr(fd, "user.target", NULL, 0) == 1);
	for (int way = 0; way < 3; way++) {
		CHECK_EQ(way == 2 ? xattr_read_fd(pin, &l, &warn, &err)
				  : xattr_read(base, "link", way ? path_of("link") : NULL, &l,
					    &warn, &err),
			0);
		check_value(&l, "trusted.t", "v", 1);
		xattr_list_release(&l);
	}
	REQUIRE(fsetxattr(fd, "trusted.t", "mine", 4, 0) == 0);
	for (int way = 0; way < 2; way++) {
		CHECK_EQ(xattr_write(base, "link", &set, NULL, NULL, NULL, &err), 0);
		CHECK_EQ(way ? xattr_write(pin, NULL, NULL, NULL, NULL, NULL, &err)
			     : xattr_write(base, "link", NULL, NULL, NULL, NULL, &err),
			0);
		CHECK_EQ(xattr_read(base, "link", NULL, &l, &warn, &err), 0);
		CHECK_EQ(l.n, 0);
		CHECK(fgetxattr(fd, "user.target", NULL, 0) == 1 &&
			fgetxattr(fd, "trusted.t", NULL, 0) == 4);
		xattr_list_release(&l);
	}
	close(pin);
	close(fd);
	close(base);
}

static bool may_b(void *arg, const char *name)
{
	++*(int *)arg;
	return strcmp(name, "user.b") == 0;
}

TEST(write_makes_it_so)
{
	int base = base_fd(), fd, asked = 0;
	struct xattr x[3] = {{.name = (char *)(uintptr_t) "user.a",
				     .value = (uint8_t *)(uintptr_t) "new",
				     .n = 3},
		{.name = (char *)(uintptr_t) "user.b",
			.value = (uint8_t *)(uintptr_t) "b\0b",
			.n = 3},
		{.name = (char *)(uintptr_t) "user.e", .value = NULL, .n = 0}};
	struct xattr_list l, want = {.x = x, .n = 3};
	struct err warn, err = {0};

	if (!supported()) {
		close(base);
		SKIP("no user attributes here");
	}
	for (int way = 0; way < 2; way++) {
		fd = touch(base, way ? "w1" : "w0");
		REQUIRE(fsetxattr(fd, "user.a", "longer than before", 18, 0) == 0 &&
			fsetxattr(fd, "user.old", "x", 1, 0) == 0);
		CHECK_EQ(way ? xattr_write(fd, NULL, &want, NULL, NULL, NULL, &err)
			     : xattr_write(base, "w0", &want, NULL, NULL, NULL, &err),
			0);
		CHECK_EQ(xattr_read_fd(fd, &l, &warn, &err), 0);
		CHECK_EQ(l.n, 3);
		check_value(&l, "user.a", "new", 3);
		check_value(&l, "user.b", "b\0b", 3);
		check_value(&l, "user.e", NULL, 0);
		xattr_list_release(&l);
		close(fd);
	}
	/* The filter guards setting and removing. */
	fd = touch(base, "filtered");
	REQUIRE(fsetxattr(fd, "user.old", "x", 1, 0) == 0 &&
		fsetxattr(fd, "user.a", "was", 3, 0) == 0);
	CHECK_EQ(xattr_write(base, "filtered", &want, may_b, &asked, NULL, &err), 0);
	CHECK_EQ(xattr_read_fd(fd, &l, &warn, &err), 0);
	CHECK_EQ(l.n, 3);
	check_value(&l, "user.old", "x", 1);
	check_value(&l, "user.a", "was", 3);
	check_value(&l, "user.b", "b\0b", 3);
	CHECK_EQ(asked, 4); /* three to set, "old" to remove */
	xattr_list_release(&l);
	want.n = 0;
	CHECK_EQ(xattr_write(base, "filtered", &want, may_b, &asked, NULL, &err), 0);
	CHECK(fgetxattr(fd, "user.b", NULL, 0) < 0 && fgetxattr(fd, "user.old", NULL, 0) == 1);
	close(fd);
	CHECK_EQ(xattr_write(base, "none", &want, NULL, NULL, NULL, &err), ERR_NOTFOUND);
	close(base);
}

/* All are tried, the first real fault is told, and a refusal only when it was the worst. */
TEST(write_faults)
{
	int base = base_fd(), fd;
	char big[70000];
	struct xattr x[4] = {{.name = (char *)(uintptr_t) "system.posix_acl_access",
				     .value = (uint8_t *)(uintptr_t) "\2\0\0\0junk",
				     .n = 8},
		{.name = (char *)(uintptr_t) "user.big", .value = (uint8_t *)big, .n = sizeof(big)},
		{.name = (char *)(uintptr_t) "nonsense.x", .value = NULL, .n = 0},
		{.name = (char *)(uintptr_t) "user.last",
			.value = (uint8_t *)(uintptr_t) "1",
			.n = 1}};
	struct xattr_list want = {.x = x, .n = 4};
	struct xattr_left left = {0};
	struct err err = {0};

	memset(big, 'x', sizeof(big));
	if (!supported()) {
		close(base);
		SKIP("no user attributes here");
	}
	fd = touch(base, "faults");
	CHECK(xattr_write(base, "faults", &want, NULL, NULL, NULL, &err) < 0);
	CHECK(strstr(err.msg, "system.posix_acl_access") != NULL);
	CHECK(fgetxattr(fd, "user.last", NULL, 0) == 1);
	/* An unknown kind of attribute is none, as in restic. */
	want = (struct xattr_list){.x = x + 2, .n = 2};
	CHECK_EQ(xattr_write(base, "faults", &want, NULL, NULL, &left, &err), 0);
	CHECK_EQ(left.attrs, 1);
	close(fd);
	close(base);
}

static int as_nobody(int base)
{
	static uint8_t big[70000];
	struct xattr worse[2] = {
		{.name = (char *)(uintptr_t) "trusted.refused", .value = NULL, .n = 0},
		{.name = (char *)(uintptr_t) "user.big", .value = big, .n = sizeof(big)}};
	struct xattr x[2] = {{.name = (char *)(uintptr_t) "user.denied", .value = NULL, .n = 0},
		{.name = (char *)(uintptr_t) "user.denied2", .value = NULL, .n = 0}};
	struct xattr_list l, want = {.x = x, .n = 2};
	struct xattr_left left = {.forgive_root = true};
	struct err warn = {0}, err = {0};

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	if (xattr_write(base, "mine", &want, NULL, NULL, NULL, &err) != ERR_DENIED)
		return 2;
	want = (struct xattr_list){.x = worse, .n = 2};
	/* What only root may set is forgiven to whoever asks for that; what is worse is not. */
	if (xattr_write(base, "nobodys", &want, NULL, NULL, &left, &err) != ERR_IO ||
		!strstr(err.msg, "user.big") || left.refused != 1)
		return 5;
	if (xattr_write(base, "nobodys", &want, NULL, NULL, NULL, &err) != ERR_DENIED ||
		!strstr(err.msg, "trusted.refused"))
		return 6;
	want = (struct xattr_list){.x = x, .n = 2};
	if (xattr_write(base, "mine", &want, NULL, NULL, &left, &err) != ERR_DENIED)
		return 7;
	left.forgive_all = true;
	if (xattr_write(base, "mine", &want, NULL, NULL, &left, &err) != 0 || left.refused < 3)
		return 8;
	/* Names may be listed by anyone, values read only by those who may read the file. */
	if (xattr_read(base, "mine", NULL, &l, &warn, &err) != 0 || warn.code != ERR_DENIED ||
		l.n != 0)
		return 3;
	if (!strstr(warn.msg, "user.secret"))
		return 4;
	return 0;
}

TEST(refusals)
{
	int base = base_fd(), fd, status;
	pid_t child;

	if (geteuid() != 0 || !supported()) {
		close(base);
		SKIP("needs root");
	}
	fd = touch(base, "mine");
	REQUIRE(fchmod(fd, 0600) == 0 && fsetxattr(fd, "user.secret", "x", 1, 0) == 0 &&
		fchmod(base, 0755) == 0);
	close(fd);
	fd = touch(base, "nobodys");
	REQUIRE(fchown(fd, 65534, 65534) == 0);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0)
		_exit(as_nobody(base));
	waitpid(child, &status, 0);
	CHECK_EQ(status, 0);
	close(fd);
	close(base);
}

TEST(acl_and_privileged)
{
	/* security.capability, version 2: cap_net_bind_service. */
	static const unsigned char cap[] = {1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0};
	int base = base_fd(), fd, to;
	struct xattr_list l;
	struct err warn, err = {0};

	if (geteuid() != 0 || !supported()) {
		close(base);
		SKIP("needs root");
	}
	fd = touch(base, "acl");
	if (fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl), 0) < 0) {
		close(base);
		SKIP("no access control lists here");
	}
	REQUIRE(fsetxattr(fd, "trusted.a", "t", 1, 0) == 0 &&
		fsetxattr(fd, "security.capability", cap, sizeof(cap), 0) == 0);
	CHECK_EQ(xattr_read(base, "acl", path_of("acl"), &l, &warn, &err), 0);
	check_value(&l, "system.posix_acl_access", acl, sizeof(acl));
	check_value(&l, "trusted.a", "t", 1);
	check_value(&l, "security.capability", cap, sizeof(cap));
	to = touch(base, "acl2");
	CHECK_EQ(xattr_write(base, "acl2", &l, NULL, NULL, NULL, &err), 0);
	xattr_list_release(&l);
	CHECK_EQ(xattr_read_fd(to, &l, &warn, &err), 0);
	check_value(&l, "system.posix_acl_access", acl, sizeof(acl));
	check_value(&l, "security.capability", cap, sizeof(cap));
	check_value(&l, "trusted.a", "t", 1);
	xattr_list_release(&l);
	/* The other way: what the backup did not have goes, but for what Lustre keeps there. */
	REQUIRE(fsetxattr(to, "trusted.lov", "layout", 6, 0) == 0 &&
		fsetxattr(to, "trusted.lovely", "x", 1, 0) == 0);
	CHECK_EQ(xattr_write(base, "acl2", NULL, NULL, NULL, NULL, &err), 0);
	CHECK_EQ(xattr_read_fd(to, &l, &warn, &err), 0);
	CHECK_EQ(l.n, 1);
	check_value(&l, "trusted.lov", "layout", 6);
	xattr_list_release(&l);

	/* A folder's default list, which new files inherit. */
	REQUIRE(mkdirat(base, "acldir", 0700) == 0 &&
		setxattr(path_of("acldir"), "system.posix_acl_default", acl, sizeof(acl), 0) == 0);
	CHECK_EQ(xattr_read(base, "acldir", NULL, &l, &warn, &err), 0);
	check_value(&l, "system.posix_acl_default", acl, sizeof(acl));
	xattr_list_release(&l);
	close(touch(base, "acldir/new"));
	CHECK_EQ(xattr_read(AT_FDCWD, path_of("acldir/new"), NULL, &l, &warn, &err), 0);
	CHECK(find(&l, "system.posix_acl_access") != NULL);
	xattr_list_release(&l);
	CHECK_EQ(xattr_write(AT_FDCWD, path_of("acldir/new"), NULL, NULL, NULL, NULL, &err), 0);
	CHECK_EQ(xattr_read(AT_FDCWD, path_of("acldir/new"), NULL, &l, &warn, &err), 0);
	CHECK_EQ(l.n, 0);
	xattr_list_release(&l);
	close(fd);
	close(to);
	close(base);
}

/* A path that no call takes whole. */
TEST(deep)
{
	static char path[12000];
	int base = base_fd(), fd = dup(base);
	char name[201];
	char *p = path + sprintf(path, "%s", check_tmpdir());
	struct xattr_list l;
	struct err warn, err = {0};

	if (!supported()) {
		close(base);
		SKIP("no user attributes here");
	}
	memset(name, 'd', 200);
	name[200] = 0;
	for (int i = 0; i < 40; i++) {
		int next;

		REQUIRE(mkdirat(fd, name, 0700) == 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = next;
		p += sprintf(p, "/%s", name);
	}
	int f = touch(fd, "leaf");

	REQUIRE(fsetxattr(f, "user.deep", "yes", 3, 0) == 0);
	strcpy(p, "/leaf");
	CHECK_EQ(xattr_read(fd, "leaf", path, &l, &warn, &err), 0);
	check_value(&l, "user.deep", "yes", 3);
	xattr_list_release(&l);
	CHECK_EQ(xattr_write(fd, "leaf", NULL, NULL, NULL, NULL, &err), 0);
	CHECK(fgetxattr(f, "user.deep", NULL, 0) < 0 && errno == ENODATA);
	CHECK_EQ(xattr_read(fd, path, NULL, &l, &warn, &err), ERR_INVALID); /* not one component */
	close(f);
	close(fd);
	CHECK_EQ(dest_remove(base, name, &(struct dest_spare){.path = ""}, &err), 0);
	close(base);
}

TEST(kinds_that_differ)
{
	int fd = open(check_tmpdir(), O_RDONLY | O_DIRECTORY);
	unsigned here = xattr_kinds(fd);

	CHECK(!xattr_kinds_differ(here, here));
	CHECK(xattr_kinds_differ(0x2a, 0x29) && xattr_kinds_differ(0x29, 0x2a) &&
		xattr_kinds_differ(0x2a, 0x15));
	CHECK(!xattr_kinds_differ(0x2a, 0x28) && !xattr_kinds_differ(0, 0x15)); /* nobody knows */
	CHECK_EQ(xattr_kinds(-1), 0);
	close(fd);
}
