/*
 * restore_fetch: what a window's files lack, from the packs into the files: asked of the reader,
 * written by workers.
 */
#ifndef ENGINE_RESTORE_FETCH_H
#define ENGINE_RESTORE_FETCH_H
#include "engine/restore_window.h"

/* restore_fetch: all uses of w that are neither done nor of a file that has failed.  When it ends
 * it has taken itself off w->tasks.  Loop thread. */
void restore_fetch(struct restore_window *w);

#endif
