#include "cmd/allas_password.h"
#include "base/mem.h"
#include "base/publish.h"
#include "format/base64.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES 32

/* 0 or an errno value: `temp` is a template, then the name of a file with these bytes that is on
 * the disk. */
static int temp_write(char *temp, const struct buf *text)
{
	int fd = mkostemp(temp, O_CLOEXEC), e = 0;
	ssize_t n;

	if (fd < 0)
		return errno;
	n = write(fd, text->p, text->len);
	if (n != (ssize_t)text->len || fsync(fd))
		e = n < 0 || n == (ssize_t)text->len ? errno : ENOSPC;
	if (close(fd) && !e)
		e = errno;
	if (e)
		unlink(temp);
	return e;
}

void allas_password_draw(const struct rnd *rnd, struct buf *out)
{
	uint8_t bytes[BYTES];

	rnd_fill(rnd, bytes, sizeof(bytes));
	buf_init(out, 4 * BYTES);
	base64_put(out, bytes, sizeof(bytes));
	mem_wipe(bytes, sizeof(bytes));
}

/* Under its name it is whole: half a password would be taken for a whole one by the next run, or by
 * one that starts at the same moment. */
int allas_password_new(const char *path, const struct rnd *rnd, struct buf *out, struct err *err)
{
	char *temp = mem_printf("%s.XXXXXX", path);
	int e;

	allas_password_draw(rnd, out);
	buf_addc(out, '\n');
	e = temp_write(temp, out);
	if (!e) {
		e = publish_new(AT_FDCWD, temp, path);
		if (e)
			unlink(temp);
	}
	mem_free(temp);
	out->len--;
	return e ? err_sys(err, e, "make the password file %s", path) : 0;
}

/* The name itself is on the disk: the old password must not come back with the next start of the
 * machine. */
static int sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), e = 0;

	if (fd < 0 || fsync(fd))
		e = errno;
	if (fd >= 0)
		close(fd);
	mem_free(dir);
	return e == EINVAL || e == ENOTSUP ? 0 : e; /* a file system that cannot */
}

int allas_password_replace(const char *path, const struct buf *password, bool *replaced,
	struct err *err)
{
	char *temp = mem_printf("%s.XXXXXX", path);
	struct buf text;
	int e;

	*replaced = false;
	buf_init(&text, password->len + 1);
	buf_reserve(&text, password->len + 1);
	buf_add(&text, password->p, password->len);
	buf_addc(&text, '\n');
	e = temp_write(temp, &text);
	if (!e && rename(temp, path)) {
		e = errno;
		unlink(temp);
	} else if (!e) {
		*replaced = true;
		e = sync_dir(path);
	}
	buf_wipe(&text);
	mem_free(temp);
	return e ? err_sys(err, e, "replace the password file %s", path) : 0;
}
