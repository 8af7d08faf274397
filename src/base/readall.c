#include "base/readall.h"
#include "base/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE ((size_t)65536)

static int too_large(const struct buf *b, const char *what, struct err *err)
{
	return err_set(err, ERR_NOMEM, "%s: larger than %zu bytes", what, b->max);
}

int readall(int fd, struct buf *b, const char *what, struct err *err)
{
	for (;;) {
		size_t left = b->max - b->len, room = b->cap - b->len;
		ssize_t n;
		char over;

		if (!room && left) {
			room = left < PIECE ? left : PIECE;
			if (buf_reserve(b, room))
				return too_large(b, what, err);
		}
		room = room < left ? room : left;
		/* With no room left, one byte more tells a full buffer from an overflowing one. */
		n = room ? fd_read(fd, b->p + b->len, room) : fd_read(fd, &over, 1);
		if (n < 0)
			return err_sys(err, errno, "%s", what);
		if (n == 0)
			return 0;
		if (!room)
			return too_large(b, what, err);
		b->len += (size_t)n;
	}
}

int readall_file(const char *path, struct buf *b, const char *what, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;

	if (fd < 0)
		return err_sys(err, errno, "%s", what);
	rc = readall(fd, b, what, err);
	close(fd);
	return rc;
}
