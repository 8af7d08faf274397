/* stats: how much snapshots hold, in one of four ways of counting (docs/format.md 13.12). */
#include "base/mem.h"
#include "cmd/choose.h"
#include "cmd/human.h"
#include "cmd/together.h"
#include "engine/stats.h"
#include "engine/stats_raw.h"
#include <string.h>

static const char *const modes[] = {[STATS_RESTORE] = "restore-size",
	[STATS_CONTENTS] = "files-by-contents",
	[STATS_BLOBS] = "blobs-per-file",
	"raw-data"};
enum { RAW = STATS_BLOBS + 1, MODES };

struct counted {
	uint64_t snapshots, size, plain, files, blobs;
	double ratio, progress, saving; /* of compression; 0: nothing to say */
};

static void on_stopped(void *arg)
{
	const struct session *s = arg;

	stop_told(s->cmd->stop);
}

static void of_raw(const struct stats_raw *n, bool compresses, struct counted *c)
{
	c->size = n->stored;
	c->blobs = n->blobs;
	if (!compresses)
		return;
	c->plain = n->plain;
	if (n->packed)
		c->ratio = (double)n->packed_plain / (double)n->packed;
	if (n->plain) {
		c->progress = (double)n->packed_plain / (double)n->plain * 100;
		c->saving = (1 - (double)n->stored / (double)n->plain) * 100;
	}
}

/* Collective. */
static int run_raw(struct session *s, const struct id *roots, size_t n, struct stats_raw *sum,
	struct err *err)
{
	int rc = together_join(s, err);

	return rc ? rc
		  : stats_raw_run(s->router, s->agree, s->open.repo, roots, n, on_stopped, s,
			    stop_flag(s->cmd->stop), sum, err);
}

int cmd_stats_follow(struct session *s, struct wire_in *orders, struct err *err)
{
	err_clear(err);
	together_get(s, orders, NULL, err);
	return run_raw(s, NULL, 0, NULL, err);
}

static void send_order(struct session *s)
{
	char *cwd = session_cwd(s);
	struct buf b;

	buf_init(&b, TOGETHER_MAX);
	together_put(s, cwd ? cwd : "/", &b);
	together_send(s, &b);
	mem_free(cwd);
}

static int count_raw(struct session *s, const struct choice *which, struct counted *c,
	struct err *err)
{
	struct id *roots = mem_array(which->n + 1, sizeof(*roots));
	struct stats_raw sum = {0};
	int rc;

	for (size_t i = 0; i < which->n; i++)
		roots[i] = which->s[i]->tree;
	if (s->comm->size > 1)
		send_order(s);
	rc = run_raw(s, roots, which->n, &sum, err);
	of_raw(&sum, s->open.repo->config.version > 1, c);
	mem_free(roots);
	return rc;
}

/* By paths: rank 0 alone; the others wait for the end. */
static int count_files(struct session *s, int mode, const struct choice *which, struct counted *c,
	struct err *err)
{
	struct stats *st;
	struct stats_sums sums;
	int rc = session_index(s, err);

	if (rc)
		return rc;
	st = stats_new((enum stats_mode)mode, s->loader, s->catalog, &s->env);
	for (size_t i = 0; i < which->n && !rc; i++) {
		rc = stats_visit(st, &which->s[i]->tree, stop_flag(s->cmd->stop), err);
		if (rc)
			err_prefix(err, "snapshot %s", id_short(&which->s[i]->id).s);
	}
	sums = stats_sums(st);
	c->size = sums.size;
	c->files = sums.files;
	c->blobs = sums.blobs;
	stats_free(st);
	return rc;
}

static void json_nonzero(struct json_out *j, const char *key, uint64_t v)
{
	if (v) {
		json_key(j, key);
		json_uint(j, v);
	}
}

static void json_part(struct json_out *j, const char *key, double v)
{
	if (v > 0 || v < 0) {
		json_key(j, key);
		json_float(j, v);
	}
}

static void put_json(const struct counted *c, struct buf *b)
{
	struct json_out j;

	json_out_init(&j, b);
	json_object(&j);
	json_key(&j, "total_size");
	json_uint(&j, c->size);
	json_nonzero(&j, "total_uncompressed_size", c->plain);
	json_part(&j, "compression_ratio", c->ratio);
	json_part(&j, "compression_progress", c->progress);
	json_part(&j, "compression_space_saving", c->saving);
	json_nonzero(&j, "total_file_count", c->files);
	json_nonzero(&j, "total_blob_count", c->blobs);
	json_key(&j, "snapshots_count");
	json_uint(&j, c->snapshots);
	json_object_end(&j);
}

static void put_count(struct buf *b, const char *what, uint64_t v)
{
	if (v)
		buf_addf(b, "\n%25s  %llu", what, (unsigned long long)v);
}

static void put_text(const struct counted *c, const char *mode, struct buf *b)
{
	buf_addf(b, "Stats in %s mode:", mode);
	buf_addf(b, "\n%25s  %llu", "Snapshots processed:", (unsigned long long)c->snapshots);
	put_count(b, "Total Blob Count:", c->blobs);
	put_count(b, "Total File Count:", c->files);
	if (c->plain)
		buf_addf(b, "\n%25s  %-5s", "Total Uncompressed Size:", human_size(c->plain).s);
	buf_addf(b, "\n%25s  %-5s", "Total Size:", human_size(c->size).s);
	if (c->progress > 0)
		buf_addf(b, "\n%25s  %.2f%%", "Compression Progress:", c->progress);
	if (c->ratio > 0)
		buf_addf(b, "\n%25s  %.2fx", "Compression Ratio:", c->ratio);
	if (c->saving > 0)
		buf_addf(b, "\n%25s  %.2f%%", "Compression Space Saving:", c->saving);
}

static int read_mode(const struct opts *o, int *mode, struct err *err)
{
	const char *given = opt_str(o, OPT_COUNT);

	*mode = STATS_RESTORE;
	if (!given)
		return 0;
	for (*mode = 0; *mode < MODES && strcmp(modes[*mode], given) != 0; ++*mode)
		;
	return *mode < MODES ? 0
			     : err_set(err, ERR_USAGE,
				       "--mode must be restore-size, files-by-contents, "
				       "blobs-per-file or raw-data, not \"%s\"",
				       given);
}

static int count(struct session *s, int mode, struct err *err)
{
	struct choice which;
	struct counted c = {0};
	struct buf b;
	int rc = choose_snapshots(s, &s->opts->args, &which, err);

	if (!rc && !out_json(s->cmd->out))
		out_say(s->cmd->out, 1, "scanning...");
	c.snapshots = which.n;
	if (!rc)
		rc = mode == RAW ? count_raw(s, &which, &c, err)
				 : count_files(s, mode, &which, &c, err);
	choose_release(&which);
	if (rc)
		return rc;
	buf_init(&b, SIZE_MAX / 2);
	if (out_json(s->cmd->out))
		put_json(&c, &b);
	else
		put_text(&c, modes[mode], &b);
	out_line(s->cmd->out, &b);
	buf_release(&b);
	return s->snaps.n_bad ? CMD_ERROR : 0;
}

int cmd_stats(struct session *s, struct err *err)
{
	int mode, rc = read_mode(s->opts, &mode, err);

	if (!rc)
		rc = session_filter_alone(s, &s->opts->args, err);
	if (!rc)
		rc = session_open(s, err);
	return rc ? rc : session_lost(s, count(s, mode, err), err);
}
