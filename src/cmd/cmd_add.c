/* add: a backup by all ranks; rank 0 reads the command line, opens the repository and reports
 * (docs/format.md 11, 13.7). */
#include "base/mem.h"
#include "cmd/addjob.h"
#include "cmd/human.h"
#include "cmd/progress.h"
#include "cmd/slurm.h"
#include "cmd/timelimit.h"
#include "cmd/together.h"
#include "cmd/unreadable.h"
#include "repo/remove.h"
#include <string.h>

struct add {
	struct session *s;
	struct addjob job;
	struct progress progress;
	struct unreadable *unreadable; /* NULL: nobody asked */
	struct backup_result result;
	struct buf line;
};

static void put_uint(struct json_out *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_uint(j, v);
}

static void json_status(struct add *a, const struct backup_counts *c)
{
	struct json_out j;

	out_message(&j, &a->line, "status");
	put_uint(&j, "seconds_elapsed", (uint64_t)progress_seconds(&a->progress));
	/* Nothing is walked twice, so nobody knows how much there is before the end. */
	put_uint(&j, "percent_done", 0);
	put_uint(&j, "files_done", c->files_done);
	put_uint(&j, "bytes_done", c->bytes_done);
	if (c->errors)
		put_uint(&j, "error_count", c->errors);
	json_object_end(&j);
	out_line(a->s->cmd->out, &a->line);
}

static void on_progress(void *arg, const struct backup_counts *c)
{
	struct add *a = arg;
	double t = progress_seconds(&a->progress);

	if (!progress_due(&a->progress))
		return;
	if (out_json(a->s->cmd->out)) {
		json_status(a, c);
		return;
	}
	progress_show(&a->progress, "[%s] %llu files, %s, %s/s, %s stored, %llu errors",
		human_duration((uint64_t)t).s, (unsigned long long)c->files_done,
		human_size(c->bytes_done).s,
		human_size(t > 0 ? (uint64_t)((double)c->bytes_done / t) : 0).s,
		human_size(c->data_added_packed).s, (unsigned long long)c->errors);
}

static void on_error(void *arg, const char *path, const char *message)
{
	struct add *a = arg;

	out_item_error(a->s->cmd->out, "archival", path, message);
	if (a->unreadable)
		unreadable_add(a->unreadable, path);
}

static void on_stopped(void *arg)
{
	const struct add *a = arg;

	stop_told(a->s->cmd->stop);
}

static void on_item(void *arg, const char *action, const char *path, uint64_t size)
{
	struct add *a = arg;
	struct out *o = a->s->cmd->out;
	bool excluded = !strcmp(action, "excluded");
	struct json_out j;

	if (!out_json(o)) {
		out_path(o, &a->line, path, strlen(path));
		out_say(o, 3, size ? "%-9s %s, %s" : "%-9s %s", action, buf_str(&a->line),
			human_size(size).s);
		buf_reset(&a->line);
		return;
	}
	out_message(&j, &a->line, excluded ? "excluded_item" : "verbose_status");
	if (!excluded) {
		json_key(&j, "action");
		json_str(&j, action);
	}
	json_key(&j, "item");
	json_str(&j, path);
	if (!excluded) {
		/* restic's other members are not known for each file, because its blobs are stored
		 * by other ranks and later. */
		put_uint(&j, "duration", 0);
		put_uint(&j, "data_size", size);
		put_uint(&j, "data_size_in_repo", 0);
		put_uint(&j, "metadata_size", 0);
		put_uint(&j, "metadata_size_in_repo", 0);
		put_uint(&j, "total_files", 0);
	}
	json_object_end(&j);
	out_line(o, &a->line);
}

