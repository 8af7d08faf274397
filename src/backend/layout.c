#include "backend/layout.h"
#include <stdio.h>

static const char *const dirs[BACKEND_TYPES] = {
	[BACKEND_CONFIG] = "",
	[BACKEND_KEY] = "keys",
	[BACKEND_SNAPSHOT] = "snapshots",
	[BACKEND_INDEX] = "index",
	[BACKEND_LOCK] = "locks",
	[BACKEND_PACK] = "data",
};

const char *layout_dir(enum backend_type t)
{
	return (unsigned)t < BACKEND_TYPES ? dirs[t] : "";
}

void layout_path(enum backend_type t, const struct id *name, char out[LAYOUT_MAX])
{
	struct id_hex hex;

	if (t == BACKEND_CONFIG) {
		snprintf(out, LAYOUT_MAX, "config");
		return;
	}
	hex = id_hex(name);
	if (t == BACKEND_PACK)
		snprintf(out, LAYOUT_MAX, "data/%.2s/%s", hex.s, hex.s);
	else
		snprintf(out, LAYOUT_MAX, "%s/%s", layout_dir(t), hex.s);
}
