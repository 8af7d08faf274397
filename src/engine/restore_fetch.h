/*
 * restore_fetch: what a window's files lack, from the packs into the files: coalesced ranges,
 * decoded and written by workers.
 */
#ifndef ENGINE_RESTORE_FETCH_H
#define ENGINE_RESTORE_FETCH_H
#include "engine/restore_window.h"

/* restore_fetch_next: the next request of w (w->next < w->n_order): uses of one pack that lie close
 * together.  Loop thread. */
void restore_fetch_next(struct restore_window *w);

#endif
