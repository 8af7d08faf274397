/*
 * file: reading a regular file for a backup, without touching its access time where allowed. Errors
 * do not name the file: the caller knows its whole path.
 */
#ifndef FS_FILE_H
#define FS_FILE_H
#include "base/err.h"
#include "fs/meta.h"

/*
 * file_open: O_NOFOLLOW, O_NOATIME tried, must be a regular file (never blocks on a fifo:
 * O_NONBLOCK).  Fills m from fstat before anything is read.  Descriptor or error code.
 */
int file_open(int dirfd, const char *name, struct meta *m, struct err *err);

/* file_read: up to n bytes at the current offset, complete unless at end of file.  Bytes read, or
 * an error code. */
ssize_t file_read(int fd, void *p, size_t n, struct err *err);
void file_close(int fd);

/* file_has_prefix: (dirfd, name) begins with these bytes (exclude-if-present).  1, 0, or an error
 * code. */
int file_has_prefix(int dirfd, const char *name, const char *prefix, size_t n, struct err *err);

#endif
