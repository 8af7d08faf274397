#include "repo/snapshots.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/utf8.h"
#include "repo/parallel.h"
#include <pthread.h>
#include <stdlib.h>

struct load {
	struct repo *r;
	struct snapshots *out;
	pthread_mutex_t lock; /* out, among the readers */
	void (*warn)(void *arg, const struct id *id, const struct err *e);
	void *arg;
	struct snapshots lost; /* bad: what was listed and is not found */
};

static void add_bad(struct snapshots *all, const struct id *id)
{
	all->bad = mem_regrow(all->bad, all->n_bad + 1, sizeof(*all->bad));
	all->bad[all->n_bad++] = *id;
}

static int load_one(void *arg, const struct id *id, struct err *err)
{
	struct load *l = arg;
	struct snapshot s = {.id = *id};
	struct buf json;
	int rc;

	buf_init(&json, REPO_FILE_MAX);
	rc = repo_load(l->r, BACKEND_SNAPSHOT, id, &json, err);
	if (!rc) {
		rc = snapshot_parse(&s, json.p, json.len, err);
		if (rc)
			err_prefix(err, "snapshot %s", id_short(id).s);
	}
	buf_release(&json);
	if (rc) {
		snapshot_release(&s);
		return rc;
	}
	pthread_mutex_lock(&l->lock);
	if (l->out->n == l->out->cap) {
		l->out->cap = l->out->cap ? 2 * l->out->cap : 64;
		l->out->s = mem_regrow(l->out->s, l->out->cap, sizeof(*l->out->s));
	}
	l->out->s[l->out->n++] = s;
	pthread_mutex_unlock(&l->lock);
	return 0;
}

static int load_failed(void *arg, const struct id *id, const struct err *e)
{
	struct load *l = arg;

	if (!l->warn || e->code == ERR_CANCELLED)
		return e->code;
	if (e->code == ERR_NOTFOUND) {
		add_bad(&l->lost, id);
		return 0;
	}
	add_bad(l->out, id);
	l->warn(l->arg, id, e);
	return 0;
}

static int listed_again(void *arg, const struct id *name, uint64_t size)
{
	struct load *l = arg;
	struct err e = {0};

	(void)size;
	for (size_t i = 0; i < l->lost.n_bad; i++) {
		if (!id_equal(&l->lost.bad[i], name))
			continue;
		err_set(&e, ERR_NOTFOUND, "the store lists it, but does not give it");
		add_bad(l->out, name);
		l->warn(l->arg, name, &e);
	}
	return 0;
}

/* Removed by somebody between our listing and our reading is not damage; but that is so only if it
 * is not listed any more. */
static int look_again(struct load *l, struct err *err)
{
	int rc = l->lost.n_bad ? backend_list(l->r->be, BACKEND_SNAPSHOT, listed_again, l, err) : 0;

	snapshots_release(&l->lost);
	return rc ? err_prefix(err, "list snapshot files") : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct snapshot *x = a, *y = b;
	int c = ts_cmp(&x->time, &y->time);

	return c ? c : id_cmp(&x->id, &y->id);
}

int snapshots_load(struct repo *r, struct snapshots *out,
	void (*warn)(void *arg, const struct id *id, const struct err *e), void *arg,
	struct err *err)
{
	struct load l = {.r = r, .out = out, .warn = warn, .arg = arg};
	int rc;

	*out = (struct snapshots){0};
	pthread_mutex_init(&l.lock, NULL);
	rc = parallel_files(r, BACKEND_SNAPSHOT, load_one, load_failed, &l, err);
	pthread_mutex_destroy(&l.lock);
	if (!rc)
		rc = look_again(&l, err);
	if (rc)
		snapshots_release(out);
	else if (out->n)
		qsort(out->s, out->n, sizeof(*out->s), by_time);
	return rc;
}

void snapshots_release(struct snapshots *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		snapshot_release(&s->s[i]);
	mem_free(s->s);
	mem_free(s->bad);
	*s = (struct snapshots){0};
}

