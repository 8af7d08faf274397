/*
 * filejob_file: one file of a job: what becomes of it that is not its bytes.  Part of filejob.h.
 */
#ifndef ENGINE_FILEJOB_FILE_H
#define ENGINE_FILEJOB_FILE_H
#include "engine/filejob.h"

/* filejob_late: what is not read yet is left out.  filejob_dropped: results are of no use any more.
 * Any thread. */
bool filejob_late(const struct filejob *j);
bool filejob_dropped(const struct filejob *j);

/* filejob_node: once the content is known; on the reader or, for a large file, on the loop. */
void filejob_node(struct filejob *j, size_t i, const struct id *content, size_t n);

/* filejob_compare: 0 when the file is what others saw. */
int filejob_compare(struct filejob *j, size_t i, struct err *err);
/* filejob_failed: it could not be read; dirfd < 0: nor its directory be opened.  True: it is worth
 * another try, unless this was the last. */
bool filejob_failed(struct filejob *j, size_t i, int dirfd, bool last, const struct err *e);
void filejob_say(struct filejob *j, const char *name, const struct err *e);

#endif
