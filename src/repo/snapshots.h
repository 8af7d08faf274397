/*
 * snapshots: finding snapshots in a repository (docs/format.md 11.3, 13.2).
 */
#ifndef REPO_SNAPSHOTS_H
#define REPO_SNAPSHOTS_H
#include "format/snapshot.h"
#include "repo/repo.h"

struct snapshots {
	struct snapshot *s; /* owned, sorted oldest first (time, then id) */
	size_t n, cap;
	struct id *bad; /* owned: those that are there and cannot be read */
	size_t n_bad;
};
/*
 * snapshots_load: all of them, several at a time over env->readers, running env->loop.  One that
 * cannot be read: warn(arg, id, err) and only its name is kept, in `bad`; or an error without warn.
 * One that the store lists, does not give and lists again counts so, too.
 */
int snapshots_load(struct repo *r, struct snapshots *out,
	void (*warn)(void *arg, const struct id *id, const struct err *e), void *arg,
	struct err *err);
void snapshots_release(struct snapshots *s);

struct snapshots_filter {
	struct strlist hosts; /* any of; empty = all */
	struct strlist tags;  /* each a comma list that must be contained; any of them; "" =
				 untagged; blanks around a tag do not count */
	struct strlist paths; /* all must be among the snapshot's */
	bool readable;        /* the latest of those that can be read will do */
};
/* snapshots_next_tag: the tags of a comma list, without blanks around them; maybe empty ones. *list
 * moves on, NULL at the end; the tag is borrowed from it. */
bool snapshots_next_tag(const char **list, const char **tag, size_t *n);
/* snapshots_partial: of what a run had saved when it had to end, as its tag says. */
#define SNAPSHOTS_PARTIAL "partial"
bool snapshots_partial(const struct snapshot *s);
/* snapshots_tagged: whether it has all tags of a comma list; "" matches one without tags. */
bool snapshots_tagged(const struct snapshot *s, const char *list);
void snapshots_filter_release(struct snapshots_filter *f);
bool snapshots_match(const struct snapshot *s, const struct snapshots_filter *f);

bool snapshots_is_latest(const char *arg); /* "latest", maybe with a path */
/*
 * snapshots_pick: "latest", a full id, a unique prefix, each with an optional ":path" (returned in
 * *subpath, owned, cleaned, NULL when none). The filter applies to latest only, which is the last
 * complete one; where there is none, the last partial one.  The result is
 * borrowed from `all`.  ERR_NOTFOUND, ERR_USAGE (ambiguous).
 *
 * ERR_INVALID where one that cannot be read is in the way: it may be the latest, or it is the one,
 * or one of those, that is named.
 */
int snapshots_pick(const struct snapshots *all, const char *arg, const struct snapshots_filter *f,
	const struct snapshot **out, char **subpath, struct err *err);
/* snapshots_pick_whole: the same for verbs that take whole snapshots: any ":", with nothing behind
 * it too, is ERR_USAGE. */
int snapshots_pick_whole(const struct snapshots *all, const char *arg,
	const struct snapshots_filter *f, const struct snapshot **out, struct err *err);

/* snapshots_newer_partial: one that f matches and that is newer than this one; NULL: none. */
const struct snapshot *snapshots_newer_partial(const struct snapshots *all,
	const struct snapshots_filter *f, const struct snapshot *than);
/*
 * snapshots_continued: the partial snapshots that a backup with this host, paths, tags and excludes
 * goes on from: made by this program, newer than `complete` (NULL: any) and not after as->time;
 * newest first, at most max.
 */
unsigned snapshots_continued(const struct snapshots *all, const struct snapshot *as,
	const struct snapshot *complete, const struct snapshot **out, unsigned max);
/*
 * snapshots_parent: the last complete one; docs/format.md 11.3 with group-by flags; `paths`
 * absolute, `tags` used with SNAPSHOTS_BY_TAGS.  NULL when there is none.
 */
enum { SNAPSHOTS_BY_HOST = 1, SNAPSHOTS_BY_PATHS = 2, SNAPSHOTS_BY_TAGS = 4 };
const struct snapshot *snapshots_parent(const struct snapshots *all, const struct ts *not_after,
	unsigned by, const char *host, const struct strlist *paths, const struct strlist *tags);

#endif
