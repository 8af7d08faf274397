#include "cmd/removal.h"
#include "base/mem.h"
#include "cmd/choose.h"
#include "repo/remove.h"
#include "repo/strays.h"
#include <string.h>

int removal_open(struct removal *r, struct err *err)
{
	struct session *s = r->s;
	int rc = session_open(s, err);

	if (!rc)
		rc = strays_refuse(s->open.be, err);
	if (!rc)
		rc = session_snapshots(s, err);
	if (!rc)
		r->want = mem_array(s->snaps.n + s->snaps.n_bad + 1, sizeof(*r->want));
	return rc;
}

static bool want_bad(struct removal *r, const char *word)
{
	const struct snapshots *all = &r->s->snaps;
	struct id id;

	if (strlen(word) != ID_HEX || id_parse(&id, word, ID_HEX))
		return false;
	for (size_t i = 0; i < all->n_bad; i++) {
		if (id_equal(&all->bad[i], &id))
			return r->want[all->n + i] = true;
	}
	return false;
}

/* Who removes the latest one means what was done last; and that may be the partial one. */
static int sure(const struct removal *r, const char *word, const struct snapshots_filter *f,
	const struct snapshot *one, struct err *err)
{
	const struct snapshot *newer = snapshots_is_latest(word)
					       ? snapshots_newer_partial(&r->s->snaps, f, one)
					       : NULL;

	if (!newer)
		return 0;
	return err_set(err, ERR_INVALID,
		"latest is the complete snapshot %s, but the partial one %s is newer; name the one "
		"that is meant by its id",
		id_short(&one->id).s, id_short(&newer->id).s);
}

int removal_name(struct removal *r, struct err *err)
{
	const struct strlist *words = &r->s->opts->args;
	struct snapshots_filter f;
	int rc = 0;

	session_filter(r->s, true, &f);
	for (size_t i = 0; i < words->n && !rc; i++) {
		const struct snapshot *one = NULL;

		if (want_bad(r, words->s[i]))
			continue;
		rc = choose_word(r->s, words->s[i], &f, &one, err);
		if (rc || !one)
			continue;
		r->want[one - r->s->snaps.s] = true;
		rc = sure(r, words->s[i], &f, one, err);
	}
	snapshots_filter_release(&f);
	return rc;
}

struct batch {
	struct removal *r;
	struct id *id;
	const struct snapshot **one;
	size_t n, failed;
};

static void told(void *arg, size_t i, const struct err *failed)
{
	struct batch *b = arg;

	if (failed) {
		b->failed++;
		out_warn(b->r->s->cmd->out, "unable to remove snapshot/%s from the repository: %s",
			id_hex(&b->id[i]).s, failed->msg);
		return;
	}
	b->r->removed++;
	out_say(b->r->s->cmd->out, 3, "removed snapshot/%s", id_hex(&b->id[i]).s);
	if (b->r->gone)
		b->r->gone(b->r, &b->id[i], b->one[i]);
}

static bool stop(void *arg)
{
	const struct batch *b = arg;

	return session_stopped(b->r->s);
}

static int remove_all(struct batch *b, struct err *err)
{
	struct remove_events ev = {.told = told, .stop = stop, .arg = b};
	struct session *s = b->r->s;
	int rc = remove_files(s->open.repo, BACKEND_SNAPSHOT, b->id, b->n, &ev, err);

	if (!rc && b->failed)
		rc = err_set(err, CMD_INCOMPLETE, "%zu of %zu snapshots could not be removed",
			b->failed, b->n);
	return session_lost(s, rc, err);
}

int removal_run(struct removal *r, struct err *err)
{
	const struct snapshots *all = &r->s->snaps;
	size_t most = all->n + all->n_bad;
	struct batch b = {.r = r,
		.id = mem_array(most + 1, sizeof(*b.id)),
		.one = mem_array(most + 1, sizeof(*b.one))};
	int rc = 0;

	for (size_t i = 0; i < most; i++) {
		if (!r->want[i])
			continue;
		b.one[b.n] = i < all->n ? &all->s[i] : NULL;
		b.id[b.n++] = i < all->n ? all->s[i].id : all->bad[i - all->n];
	}
	if (!opt_flag(r->s->opts, OPT_DRY_RUN))
		rc = remove_all(&b, err);
	else
		for (size_t i = 0; i < b.n && r->gone; i++)
			r->gone(r, &b.id[i], b.one[i]);
	mem_free(b.id);
	mem_free(b.one);
	return rc;
}

void removal_release(struct removal *r)
{
	mem_free(r->want);
}
