/*
 * resave: a snapshot saved in the place of another one, by tag, rewrite and repair.
 */
#ifndef CMD_RESAVE_H
#define CMD_RESAVE_H
#include "cmd/session.h"

/*
 * resave: saves `changed` as a new file, *id; then, if `replace`, removes the file of its old name,
 * changed->id: so at each moment one of them is there.  The times keep their zone.  *id is zero
 * until it is saved; after an error behind that both are there.
 */
int resave(struct session *s, const struct snapshot *changed, bool replace, struct id *id,
	struct err *err);

#endif
