/*
 * lister: the entries of a snapshot as the command files shows them: text, restic's JSON, ncdu's
 * export (docs/format.md 13.4); in the order of the tree, or sorted, for which all of them are kept
 * in memory until the end.
 */
#ifndef CMD_LISTER_H
#define CMD_LISTER_H
#include "cmd/nodeline.h"
#include "cmd/opt.h"
#include "engine/treewalk.h"

struct lister;
/* lister_new: as --json, --ncdu, --long, --human-readable, --sort and --reverse say; borrows all.
 * ERR_USAGE. */
int lister_new(const struct opts *opts, struct out *o, const struct zone *z, struct lister **out,
	struct err *err);
/* lister_head: first of all; tree: of the directory that is listed; filter: the directories asked
 * for. */
void lister_head(struct lister *l, const struct snapshot *s, const struct id *tree,
	const struct strlist *filter);
/* lister_entry: one, directories before what they hold.  above: asked for was only something below
 * it. */
void lister_entry(struct lister *l, const struct treewalk_entry *e, bool above);
void lister_end(struct lister *l);
void lister_free(struct lister *l); /* NULL is fine */

#endif
