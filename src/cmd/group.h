/* group: --group-by: which of host, paths and tags, and snapshots put into such groups.  Pure. */
#ifndef CMD_GROUP_H
#define CMD_GROUP_H
#include "base/err.h"
#include "repo/snapshots.h"

/* group_parse: "host,paths,tags" in any order, "" for none, to SNAPSHOTS_BY_* bits.  ERR_USAGE. */
int group_parse(const char *s, unsigned *by, struct err *err);

/* group_sort: as restic prints the paths of snapshots, always, and their tags where they are
 * grouped by tags. */
void group_sort(struct strlist *l);

struct group {
	char *key;                  /* equal keys, same group; groups are sorted by it */
	const char *hostname;       /* borrowed from its first snapshot; "" when not grouped by */
	struct strlist paths, tags; /* sorted copies; empty when not grouped by */
	const struct snapshot **s;  /* n of them, borrowed, in the order of the input */
	size_t n;
};
struct groups {
	struct group *g;
	size_t n;
};
/* groups_make: of n snapshots.  by = 0: one group, even of none. */
void groups_make(const struct snapshot *const *s, size_t n, unsigned by, struct groups *out);
/* group_text: appends its key as restic names it: "host h, path [/x /y]". */
void group_text(const struct group *g, struct buf *out);
void groups_release(struct groups *g);

#endif
