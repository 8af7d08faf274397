/*
 * removal: the snapshots that delete and forget remove: how they are named, and how they go.
 */
#ifndef CMD_REMOVAL_H
#define CMD_REMOVAL_H
#include "cmd/session.h"

struct removal {
	struct session *s;
	/* of s->snaps: the snapshots, and behind them those that cannot be read; once opened */
	bool *want;
	size_t removed;
	/* One has gone, or with --dry-run would have; one: NULL if it could not be read.  NULL:
	 * nobody wants to know. */
	void (*gone)(struct removal *r, const struct id *id, const struct snapshot *one);
};

/* removal_open: the repository with the command's lock and all snapshots; refused while one may be
 * hidden. */
int removal_open(struct removal *r, struct err *err);
/*
 * removal_name: wants those that the command's arguments name.  As restic does: a word that names
 * no snapshot, or not just one, is told and ignored.  One that cannot be read is meant only by its
 * whole name: a damaged file must not stay for ever, nor go by mistake.  An error where such a one
 * is in the way.
 */
int removal_name(struct removal *r, struct err *err);
/* removal_run: removes what is wanted, unless --dry-run.  CMD_INCOMPLETE when one could not be
 * removed, which was told. */
int removal_run(struct removal *r, struct err *err);
void removal_release(struct removal *r);

#endif
