/*
 * fd: whole reads and writes of descriptors that are ours only in part: whoever started us (ssh,
 * node, Python's asyncio) may have made the standard streams non-blocking, and shares that with us.
 */
#ifndef BASE_FD_H
#define BASE_FD_H
#include <stddef.h>
#include <sys/types.h>

/* fd_read: as read(2), but waits for something to come, whatever signals do; 0 at the end, -1 with
 * errno. */
ssize_t fd_read(int fd, void *p, size_t n);
/* fd_write: all of it, however long that takes; 0 or an errno. */
int fd_write(int fd, const void *p, size_t n);

#endif
