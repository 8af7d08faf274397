/* layout: where a file lies below the repository's root (docs/format.md 1): "data/ab/<hex>",
 * "index/<hex>", "config". */
#ifndef BACKEND_LAYOUT_H
#define BACKEND_LAYOUT_H
#include "backend/backend.h"

#define LAYOUT_MAX 96 /* bytes with the final 0 */
void layout_path(enum backend_type t, const struct id *name, char out[LAYOUT_MAX]);
const char *layout_dir(enum backend_type t); /* "data", "keys", …; "" for config */

/* layout_name(name, id): 0 for a file's name, 64 lower-case hex digits (*id); else what it is:
 * ODD_NAME, _TEMP or _CASE. */
enum backend_odd layout_name(const char *name, struct id *id);

/* layout_read(t, rel, id): the same for what lies at `rel` below layout_dir(t), ODD_PLACE too.  A
 * file that is read back by layout_path gives 0. */
enum backend_odd layout_read(enum backend_type t, const char *rel, struct id *id);

/* layout_odd(to, t, why, rel): tells `to`, if it wants to hear, of what lies at `rel` below
 * layout_dir(t).  Directories' own markers ("", "a/") are nothing. */
void layout_odd(const struct backend_names *to, enum backend_type t, enum backend_odd why,
	const char *rel);
/* layout_gone(to, t): tells it that there is no layout_dir(t). */
void layout_gone(const struct backend_names *to, enum backend_type t);

#endif
