#include "fs/file.h"
#include "fs/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opening a fifo or a tape without O_NONBLOCK may wait for ever, and what was a file when it was
 * listed may be one now. */
#define FILE_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)

static int open_regular(int dirfd, const char *name, int flags, struct meta *m, struct err *err)
{
	int fd = sys_open_noatime(dirfd, name, FILE_FLAGS | flags), rc;

	/* Only for a regular file with a lease (Samba, NFS): its holder is being asked to give it
	 * back, which is worth waiting for. */
	if (fd < 0 && errno == EAGAIN)
		fd = sys_open_noatime(dirfd, name, (FILE_FLAGS & ~O_NONBLOCK) | flags);
	if (fd < 0)
		return err_sys(err, errno, "open");
	rc = meta_stat(fd, "", false, m, err);
	if (rc == 0 && !S_ISREG(m->mode))
		rc = err_set(err, ERR_INVALID, "not a regular file any more");
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

int file_open(int dirfd, const char *name, struct meta *m, struct err *err)
{
	return open_regular(dirfd, name, O_NOFOLLOW, m, err);
}

ssize_t file_read(int fd, void *p, size_t n, struct err *err)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(fd, (char *)p + done, n - done);

		if (got == 0)
			break;
		if (got > 0) {
			done += (size_t)got;
			continue;
		}
		if (errno == EINTR)
			continue;
		/* A file that a storage manager must fetch from tape first takes O_NONBLOCK
		 * seriously. */
		if (errno == EAGAIN && (fcntl(fd, F_GETFL) & O_NONBLOCK) &&
			fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0)
			continue;
		return err_sys(err, errno, "read");
	}
	return (ssize_t)done;
}

void file_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

int file_has_prefix(int dirfd, const char *name, const char *prefix, size_t n, struct err *err)
{
	struct meta m;
	char piece[256];
	int fd, rc;

	rc = meta_stat(dirfd, name, false, &m, err);
	if (rc == ERR_NOTFOUND)
		return 0;
	if (rc < 0 || !n)
		return rc < 0 ? rc : 1;
	/* A tag that is a link to one counts, as in restic. */
	fd = open_regular(dirfd, name, 0, &m, err);
	if (fd < 0)
		return fd;
	for (rc = 1; rc == 1 && n;) {
		size_t want = n < sizeof(piece) ? n : sizeof(piece);
		ssize_t got = file_read(fd, piece, want, err);

		if (got < 0)
			rc = (int)got;
		else if ((size_t)got < want || memcmp(piece, prefix, want) != 0)
			rc = 0;
		prefix += want;
		n -= want;
	}
	file_close(fd);
	return rc;
}
