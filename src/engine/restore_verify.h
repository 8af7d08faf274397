/*
 * restore_verify: --verify: when all is done, deletions too, the tree is walked again, and what the
 * first walk has written is read and hashed by workers.
 *
 * Both walks meet the same files in the same order, so a bit a file says which were written: 125 kB
 * for a million.
 */
#ifndef ENGINE_RESTORE_VERIFY_H
#define ENGINE_RESTORE_VERIFY_H
#include "engine/restore_window.h"

struct restore_written;
struct restore_written *restore_written_new(void);
void restore_written_free(struct restore_written *b);
/* restore_written_add: the file of this number was written (b NULL: nobody asks).
 * restore_written_has: it was.  Loop thread. */
void restore_written_add(struct restore_written *b, uint64_t number);
bool restore_written_has(const struct restore_written *b, uint64_t number);

/* restore_verify: reads the files of a window of the second walk; w->advance is called
 * when it is done.  Loop thread. */
void restore_verify(struct restore_window *w);

#endif
