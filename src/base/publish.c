#include "base/publish.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* EPERM is what link(2) says on file systems without hard links, EINVAL what renameat2(2) says
 * where the flag is not known. */
static bool cannot(int errnum)
{
	return errnum == EPERM || errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP ||
	       errnum == EMLINK;
}

int publish_new(int dir, const char *temp, const char *name)
{
	struct stat st;

	if (!linkat(dir, temp, dir, name, 0)) {
		unlinkat(dir, temp, 0);
		return 0;
	}
	if (!cannot(errno))
		return errno;
	if (!renameat2(dir, temp, dir, name, RENAME_NOREPLACE))
		return 0;
	if (!cannot(errno))
		return errno;
	if (!fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return EEXIST;
	if (errno != ENOENT)
		return errno;
	return renameat(dir, temp, dir, name) ? errno : 0;
}
