/* open: the store that a location names, with its decorators. */
#ifndef BACKEND_OPEN_H
#define BACKEND_OPEN_H
#include "backend/options.h"

/*
 * backend_open(location, opt, env, out, err): the backend for a restic location (location.h) with
 * the retry decorator over it.  Does not touch the store.  ERR_USAGE for a location that cannot be
 * understood, ERR_UNSUPPORTED for a kind of store that this program does not speak.  opt NULL: all
 * defaults.  `env`: clock, rnd and log are used, borrowed until backend_free.
 */
int backend_open(const char *location, const struct backend_options *opt, const struct env *env,
	struct backend **out, struct err *err);

#endif
