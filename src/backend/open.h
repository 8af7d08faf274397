/*
 * open: how backend_open reaches the stores: one function for each scheme that the network offers,
 * and what they share.
 *
 * Each takes the location behind its scheme and returns the bare store (no decorators) without
 * touching it, or NULL with `err` filled (never NULL here).
 */
#ifndef BACKEND_OPEN_H
#define BACKEND_OPEN_H
#include "backend/backend.h"
#include "backend/http.h"
#include "backend/location.h"

typedef struct backend *backend_open_fn(const struct location *l, const struct backend_options *opt,
	const struct env *env, struct err *err);

backend_open_fn backend_rest_open; /* rest.c */

/* open_getenv(opt, name): the variable through the caller's eyes; NULL when unset, empty or when
 * the caller gave no environment. */
const char *open_getenv(const struct backend_options *opt, const char *name);

/* open_http(opt, env, &h, err): the transfers that these options ask for. */
int open_http(const struct backend_options *opt, const struct env *env, struct http **h,
	struct err *err);

/* open_judge_put(op): an upload that finds no place for it has met something else than the store,
 * or a wrong address: ERR_NOTFOUND becomes ERR_ODD. */
void open_judge_put(struct backend_op *op);

/*
 * open_judge_removed(r, also, err): r is a 2xx to a DELETE.  0: the store's own, 200 or `also` (0:
 * nothing else), with nothing of a page in it; else ERR_ODD, since what was only accepted, or
 * answered by somebody else, may be there still.
 */
int open_judge_removed(const struct http_req *r, int also, struct err *err);

#endif