static void json_summary(struct add *a, bool dry_run)
{
	const struct backup_result *r = &a->result;
	const struct snapshot_summary *m = &r->summary;
	struct json_out j;

	out_message(&j, &a->line, "summary");
	put_uint(&j, "files_new", m->files_new);
	put_uint(&j, "files_changed", m->files_changed);
	put_uint(&j, "files_unmodified", m->files_unmodified);
	put_uint(&j, "dirs_new", m->dirs_new);
	put_uint(&j, "dirs_changed", m->dirs_changed);
	put_uint(&j, "dirs_unmodified", m->dirs_unmodified);
	put_uint(&j, "data_blobs", m->data_blobs);
	put_uint(&j, "tree_blobs", m->tree_blobs);
	put_uint(&j, "data_added", m->data_added);
	put_uint(&j, "data_added_packed", m->data_added_packed);
	put_uint(&j, "total_files_processed", m->total_files_processed);
	put_uint(&j, "total_bytes_processed", m->total_bytes_processed);
	json_key(&j, "total_duration");
	json_float(&j, progress_seconds(&a->progress));
	json_key(&j, "backup_start");
	json_time(&j, &m->backup_start, a->s->zone);
	json_key(&j, "backup_end");
	json_time(&j, &m->backup_end, a->s->zone);
	if (!id_is_zero(&r->snapshot)) {
		json_key(&j, "snapshot_id");
		json_id(&j, &r->snapshot);
	}
	if (r->partial) {
		json_key(&j, "partial");
		json_boolean(&j, true);
	}
	put_uint(&j, "files_vanished", r->counts.files_vanished); /* these are ours, not restic's */
	put_uint(&j, "dirs_vanished", r->counts.dirs_vanished);
	put_uint(&j, "parts_lost", r->counts.parts_lost);
	put_uint(&j, "retries", r->counts.retries);
	if (dry_run) {
		json_key(&j, "dry_run");
		json_boolean(&j, true);
	}
	json_object_end(&j);
	out_line(a->s->cmd->out, &a->line);
}

static void text_summary(struct add *a, bool dry_run)
{
	const struct backup_result *r = &a->result;
	const struct snapshot_summary *m = &r->summary;
	struct out *o = a->s->cmd->out;

	out_say(o, 1, "%s", "");
	out_say(o, 1, "Files:       %5llu new, %5llu changed, %5llu unmodified",
		(unsigned long long)m->files_new, (unsigned long long)m->files_changed,
		(unsigned long long)m->files_unmodified);
	out_say(o, 1, "Dirs:        %5llu new, %5llu changed, %5llu unmodified",
		(unsigned long long)m->dirs_new, (unsigned long long)m->dirs_changed,
		(unsigned long long)m->dirs_unmodified);
	if (r->counts.files_vanished || r->counts.dirs_vanished)
		out_say(o, 1,
			"Vanished:    %5llu files, %5llu directories, while they were looked at",
			(unsigned long long)r->counts.files_vanished,
			(unsigned long long)r->counts.dirs_vanished);
	if (r->counts.parts_lost)
		out_say(o, 1,
			"Repository:  %5llu parts that the last snapshot needs were missing or "
			"damaged",
			(unsigned long long)r->counts.parts_lost);
	out_say(o, 2, "Data Blobs:  %5llu new", (unsigned long long)m->data_blobs);
	out_say(o, 2, "Tree Blobs:  %5llu new", (unsigned long long)m->tree_blobs);
	out_say(o, 1, "%s to the repository: %s (%s stored)", dry_run ? "Would add" : "Added",
		human_size(m->data_added).s, human_size(m->data_added_packed).s);
	out_say(o, 1, "%s", "");
	out_say(o, 1, "processed %llu files, %s in %s",
		(unsigned long long)m->total_files_processed,
		human_size(m->total_bytes_processed).s,
		human_duration((uint64_t)progress_seconds(&a->progress)).s);
	out_say(o, 2,
		"%d ranks; files opened: %llu, trees read: %llu with %llu requests, items stolen: "
		"%llu, returned: %llu",
		a->s->comm->size, (unsigned long long)r->counts.files_opened,
		(unsigned long long)r->counts.trees_read, (unsigned long long)r->counts.store_gets,
		(unsigned long long)r->counts.items_stolen,
		(unsigned long long)r->counts.items_returned);
	out_say(o, r->counts.retries ? 1 : 2, "requests to the store that were tried again: %llu",
		(unsigned long long)r->counts.retries);
	if (r->objects_max)
		out_say(o, 2, "objects in the bucket: about %llu, at most %llu are allowed",
			(unsigned long long)r->objects, (unsigned long long)r->objects_max);
	if (!id_is_zero(&r->snapshot))
		out_say(o, 1, r->partial ? "partial snapshot %s saved" : "snapshot %s saved",
			id_short(&r->snapshot).s);
	else if (r->unchanged)
		out_say(o, 1, "skipped creating snapshot");
}

