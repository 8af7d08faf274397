/* layout: where a file lies below the repository's root (restic-format.md 1): "data/ab/<hex>", "index/<hex>", "config". */
#ifndef BACKEND_LAYOUT_H
#define BACKEND_LAYOUT_H
#include "backend/backend.h"

#define LAYOUT_MAX 96 /* bytes with the final 0 */
void layout_path(enum backend_type t, const struct id *name, char out[LAYOUT_MAX]);
const char *layout_dir(enum backend_type t); /* "data", "keys", …; "" for config */

#endif
