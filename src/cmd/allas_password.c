#include "cmd/allas_password.h"
#include "base/mem.h"
#include "format/base64.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define BYTES 32

int allas_password_new(const char *path, const struct rnd *rnd, struct buf *out, struct err *err)
{
	uint8_t bytes[BYTES];
	int fd, rc = 0;
	ssize_t n;

	rnd_fill(rnd, bytes, sizeof(bytes));
	buf_init(out, 4 * BYTES);
	base64_put(out, bytes, sizeof(bytes));
	buf_addc(out, '\n');
	mem_wipe(bytes, sizeof(bytes));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "make the password file %s", path);
	n = write(fd, out->p, out->len);
	if (n != (ssize_t)out->len || fsync(fd))
		rc = err_sys(err, n < 0 || n == (ssize_t)out->len ? errno : ENOSPC, "write the password file %s", path);
	if (close(fd) && !rc)
		rc = err_sys(err, errno, "write the password file %s", path);
	/* Half a password would be taken for a whole one by the next run. */
	if (rc)
		unlink(path);
	out->len--;
	return rc;
}