/* Collective from here on: all ranks make the same calls. */
static int run_together(struct add *a, const struct backup_events *ev, struct err *err)
{
	struct session *s = a->s;
	int rc = together_join(s, err);

	/* mpirun kills everybody a second after it has handed a signal on. */
	a->job.opt.signal_ns = s->cmd->env("OMPI_COMM_WORLD_SIZE") ? 0
								   : stop_drain_ns(s->cmd->stop);
	a->job.opt.early_ns = stop_early_ns(s->cmd->stop);
	a->job.opt.lock = s->open.lock;
	if (!rc)
		rc = backup_run(s->router, s->agree, s->open.repo, &s->env, &a->job.opt, ev,
			stop_flag(s->cmd->stop), &a->result, err);
	return rc;
}

int cmd_add_follow(struct session *s, struct wire_in *orders, struct err *err)
{
	struct add a = {.s = s};
	struct backup_events ev = {.stopped = on_stopped, .arg = &a};
	int rc;

	err_clear(err);
	addjob_get(&a.job, s, orders, err);
	if (s->cmd->mpi) /* else rank 0 is of this process, and has said so */
		stop_drains(s->cmd->stop, s->set.drain_ns, slurm_job(s->cmd->env));
	rc = run_together(&a, &ev, err);
	addjob_release(&a.job);
	return rc;
}

/* One of another host. */
static void say_parent(struct add *a, const struct snapshot *parent)
{
	struct out *o = a->s->cmd->out;

	out_path(o, &a->line, parent->hostname, strlen(parent->hostname));
	out_say(o, 1, "using parent snapshot %s, from %s", id_short(&parent->id).s,
		buf_str(&a->line));
	buf_reset(&a->line);
}

static void on_missing(void *arg, unsigned i, const char *path, uint64_t n)
{
	struct add *a = arg;
	struct out *o = a->s->cmd->out;

	out_path(o, &a->line, path, strlen(path));
	if (n > 1)
		out_warn(o,
			"the partial snapshot %s has %s, and %llu more beside it, which are "
			"not there any more",
			id_short(&a->job.opt.partial[i]->id).s, buf_str(&a->line),
			(unsigned long long)n - 1);
	else
		out_warn(o, "the partial snapshot %s has %s, which is not there any more",
			id_short(&a->job.opt.partial[i]->id).s, buf_str(&a->line));
	buf_reset(&a->line);
}

static void removed(void *arg, size_t i, const struct err *failed)
{
	const struct add *a = arg;

	(void)i;
	if (failed)
		out_warn(a->s->cmd->out,
			"a partial snapshot that this one replaces could not be removed: %s",
			failed->msg);
	else
		out_say(a->s->cmd->out, 2, "a partial snapshot that this one replaces is removed");
}

/* Of what the run went on from, the ones go that have nothing which the new snapshot, partial or
 * not, has not; that one was saved, and is read back before. */
static void remove_partials(struct add *a)
{
	const struct remove_events ev = {.told = removed, .arg = a};
	const struct backup_options *o = &a->job.opt;
	struct id gone[PARENTS_MAX];
	struct err err = {0};
	struct buf json;
	size_t n = 0;

	for (unsigned i = 0; i < o->partials; i++)
		if (!a->result.missing[i])
			gone[n++] = o->partial[i]->id;
	if (!n || id_is_zero(&a->result.snapshot))
		return;
	buf_init(&json, (size_t)64 << 20);
	if (repo_load(a->s->open.repo, BACKEND_SNAPSHOT, &a->result.snapshot, &json, &err) ||
		remove_files(a->s->open.repo, BACKEND_SNAPSHOT, gone, n, &ev, &err))
		out_warn(a->s->cmd->out,
			"the partial snapshots that this one replaces are not removed: %s",
			err.msg);
	buf_release(&json);
}

static int open_all(struct add *a, struct err *err)
{
	struct session *s = a->s;
	int rc = session_open(s, err);

	if (!rc)
		rc = session_snapshots(s, err);
	addjob_tag(&a->job, s);
	if (!rc)
		rc = addjob_parent(&a->job, s, err);
	if (rc)
		return rc;
	if (a->job.opt.parent && strcmp(a->job.opt.parent->hostname, a->job.opt.head.hostname) != 0)
		say_parent(a, a->job.opt.parent);
	else if (a->job.opt.parent)
		out_say(s->cmd->out, 1, "using parent snapshot %s",
			id_short(&a->job.opt.parent->id).s);
	else
		out_say(s->cmd->out, 1, "no parent snapshot found, will read all files");
	for (unsigned i = 0; i < a->job.opt.partials; i++)
		out_say(s->cmd->out, 1, "going on from partial snapshot %s",
			id_short(&a->job.opt.partial[i]->id).s);
	return 0;
}

