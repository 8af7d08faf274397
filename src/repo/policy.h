/*
 * policy: which snapshots of a group are kept, and why, by the rules of restic's forget
 * (docs/format.md 13.8).  Pure: the time of day and the zone are parameters.
 *
 * Partial snapshots (SNAPSHOTS_PARTIAL) stand beside the others, about which is decided as if there
 * were none: a partial one takes no place in any rule, so no complete one goes because of it.  It
 * is kept while no complete one is newer, for it is where the next run goes on, and by the rules
 * that count nothing: --keep-tag and --keep-within.
 */
#ifndef REPO_POLICY_H
#define REPO_POLICY_H
#include "repo/snapshots.h"

struct policy_span { /* all 0: there is no such rule */
	int years, months, days, hours;
};

enum policy_every {
	POLICY_LAST, /* every one */
	POLICY_HOURLY,
	POLICY_DAILY,
	POLICY_WEEKLY,
	POLICY_MONTHLY,
	POLICY_YEARLY,
	POLICY_RULES
};
#define POLICY_UNLIMITED (-1)

struct policy {
	int64_t keep[POLICY_RULES]; /* so many of each; 0: there is no such rule */
	/* one of each, as far back; of POLICY_LAST: --keep-within, all */
	struct policy_span within[POLICY_RULES];
	const struct strlist *tags; /* borrowed: a comma list for each --keep-tag */
};

/* policy_count: a number or "unlimited".  policy_span: "2y5m7d3h", "" for none.  `what`: the
 * option's name, without dashes, for the sentence.  ERR_USAGE. */
int policy_count(const char *s, const char *what, int64_t *n, struct err *err);
int policy_span(const char *s, const char *what, struct policy_span *d, struct err *err);

bool policy_empty(const struct policy *p);
/* policy_text: appends restic's sentence, "keep 3 latest, 7 daily snapshots and …". */
void policy_text(const struct policy *p, struct buf *out);

/*
 * policy_apply(p, s, n, z, now, why): of the n snapshots of a group, oldest first, s[i] is kept if
 * why[i], empty before, has a reason: restic's words.  `z`: the zone that spans of time are counted
 * in for snapshots that were made in it; `now`: what is later gives no span its end.
 */
void policy_apply(const struct policy *p, const struct snapshot *const *s, size_t n,
	const struct zone *z, const struct ts *now, struct strlist *why);

#endif
