/*
 * restore_verify: --verify: when all is done, deletions too, the tree is walked again, and what the
 * first walk has written is read and hashed by workers.
 *
 * Which files those are is kept for each directory, known by a digest of its path: a bit a file.
 * Two directories with one digest of 128 bits are not to be feared.
 */
#ifndef ENGINE_RESTORE_VERIFY_H
#define ENGINE_RESTORE_VERIFY_H
#include "engine/restore_window.h"

struct restore_written;
struct restore_written *restore_written_new(void);
void restore_written_free(struct restore_written *b);
/* restore_written_add: the node of this number in the directory `dir` was written (b NULL: nobody
 * asks).  restore_written_has: it was.  Loop thread. */
void restore_written_add(struct restore_written *b, const char *dir, uint32_t number);
bool restore_written_has(struct restore_written *b, const char *dir, uint32_t number);

/* restore_verify: reads the files of a window of the second walk; w->advance is called
 * when it is done.  Loop thread. */
void restore_verify(struct restore_window *w);

#endif