static void send_order(struct add *a)
{
	struct buf b;

	buf_init(&b, TOGETHER_MAX);
	addjob_put(&a->job, a->s, &b);
	together_send(a->s, &b);
}

static void say_summary(struct add *a)
{
	if (out_json(a->s->cmd->out))
		json_summary(a, a->job.opt.dry_run);
	else
		text_summary(a, a->job.opt.dry_run);
	if (a->unreadable)
		unreadable_say(a->unreadable, a->s->cmd->out);
}

/* The run drained, as `err` says: what came of that, and whether it helps to run it again. */
static int report_early(struct add *a, int rc, struct err *err)
{
	const struct stop *stop = a->s->cmd->stop;
	const struct backup_result *r = &a->result;
	struct err why = *err;

	if (r->partial) {
		say_summary(a);
		if (!r->counts.errors)
			remove_partials(a);
	}
	if (stop_signalled(stop))
		return rc;
	if (r->stuck)
		return err_set(err, CMD_PARTIAL_STUCK,
			"no file was finished in this time that an earlier run had not: it needs "
			"more time, or more ranks; nothing was saved");
	if (r->partial && stop_why(stop) == STOP_TOKEN)
		return err_set(err, CMD_PARTIAL_STUCK, "%.900s", why.msg);
	if (r->partial)
		return err_set(err, CMD_PARTIAL,
			"ended before all was saved; the same command goes on from there");
	return rc == ERR_CANCELLED
		       ? err_set(err, ERR_IO,
				 "what was begun could not be stored in the time that was left: "
				 "there is no partial snapshot; what is stored is not stored again")
		       : rc;
}

static int report(struct add *a, struct err *err)
{
	size_t bad = a->s->snaps.n_bad;

	say_summary(a);
	if (a->result.counts.errors || a->job.missing)
		return err_set(err, CMD_INCOMPLETE, "at least one source file could not be read");
	if (a->result.counts.parts_lost)
		return err_set(err, CMD_INCOMPLETE,
			"parts of the repository are missing or damaged: this snapshot is whole, "
			"older ones may not be; see above, and run check");
	return bad ? err_set(err, CMD_INCOMPLETE,
			     "%zu other snapshot%s of the repository could not be read; see above",
			     bad, bad > 1 ? "s" : "")
		   : 0;
}

int cmd_add(struct session *s, struct err *err)
{
	struct add a = {.s = s};
	struct backup_events ev = {.progress = on_progress,
		.error = on_error,
		.item = on_item,
		.missing = on_missing,
		.stopped = on_stopped,
		.arg = &a};
	struct timelimit *limit;
	int rc;

	buf_init(&a.line, SIZE_MAX / 2);
	rc = addjob_read(&a.job, s, err);
	if (!rc && opt_flag(s->opts, OPT_PRE_CHECK))
		a.unreadable = unreadable_new(a.job.cwd);
	stop_drains(s->cmd->stop, s->set.drain_ns, slurm_job(s->cmd->env));
	if (!rc) {
		rc = open_all(&a, err);
		if (rc == ERR_CANCELLED && !stop_signalled(s->cmd->stop) &&
			stop_why(s->cmd->stop) != STOP_NOT)
			rc = err_set(err, CMD_PARTIAL,
				"ended before it had begun; the same command begins");
	}
	if (!rc) {
		err_clear(err);
		progress_init(&a.progress, s);
		session_watch_token(s);
		limit = timelimit_new(s, s->set.limit_ns);
		if (s->comm->size > 1)
			send_order(&a);
		rc = session_lost(s, run_together(&a, &ev, err), err);
		timelimit_free(limit);
		progress_end(&a.progress);
		rc = rc ? report_early(&a, rc, err) : report(&a, err);
		if (!rc)
			remove_partials(&a);
	}
	unreadable_free(a.unreadable);
	buf_release(&a.line);
	addjob_release(&a.job);
	return rc;
}
