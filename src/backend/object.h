/*
 * object: what the stores that speak HTTP (S3, Swift, REST) have in common: what a GET asks for,
 * and what the answer to an operation means.  Signatures, tokens and the servers' own words are
 * each store's.
 */
#ifndef BACKEND_OBJECT_H
#define BACKEND_OBJECT_H
#include "backend/backend.h"
#include "backend/http.h"

/*
 * object_range(op, out, err): what a Range header says for this GET, from "bytes=0-" on.
 * ERR_TOOSHORT, without asking: no object is so large, and servers, or what lies below them, fail
 * to read such numbers.
 */
#define OBJECT_RANGE 64
int object_range(const struct backend_op *op, char out[OBJECT_RANGE], struct err *err);

/*
 * object_part(r, op, err): cuts r->out to op's range; r has a status of 2xx.  Servers may ignore a
 * Range, answer beyond the end, and lose the end on the way.  ERR_TOOSHORT: the object has no such
 * bytes.  ERR_IO: bytes are missing that may be there, because nobody said how many would come, or
 * fewer came than Content-Range says.  ERR_INVALID: more came than was asked for.
 */
int object_part(struct http_req *r, const struct backend_op *op, struct err *err);

/*
 * object_asks_size(op, r): 416 to an open range is right for the very end of the object, which is
 * empty, and for what lies behind it: only the size tells, so a HEAD is to be sent.
 * object_end(op, size, err): what it tells: 0 (no bytes) or ERR_TOOSHORT.
 */
bool object_asks_size(const struct backend_op *op, const struct http_req *r);
int object_end(const struct backend_op *op, uint64_t size, struct err *err);

/* object_size(r, op): the size that the answer to a HEAD tells, to op->size, or to op->err that it
 * does not. */
int object_size(const struct http_req *r, struct backend_op *op);

/* object_too_large(op, max): to op->err: more bytes came than the caller expects.  ERR_NOMEM. */
int object_too_large(struct backend_op *op, size_t max);

/*
 * object_status(status): what a status that is no success means where the server's own words say
 * nothing else: ERR_NOTFOUND, ERR_TOOSHORT, ERR_DENIED, ERR_NOSPACE, ERR_IO (it may pass), or
 * ERR_ODD.
 */
enum err_code object_status(int status);

/* object_judge_put(op): an upload that finds no place for it has met something else than the store,
 * or a wrong address: ERR_NOTFOUND becomes ERR_ODD. */
void object_judge_put(struct backend_op *op);

/*
 * object_judge_removed(r, also, err): r is a 2xx to a DELETE.  0: the store's own, 200 or `also`
 * (0: nothing else), with nothing of a page in it; else ERR_ODD, since what was only accepted, or
 * answered by somebody else, may be there still.
 */
int object_judge_removed(const struct http_req *r, int also, struct err *err);

/* object_pause(op, r, clock): an operation that failed: the pause that the answer asks for. */
void object_pause(struct backend_op *op, const struct http_req *r, const struct clock *clock);

#endif
