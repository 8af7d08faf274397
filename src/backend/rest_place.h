/* rest_place: where a rest: location leads, and who the user is there.  A part of rest.c. */
#ifndef BACKEND_REST_PLACE_H
#define BACKEND_REST_PLACE_H
#include "backend/options.h"

struct rest_place {
	char *base;      /* the URL without user and password; ends with '/' */
	struct buf auth; /* "Authorization: Basic …"; empty: none */
};

/* rest_place_read(l, url, opt, err): user and password stand in the URL or, if there are none, in
 * the environment.  ERR_USAGE, ERR_UNSUPPORTED, in sentences without secrets. */
int rest_place_read(struct rest_place *l, const char *url, const struct backend_options *opt,
	struct err *err);
void rest_place_release(struct rest_place *l); /* wipes; after an error too */

#endif