void snapshots_filter_release(struct snapshots_filter *f)
{
	if (!f)
		return;
	strlist_release(&f->hosts);
	strlist_release(&f->tags);
	strlist_release(&f->paths);
}

static bool has_all(const struct strlist *have, const struct strlist *want)
{
	for (size_t i = 0; i < want->n; i++)
		if (!strlist_has(have, want->s[i]))
			return false;
	return true;
}

static bool has_tag(const struct snapshot *s, const char *tag, size_t n)
{
	for (size_t i = 0; i < s->tags.n; i++)
		if (strlen(s->tags.s[i]) == n && memcmp(s->tags.s[i], tag, n) == 0)
			return true;
	return false;
}

bool snapshots_next_tag(const char **list, const char **tag, size_t *n)
{
	if (!*list)
		return false;
	*tag = *list;
	*n = strcspn(*tag, ",");
	*list = (*tag)[*n] ? *tag + *n + 1 : NULL;
	utf8_trim(tag, n);
	return true;
}

bool snapshots_partial(const struct snapshot *s)
{
	return strlist_has(&s->tags, SNAPSHOTS_PARTIAL);
}

bool snapshots_tagged(const struct snapshot *s, const char *list)
{
	const char *tag;
	size_t n;

	while (snapshots_next_tag(&list, &tag, &n)) {
		if (!n && !s->tags.n)
			return true;
		if (!has_tag(s, tag, n))
			return false;
	}
	return true;
}

bool snapshots_match(const struct snapshot *s, const struct snapshots_filter *f)
{
	bool tagged = f->tags.n == 0;

	if (f->hosts.n && !strlist_has(&f->hosts, s->hostname))
		return false;
	for (size_t i = 0; i < f->tags.n && !tagged; i++)
		tagged = snapshots_tagged(s, f->tags.s[i]);
	return tagged && has_all(&s->paths, &f->paths);
}

static int cannot_tell(const struct snapshots *all, struct err *err)
{
	return err_set(err, ERR_INVALID,
		"%zu snapshot%s cannot be read (%s), so nobody knows which one is the latest; name "
		"the one that is meant: a_backup list "
		"shows the ids; a_backup delete with its whole id removes one that is damaged",
		all->n_bad, all->n_bad > 1 ? "s" : "", id_hex(&all->bad[0]).s);
}

static int pick_latest(const struct snapshots *all, const struct snapshots_filter *f,
	const struct snapshot **out, struct err *err)
{
	if (all->n_bad && !(f && f->readable))
		return cannot_tell(all, err);
	for (size_t i = all->n; i-- > 0;) {
		if (f && !snapshots_match(&all->s[i], f))
			continue;
		if (!*out || !snapshots_partial(&all->s[i]))
			*out = &all->s[i];
		if (!snapshots_partial(*out))
			return 0;
	}
	if (*out)
		return 0;
	return err_set(err, ERR_NOTFOUND,
		all->n ? "no snapshot matches" : "there are no snapshots");
}

/* Whether the n digits at `hex` begin this id.  A whole one may be in upper case. */
static bool begins(const struct id *id, const char *hex, size_t n)
{
	struct id whole;

	if (n == ID_HEX && !id_parse(&whole, hex, n))
		return id_equal(id, &whole);
	return n && n <= ID_HEX && memcmp(id_hex(id).s, hex, n) == 0;
}

static int pick_id(const struct snapshots *all, const char *arg, size_t n,
	const struct snapshot **out, struct err *err)
{
	const struct id *bad = NULL;
	unsigned found = 0;

	for (size_t i = 0; i < all->n; i++)
		if (begins(&all->s[i].id, arg, n)) {
			*out = &all->s[i];
			found++;
		}
	for (size_t i = 0; i < all->n_bad; i++)
		if (begins(&all->bad[i], arg, n)) {
			bad = &all->bad[i];
			found++;
		}
	if (found == 1 && !bad)
		return 0;
	*out = NULL;
	if (found == 1)
		return err_set(err, ERR_INVALID, "snapshot %s cannot be read", id_hex(bad).s);
	if (found)
		return err_set(err, ERR_USAGE, "%u snapshots have an id that begins with %.*s%s",
			found, (int)n, arg, bad ? ", and not all of them can be read" : "");
	return err_set(err, ERR_NOTFOUND, "there is no snapshot %.*s", n > 100 ? 100 : (int)n, arg);
}

