/*
 * gate: a store that asks before each request: to stop it there, to fail it, or to change what it
 * will find.
 */
#ifndef LIB_GATE_H
#define LIB_GATE_H
#include "backend/backend.h"

/*
 * ask(arg, op, t): op is NULL for a listing (of files of type t) and for create (t is
 * BACKEND_CONFIG).  0: it passes; otherwise it fails with this code.  Any thread, maybe several at
 * once.
 */
typedef int gate_ask_fn(void *arg, const struct backend_op *op, enum backend_type t);

struct backend *gate_new(struct backend *inner, gate_ask_fn *ask, void *arg); /* takes inner */

#endif
