#include "engine/restore_priv.h"
#include <string.h>

void restore_node(struct restore *r, struct restore_leaf *l)
{
	const char *name = strrchr(l->path, '/') + 1;
	struct restore_dir *d = l->dir;

	l->verdict = RESTORE_LEAF_MAKE;
	l->place = (struct restore_leaf_place){.kind = RESTORE_FREE};
	if (r->sh.verifying) {
		if (l->node->type != NODE_FILE)
			return;
		/* It was restored in one way or the other. */
		restore_large(r, l);
		if (!restore_away(r, l))
			restore_settle(r, l);
		return;
	}
	if (!restore_dir_need(&r->dirs, d))
		return;
	l->verdict = restore_leaf_judge(&r->dirs, d, name, l->node, &l->place);
	if (l->place.kind != RESTORE_FREE && l->place.was.nlink == 1 &&
		restore_dir_seen(d, &l->place.was)) {
		struct err e;

		err_set(&e, ERR_EXISTS, RESTORE_TWICE);
		restore_say(&r->dirs, d->path, name, &e);
		return;
	}
	if (!restore_large(r, l) && !restore_away(r, l))
		restore_settle(r, l);
}
