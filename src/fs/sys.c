#include "fs/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int sys_openat(int dirfd, const char *name, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(dirfd, name, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int sys_open_noatime(int dirfd, const char *name, int flags)
{
	int fd = sys_openat(dirfd, name, flags | O_NOATIME, 0);

	/* Only the owner and root may leave the access time alone. */
	if (fd < 0 && errno == EPERM)
		fd = sys_openat(dirfd, name, flags, 0);
	return fd;
}

bool sys_proc_name(char out[SYS_PROC_MAX], int dirfd, const char *name)
{
	int n;

	if (!name)
		n = snprintf(out, SYS_PROC_MAX, "/proc/self/fd/%d", dirfd);
	else
		n = snprintf(out, SYS_PROC_MAX, "/proc/self/fd/%d/%s", dirfd, name);
	return n > 0 && n < SYS_PROC_MAX;
}

bool sys_proc_missing(void)
{
	int saved = errno;
	bool missing = saved == ENOENT && access("/proc/self/fd", F_OK) != 0;

	errno = saved;
	return missing;
}

bool sys_is_component(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/');
}