bool snapshots_is_latest(const char *arg)
{
	return strcspn(arg, ":") == 6 && !memcmp(arg, "latest", 6);
}

int snapshots_pick(const struct snapshots *all, const char *arg, const struct snapshots_filter *f,
	const struct snapshot **out, char **subpath, struct err *err)
{
	size_t n = strcspn(arg, ":");
	int rc;

	*out = NULL;
	*subpath = NULL;
	if (snapshots_is_latest(arg))
		rc = pick_latest(all, f, out, err);
	else
		rc = pick_id(all, arg, n, out, err);
	if (!rc && arg[n] && arg[n + 1])
		*subpath = path_join("/", arg + n + 1);
	return rc;
}

int snapshots_pick_whole(const struct snapshots *all, const char *arg,
	const struct snapshots_filter *f, const struct snapshot **out, struct err *err)
{
	char *sub = NULL;
	int rc;

	*out = NULL;
	if (strchr(arg, ':'))
		return err_set(err, ERR_USAGE,
			"%s: only whole snapshots can be named here, without \":\" and a directory",
			arg);
	rc = snapshots_pick(all, arg, f, out, &sub, err);
	mem_free(sub);
	return rc;
}

const struct snapshot *snapshots_parent(const struct snapshots *all, const struct ts *not_after,
	unsigned by, const char *host, const struct strlist *paths, const struct strlist *tags)
{
	for (size_t i = all->n; i-- > 0;) {
		const struct snapshot *s = &all->s[i];

		if (ts_cmp(&s->time, not_after) > 0 || snapshots_partial(s))
			continue;
		if ((by & SNAPSHOTS_BY_HOST) && strcmp(s->hostname, host) != 0)
			continue;
		if ((by & SNAPSHOTS_BY_PATHS) && paths && !has_all(&s->paths, paths))
			continue;
		if ((by & SNAPSHOTS_BY_TAGS) && tags && !has_all(&s->tags, tags))
			continue;
		return s;
	}
	return NULL;
}

const struct snapshot *snapshots_newer_partial(const struct snapshots *all,
	const struct snapshots_filter *f, const struct snapshot *than)
{
	for (size_t i = all->n; i-- > 0 && &all->s[i] != than;)
		if (snapshots_partial(&all->s[i]) && snapshots_match(&all->s[i], f))
			return &all->s[i];
	return NULL;
}

static bool same_list(const struct strlist *a, const struct strlist *b)
{
	return has_all(a, b) && has_all(b, a);
}

/* Its own tag aside. */
static bool same_tags(const struct snapshot *partial, const struct strlist *tags)
{
	for (size_t i = 0; i < partial->tags.n; i++)
		if (strcmp(partial->tags.s[i], SNAPSHOTS_PARTIAL) != 0 &&
			!strlist_has(tags, partial->tags.s[i]))
			return false;
	return has_all(&partial->tags, tags);
}

unsigned snapshots_continued(const struct snapshots *all, const struct snapshot *as,
	const struct snapshot *complete, const struct snapshot **out, unsigned max)
{
	static const char ours[] = "a_backup ";
	unsigned n = 0;

	for (size_t i = all->n; i-- > 0 && n < max && &all->s[i] != complete;) {
		const struct snapshot *s = &all->s[i];

		if (snapshots_partial(s) && ts_cmp(&s->time, &as->time) <= 0 &&
			!strncmp(s->program_version, ours, sizeof(ours) - 1) &&
			!strcmp(s->hostname, as->hostname) && same_list(&s->paths, &as->paths) &&
			same_list(&s->excludes, &as->excludes) && same_tags(s, &as->tags))
			out[n++] = s;
	}
	return n;
}
