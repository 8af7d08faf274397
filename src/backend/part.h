/* part: the bytes that were asked for, out of what a store answered to a GET: servers may ignore a
 * Range, answer beyond the end, and lose the end on the way. */
#ifndef BACKEND_PART_H
#define BACKEND_PART_H
#include "backend/backend.h"
#include "backend/http.h"

/*
 * part_take(r, op, err): cuts r->out to op's range; r has a status of 2xx.  ERR_TOOSHORT: the
 * object has no such bytes.  ERR_IO: bytes are missing that may be there, because nobody said how
 * many would come, or fewer came than Content-Range says.  ERR_INVALID: more came than was asked
 * for.
 */
int part_take(struct http_req *r, const struct backend_op *op, struct err *err);

#endif
