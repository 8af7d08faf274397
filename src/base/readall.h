/* readall: a whole file, or what comes through a pipe until its end, in as many pieces as it comes.
 */
#ifndef BASE_READALL_H
#define BASE_READALL_H
#include "base/buf.h"
#include "base/err.h"

/*
 * readall(fd, b, what, err): behind what `b` holds, up to its maximum.  Waits where a descriptor
 * does not block.  0; ERR_NOMEM for more than b->max; the system's error.  `what` is named in the
 * sentence.  Memory that `b` has is used up before it grows, so that a secret can be read into one
 * place.
 */
int readall(int fd, struct buf *b, const char *what, struct err *err);

/* readall_file: the same from the file `path`; ERR_NOTFOUND too. */
int readall_file(const char *path, struct buf *b, const char *what, struct err *err);

#endif
