/*
 * treemend: a tree that tree_in refuses, from a foreign or damaged program, made into one that it
 * reads: so that a bad node costs itself and not its directory.
 *
 * Names out of order are sorted; of a name that comes twice the first stays; a node that cannot be
 * used is left out, an extended attribute whose name is empty or has a 0 byte too.  What breaks
 * JSON's rules or has no list of nodes cannot be mended.
 */
#ifndef FORMAT_TREEMEND_H
#define FORMAT_TREEMEND_H
#include "format/tree.h"

/* treemend_fn: something is lost: the node of this name (n = 0: it has none that could be one), or
 * attributes of it.  `why` is borrowed. */
typedef void treemend_fn(void *arg, const char *name, size_t n, const struct err *why);

/* treemend(json, n, out, lost, arg, err): the mended tree behind what `out` holds; lost() for each
 * loss.  0, ERR_INVALID, ERR_NOMEM for out's maximum. */
int treemend(const void *json, size_t n, struct buf *out, treemend_fn *lost, void *arg,
	struct err *err);

#endif
