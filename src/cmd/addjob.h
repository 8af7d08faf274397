/*
 * addjob: the options of an `add` as the engine's backup_options, on rank 0 from the command line
 * and on the others from rank 0's message.
 */
#ifndef CMD_ADDJOB_H
#define CMD_ADDJOB_H
#include "cmd/patterns.h"
#include "cmd/session.h"
#include "engine/backup.h"

/* addjob_word: ERR_USAGE: the first word is neither a command nor a file: it was meant to be one of
 * them. */
int addjob_word(const struct opts *o, struct err *err);

struct addjob {
	struct backup_options opt;
	struct patterns exclude;
	struct backup_marker *marker; /* owned, also by opt */
	size_t markers;
	char *cwd;
	size_t missing; /* targets that do not exist */
};

/* addjob_read: rank 0: everything that needs no repository.  Missing targets are named; none left
 * is ERR_USAGE. */
int addjob_read(struct addjob *j, struct session *s, struct err *err);
/*
 * addjob_parent: rank 0: the parent snapshot by --parent, --force, --group-by; s->snaps are loaded.
 * CSC's command stored the name of whatever node it ran on: in a project's repository a snapshot of
 * the same paths from another host will do, when there is none of this one.
 */
int addjob_parent(struct addjob *j, struct session *s, struct err *err);
void addjob_tag(struct addjob *j,
	const struct session *s); /* rank 0: the repository is known: a project's is tagged with the
				     user's name */
void addjob_release(struct addjob *j);

/*
 * The message to the other ranks (together.h), with what add has besides: its patterns.  addjob_get
 * sets all of it, the process's and the session's too, and opens the store.
 */
void addjob_put(const struct addjob *j, const struct session *s, struct buf *b);
int addjob_get(struct addjob *j, struct session *s, struct wire_in *in, struct err *err);

#endif
