/*
 * prune: what the command prune is, and forget --prune and delete behind their own work: options,
 * the run, and restic's figures for the user.
 */
#ifndef CMD_PRUNE_H
#define CMD_PRUNE_H
#include "cmd/session.h"
#include "engine/prune.h"

/* prune_read: what the options of OPTS_PRUNE and --dry-run say; defaults where a command has none
 * of them.  The same on all ranks.  ERR_USAGE. */
int prune_read(const struct session *s, struct prune_options *o, struct err *err);

/*
 * prune_session: on rank 0: prunes the open repository, and tells of it.  By as many ranks as the
 * session has: the others call prune_follow meanwhile, with the same options.  gone: snapshots that
 * count as removed, in a dry run or because a listing may still show them.
 */
int prune_session(struct session *s, struct prune_options *o, const struct id *gone, size_t n_gone,
	struct err *err);
/* prune_free: the same for delete, told in a line: how much is freed.  Where the memory is too
 * small for it, that is said, and no error.  CMD_INCOMPLETE: the snapshots are gone, their space is
 * not freed. */
int prune_free(struct session *s, struct prune_options *o, const struct id *gone, size_t n_gone,
	struct err *err);
int prune_follow(struct session *s, struct prune_options *o, struct err *err);

#endif
