/* restorejob: what a restore is to do, from the command line; and the same on the other ranks, from
 * rank 0. */
#ifndef CMD_RESTOREJOB_H
#define CMD_RESTOREJOB_H
#include "cmd/patterns.h"
#include "cmd/session.h"
#include "engine/restore.h"

struct restorejob { /* zeroed before its first use */
	struct restore_options opt;
	struct patterns include, exclude;
	struct match *include_xattr, *exclude_xattr;
	char *repository, *target; /* owned, where opt borrows them from nobody else */
};

/* restorejob_read: rank 0, from the options.  restorejob_place: likewise, once the repository is
 * open: where it lies. */
int restorejob_read(struct restorejob *j, struct session *s, struct err *err);
int restorejob_place(struct restorejob *j, const struct session *s, struct err *err);
/* restorejob_put: rank 0 tells (together_put); restorejob_get: another rank reads. */
void restorejob_put(const struct restorejob *j, const struct session *s, struct buf *b);
int restorejob_get(struct restorejob *j, struct session *s, struct wire_in *in, struct err *err);
void restorejob_release(struct restorejob *j);

#endif
