#include "backend/layout.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

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

enum backend_odd layout_name(const char *name, struct id *id)
{
	size_t n = strlen(name);

	if (n == ID_HEX && !id_parse(id, name, n))
		return strcmp(name, id_hex(id).s) != 0 ? BACKEND_ODD_CASE : 0;
	if (n > ID_HEX && !id_parse(id, name, ID_HEX) && !strncmp(name + ID_HEX, "-tmp-", 5))
		return BACKEND_ODD_TEMP;
	return !strncmp(name, "config-tmp-", 11) ? BACKEND_ODD_TEMP : BACKEND_ODD_NAME;
}

enum backend_odd layout_read(enum backend_type t, const char *rel, struct id *id)
{
	const char *slash = strrchr(rel, '/'), *name = slash ? slash + 1 : rel;
	enum backend_odd why = layout_name(name, id);
	char path[LAYOUT_MAX];

	if (why)
		return why;
	layout_path(t, id, path);
	return strcmp(rel, path + strlen(layout_dir(t)) + 1) != 0 ? BACKEND_ODD_PLACE : 0;
}

void layout_odd(const struct backend_names *to, enum backend_type t, enum backend_odd why,
	const char *rel)
{
	size_t n = strlen(rel);
	char *path;

	if (!to->odd || !n || rel[n - 1] == '/')
		return;
	path = mem_printf("%s%s%s", layout_dir(t), *layout_dir(t) ? "/" : "", rel);
	to->odd(to->arg, why, path);
	mem_free(path);
}

void layout_gone(const struct backend_names *to, enum backend_type t)
{
	if (to->odd && *layout_dir(t))
		to->odd(to->arg, BACKEND_ODD_GONE, layout_dir(t));
}
