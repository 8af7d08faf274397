#include "repo/snapshots.h"
#include "base/mem.h"
#include "base/path.h"
#include "repo/parallel.h"
#include <pthread.h>
#include <stdlib.h>

struct load {
	struct repo *r;
	struct snapshots *out;
	pthread_mutex_t lock; /* out, among the readers */
	void (*warn)(void *arg, const struct id *id, const struct err *e);
	void *arg;
};

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

	if (!l->warn)
		return e->code;
	/* Removed by somebody between our listing and our reading: not damage. */
	if (e->code != ERR_NOTFOUND)
		l->warn(l->arg, id, e);
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct snapshot *x = a, *y = b;
	int c = ts_cmp(&x->time, &y->time);

	return c ? c : id_cmp(&x->id, &y->id);
}

int snapshots_load(struct repo *r, struct snapshots *out, void (*warn)(void *arg, const struct id *id, const struct err *e), void *arg,
	struct err *err)
{
	struct load l = {.r = r, .out = out, .warn = warn, .arg = arg};
	int rc;

	*out = (struct snapshots){0};
	pthread_mutex_init(&l.lock, NULL);
	rc = parallel_files(r, BACKEND_SNAPSHOT, load_one, load_failed, &l, err);
	pthread_mutex_destroy(&l.lock);
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

/* One --tag option: a comma list, all of it wanted; "" wants a snapshot without tags. */
static bool tags_match(const struct snapshot *s, const char *list)
{
	if (!*list)
		return s->tags.n == 0;
	for (;;) {
		size_t n = strcspn(list, ",");

		if (!has_tag(s, list, n))
			return false;
		if (!list[n])
			return true;
		list += n + 1;
	}
}

bool snapshots_match(const struct snapshot *s, const struct snapshots_filter *f)
{
	bool tagged = f->tags.n == 0;

	if (f->hosts.n && !strlist_has(&f->hosts, s->hostname))
		return false;
	for (size_t i = 0; i < f->tags.n && !tagged; i++)
		tagged = tags_match(s, f->tags.s[i]);
	return tagged && has_all(&s->paths, &f->paths);
}

static int pick_latest(const struct snapshots *all, const struct snapshots_filter *f, const struct snapshot **out, struct err *err)
{
	for (size_t i = all->n; i-- > 0;) {
		if (f && !snapshots_match(&all->s[i], f))
			continue;
		*out = &all->s[i];
		return 0;
	}
	return err_set(err, ERR_NOTFOUND, all->n ? "no snapshot matches" : "there are no snapshots");
}

static int pick_id(const struct snapshots *all, const char *arg, size_t n, const struct snapshot **out, struct err *err)
{
	unsigned found = 0;
	struct id id;

	if (n == ID_HEX && !id_parse(&id, arg, n)) {
		for (size_t i = 0; i < all->n; i++)
			if (id_equal(&all->s[i].id, &id)) {
				*out = &all->s[i];
				found++;
			}
	} else {
		for (size_t i = 0; i < all->n && n && n <= ID_HEX; i++)
			if (memcmp(id_hex(&all->s[i].id).s, arg, n) == 0) {
				*out = &all->s[i];
				found++;
			}
	}
	if (found == 1)
		return 0;
	*out = NULL;
	if (found)
		return err_set(err, ERR_USAGE, "%u snapshots have an id that begins with %.*s", found, (int)n, arg);
	return err_set(err, ERR_NOTFOUND, "there is no snapshot %.*s", n > 100 ? 100 : (int)n, arg);
}

int snapshots_pick(const struct snapshots *all, const char *arg, const struct snapshots_filter *f, const struct snapshot **out,
	char **subpath, struct err *err)
{
	size_t n = strcspn(arg, ":");
	int rc;

	*out = NULL;
	*subpath = NULL;
	if (n == 6 && memcmp(arg, "latest", 6) == 0)
		rc = pick_latest(all, f, out, err);
	else
		rc = pick_id(all, arg, n, out, err);
	if (!rc && arg[n] && arg[n + 1])
		*subpath = path_join("/", arg + n + 1);
	return rc;
}

const struct snapshot *snapshots_parent(const struct snapshots *all, const struct ts *not_after, unsigned by, const char *host,
	const struct strlist *paths, const struct strlist *tags)
{
	for (size_t i = all->n; i-- > 0;) {
		const struct snapshot *s = &all->s[i];

		if (ts_cmp(&s->time, not_after) > 0)
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
