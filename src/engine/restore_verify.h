/*
 * restore_verify: --verify: what a window has written is read again and hashed, by workers.
 */
#ifndef ENGINE_RESTORE_VERIFY_H
#define ENGINE_RESTORE_VERIFY_H
#include "engine/restore_window.h"

/* restore_verify: begins; restore_window_advance is called when it is done.  Loop thread. */
void restore_verify(struct restore_window *w);

#endif
