/*
 * snaptable: snapshots and groups of them as restic's tables and JSON, for list and forget
 * (docs/format.md 13.3, 13.8).  Appends; prints nothing.
 */
#ifndef CMD_SNAPTABLE_H
#define CMD_SNAPTABLE_H
#include "cmd/group.h"
#include "cmd/out.h"

struct snaptable {
	const struct out *out;
	const struct zone *zone; /* of the times */
	bool compact;
};

/* snaptable_order: the paths of all snapshots, and if they are grouped by tags the tags, in the
 * order in which restic prints them. */
void snaptable_order(struct snapshots *all, unsigned by);

/* snaptable_put: n of them, in this order, and how many they are.  why: why each is kept, n lists;
 * NULL: no such column. */
void snaptable_put(const struct snaptable *t, const struct snapshot *const *s,
	const struct strlist *const *why, size_t n, struct buf *b);
/* snaptable_head: "snapshots for (host [h], paths [/x]):"; nothing if by is 0. */
void snaptable_head(const struct snaptable *t, const struct group *g, unsigned by, struct buf *b);

/* As elements of a JSON text: an array of snapshots; a list, null when it is empty. */
void snaptable_json(struct json_out *j, const struct snapshot *const *s, size_t n);
void snaptable_json_list(struct json_out *j, const struct strlist *l);

#endif
