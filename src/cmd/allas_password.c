#include "cmd/allas_password.h"
#include "base/mem.h"
#include "base/publish.h"
#include "format/base64.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

/* Under its name it is whole: half a password would be taken for a whole one by the next run, or by
 * one that starts at the same moment. */
int allas_password_new(const char *path, const struct rnd *rnd, struct buf *out, struct err *err)
{
	uint8_t bytes[BYTES];
	char *temp = mem_printf("%s.XXXXXX", path);
	int e;

	rnd_fill(rnd, bytes, sizeof(bytes));
	buf_init(out, 4 * BYTES);
	base64_put(out, bytes, sizeof(bytes));
	buf_addc(out, '\n');
	mem_wipe(bytes, sizeof(bytes));
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
