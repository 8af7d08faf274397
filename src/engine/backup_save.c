#include "engine/backup_priv.h"
#include "repo/snapshots.h"
#include <string.h>

void backup_sum_counts(const struct backup *b, struct backup_counts *sum)
{
	uint64_t v[sizeof(*sum) / sizeof(uint64_t)];

	run_sum_counts(b->run, v);
	memcpy(sum, v, sizeof(v));
}

static void summary(const struct backup *b, struct backup_result *res)
{
	struct snapshot_summary *s = &res->summary;
	struct backup_counts *c = &res->counts;

	backup_sum_counts(b, c);
	*s = (struct snapshot_summary){.backup_start = b->opt->start,
		.backup_end = clock_now(b->env->clock)};
	s->files_new = c->files_new;
	s->files_changed = c->files_changed;
	s->files_unmodified = c->files_unmodified;
	s->dirs_new = c->dirs_new;
	s->dirs_changed = c->dirs_changed;
	s->dirs_unmodified = c->dirs_unmodified;
	s->data_blobs = c->data_blobs;
	s->tree_blobs = c->tree_blobs;
	s->data_added = c->data_added;
	s->data_added_packed = c->data_added_packed;
	/* What vanished while it was looked at was listed, and is in no tree. */
	for (unsigned i = 0; i < b->opt->partials; i++)
		res->missing[i] = c->files_vanished || c->dirs_vanished ? UINT64_MAX
									: b->missing[i];
	s->total_files_processed = c->files_done;
	s->total_bytes_processed = c->bytes_done;
}

/* Rank 0: the snapshot of b->tree, with a tag more (NULL: none). */
static int put_snapshot(struct backup *b, const char *tag, struct backup_result *res)
{
	const struct snapshot *parent = b->opt->parent || !b->opt->partials ? b->opt->parent
									    : b->opt->partial[0];
	struct snapshot s = b->opt->head;
	struct strlist tags = {0};
	struct buf json;
	int rc;

	for (size_t i = 0; i < s.tags.n; i++)
		strlist_add(&tags, s.tags.s[i]);
	if (tag)
		strlist_add(&tags, tag);
	s.tags = tags;
	s.tree = b->tree;
	s.has_parent = parent != NULL;
	if (s.has_parent)
		s.parent = parent->id;
	s.has_summary = true;
	s.summary = res->summary;
	buf_init(&json, (size_t)64 << 20);
	snapshot_write(&s, b->env->zone, &json);
	rc = json.overflow ? err_set(&b->err, ERR_NOMEM, "the snapshot's list of paths is too long")
			   : repo_save(b->repo, BACKEND_SNAPSHOT, json.p, json.len, &res->snapshot,
				     &b->err);
	buf_release(&json);
	strlist_release(&tags);
	if (rc < 0)
		res->snapshot = (struct id){{0}};
	return rc;
}

int backup_save(struct backup *b, struct backup_result *res)
{
	summary(b, res);
	if (b->empty)
		return err_set(&b->err, ERR_USAGE,
			"snapshot is empty: nothing is left of what was to be saved");
	if (b->opt->skip_if_unchanged && b->opt->parent && !snapshots_partial(b->opt->parent) &&
		id_equal(&b->tree, &b->opt->parent->tree)) {
		res->unchanged = true;
		return 0;
	}
	return b->opt->dry_run ? 0 : put_snapshot(b, NULL, res);
}

/* With no file more than those that it went on from had, it would only look like progress. */
int backup_save_partial(struct backup *b, struct backup_result *res)
{
	summary(b, res);
	res->stuck = !res->counts.files_new && !res->counts.files_changed;
	if (b->opt->dry_run || res->stuck)
		return 0;
	res->partial = true;
	return put_snapshot(b, SNAPSHOTS_PARTIAL, res);
}
