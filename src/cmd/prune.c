#include "cmd/prune.h"
#include "base/mem.h"
#include "cmd/human.h"
#include "cmd/progress.h"
#include "fs/match.h"
#include <stdlib.h>
#include <string.h>

struct pruning {
	struct session *s;
	struct progress progress;
	bool dry_run;
	bool brief; /* nothing but what is freed is told */
};

/* ---- options ---- */

static int read_size(const struct session *s, enum opt_id id, const char *what, uint64_t *v,
	struct err *err)
{
	const char *text = opt_str(s->opts, id);
	unsigned long long n;

	if (!text || !*text)
		return 0;
	if (match_size(text, &n, err))
		return err_set(err, ERR_USAGE, "%s takes a size such as 500M or 10G, not \"%s\"",
			what, text);
	*v = n;
	return 0;
}

static int read_unused(const struct session *s, struct prune_rules *r, struct err *err)
{
	const char *text = opt_str(s->opts, OPT_MAX_UNUSED);
	unsigned long long n;
	char *end;

	r->unused = PRUNE_PERCENT;
	r->percent = 5;
	if (!text)
		return 0;
	if (!strcmp(text, "unlimited")) {
		r->unused = PRUNE_UNLIMITED;
		return 0;
	}
	if (strchr(text, '%')) {
		/* strtod would take blanks, hex and words too. */
		size_t digits = strspn(text, "0123456789.eE+-");

		r->percent = strtod(text, &end);
		if (digits && end == text + digits && !strcmp(end, "%") && r->percent >= 0 &&
			r->percent < 100)
			return 0;
		return err_set(err, ERR_USAGE, "--max-unused %s: at least 0%%, and less than 100%%",
			text);
	}
	if (match_size(text, &n, err))
		return err_set(err, ERR_USAGE,
			"--max-unused takes a size such as 10G, a part such as 5%%, or unlimited, "
			"not \"%s\"",
			text);
	r->unused = PRUNE_BYTES;
	r->bytes = n;
	return 0;
}

int prune_read(const struct session *s, struct prune_options *o, struct err *err)
{
	struct prune_rules *r = &o->rules;
	int rc;

	*o = (struct prune_options){.dry_run = opt_flag(s->opts, OPT_DRY_RUN)};
	r->max_repack = UINT64_MAX;
	r->cacheable_only = opt_flag(s->opts, OPT_REPACK_CACHEABLE);
	r->uncompressed = opt_flag(s->opts, OPT_REPACK_UNCOMPRESSED);
	rc = read_unused(s, r, err);
	if (!rc)
		rc = read_size(s, OPT_MAX_REPACK, "--max-repack-size", &r->max_repack, err);
	if (!rc)
		rc = read_size(s, OPT_REPACK_SMALLER, "--repack-smaller-than", &r->smaller_than,
			err);
	return rc;
}

/* What is known once settings and repository are. */
static int complete(const struct session *s, struct prune_options *o, struct err *err)
{
	o->pack_size = s->set.pack_size;
	/* mpirun kills a second later. */
	o->signal_ns = s->cmd->env("OMPI_COMM_WORLD_SIZE") ? 0 : stop_drain_ns(s->cmd->stop);
	o->early_ns = stop_early_ns(s->cmd->stop);
	o->lock = s->open.lock;
	o->memory = s->set.memory;
	if (o->rules.smaller_than > o->pack_size)
		return err_set(err, ERR_USAGE,
			"--repack-smaller-than is more than the size of packs, which is %s",
			human_size(o->pack_size).s);
	if (o->rules.uncompressed && s->open.repo->config.version < 2)
		return err_set(err, ERR_USAGE,
			"--repack-uncompressed: a repository of version 1 cannot hold what is "
			"compressed");
	return 0;
}

/* ---- what is told ---- */

static void on_error(void *arg, const char *message)
{
	const struct pruning *p = arg;
	struct json_out j;
	struct buf b;

	if (!out_json(p->s->cmd->out)) {
		out_warn(p->s->cmd->out, "error: %s", message);
		return;
	}
	buf_init(&b, SIZE_MAX / 2);
	out_message(&j, &b, "error");
	json_key(&j, "message");
	json_str(&j, message);
	json_object_end(&j);
	out_json_error(p->s->cmd->out, &b);
	buf_release(&b);
}

static void on_hint(void *arg, const char *message)
{
	const struct pruning *p = arg;

	out_warn(p->s->cmd->out, "%s", message);
}

static void on_stage(void *arg, const char *what)
{
	struct pruning *p = arg;

	progress_end(&p->progress);
	out_say(p->s->cmd->out, p->brief ? 2 : 1, "%s", what);
}

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
	struct pruning *p = arg;

	if (out_json(p->s->cmd->out) || !total || !progress_due(&p->progress))
		return;
	progress_show(&p->progress, "[%s] %.2f%%  %llu / %llu",
		human_duration((uint64_t)progress_seconds(&p->progress)).s,
		100.0 * (double)done / (double)total, (unsigned long long)done,
		(unsigned long long)total);
}

static void on_stopped(void *arg)
{
	const struct pruning *p = arg;

	stop_told(p->s->cmd->stop);
}

/* ---- restic's figures ---- */

/* What follows from the plan's. */
struct sums {
	uint64_t blobs, bytes, unused, gone_blobs, gone, left_unused;
};

static struct sums sums_of(const struct prune_stats *s)
{
	struct sums u;

	u.blobs = s->blobs.used + s->blobs.unused + s->blobs.duplicate;
	u.unused = s->bytes.duplicate + s->bytes.unused;
	u.bytes = s->bytes.used + u.unused + s->bytes.unreferenced;
	u.gone_blobs = s->blobs.remove + s->blobs.repack_remove;
	u.gone = s->bytes.remove + s->bytes.repack_remove + s->bytes.unreferenced;
	u.left_unused = u.unused - s->bytes.remove - s->bytes.repack_remove;
	return u;
}

static double percent(uint64_t part, uint64_t of)
{
	return !part ? 0 : part >= of ? 100 : 100.0 * (double)part / (double)of;
}

static void line(const struct pruning *p, int verbosity, const char *what, uint64_t blobs,
	uint64_t bytes)
{
	out_say(p->s->cmd->out, verbosity, "%-13s %10llu blobs / %s", what,
		(unsigned long long)blobs, human_size(bytes).s);
}

static void packs(const struct pruning *p, const char *fmt, uint64_t n)
{
	out_say(p->s->cmd->out, 2, fmt, (unsigned long long)n);
}

static void say_found(const struct pruning *p, const struct prune_stats *s, const struct sums *u)
{
	struct out *o = p->s->cmd->out;

	out_say(o, 2, "%s", "");
	line(p, 2, "used:", s->blobs.used, s->bytes.used);
	if (s->blobs.duplicate)
		line(p, 2, "duplicates:", s->blobs.duplicate, s->bytes.duplicate);
	line(p, 2, "unused:", s->blobs.unused, s->bytes.unused);
	if (s->bytes.unreferenced)
		out_say(o, 2, "unreferenced:                    %s",
			human_size(s->bytes.unreferenced).s);
	line(p, 2, "total:", u->blobs, u->bytes);
	out_say(o, 2, "unused size: %.2f%% of total size", percent(u->unused, u->bytes));
}

static void say_text(const struct pruning *p, const struct prune_stats *s)
{
	struct out *o = p->s->cmd->out;
	struct sums u = sums_of(s);

	if (p->dry_run) {
		out_say(o, 1, "%s", "");
		out_say(o, 1, "Would have made the following changes:");
	}
	say_found(p, s, &u);
	out_say(o, 1, "%s", "");
	line(p, 1, "to repack:", s->blobs.repack, s->bytes.repack);
	line(p, 1, "this removes:", s->blobs.repack_remove, s->bytes.repack_remove);
	line(p, 1, "to delete:", s->blobs.remove, s->bytes.remove + s->bytes.unreferenced);
	line(p, 1, "total prune:", u.gone_blobs, u.gone);
	if (s->bytes.uncompressed)
		out_say(o, 1, "not yet compressed:              %s",
			human_size(s->bytes.uncompressed).s);
	line(p, 1, "remaining:", u.blobs - u.gone_blobs, u.bytes - u.gone);
	out_say(o, 1, "unused size after prune: %s (%.2f%% of remaining size)",
		human_size(u.left_unused).s, percent(u.left_unused, u.bytes - u.gone));
	out_say(o, 1, "%s", "");
	packs(p, "totally used packs: %10llu", s->packs.used);
	packs(p, "partly used packs:  %10llu", s->packs.partly_used);
	packs(p, "unused packs:       %10llu", s->packs.unused);
	out_say(o, 2, "%s", "");
	packs(p, "to keep:      %10llu packs", s->packs.keep);
	packs(p, "to repack:    %10llu packs", s->packs.repack);
	packs(p, "to delete:    %10llu packs", s->packs.remove);
	if (s->packs.unreferenced)
		packs(p, "to delete:    %10llu unreferenced packs", s->packs.unreferenced);
}

struct member {
	const char *key;
	uint64_t v;
};

static void members(struct json_out *j, const char *key, const struct member *m, size_t n)
{
	json_key(j, key);
	json_object(j);
	for (size_t i = 0; i < n; i++) {
		json_key(j, m[i].key);
		json_uint(j, m[i].v);
	}
	json_object_end(j);
}
#define MEMBERS(j, key, ...)                                                                       \
	members(j, key, (const struct member[]){__VA_ARGS__},                                      \
		sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

/* The members of restic's next release (docs/format.md 13.10). */
static void say_json(const struct pruning *p, const struct prune_stats *s)
{
	const struct sums u = sums_of(s);
	struct json_out j;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	out_message(&j, &b, "summary");
	json_key(&j, "dry_run");
	json_boolean(&j, p->dry_run);
	MEMBERS(&j, "blobs", {"used", s->blobs.used}, {"duplicate", s->blobs.duplicate},
		{"unused", s->blobs.unused}, {"total", u.blobs}, {"repack", s->blobs.repack},
		{"repack_remove", s->blobs.repack_remove}, {"remove", s->blobs.remove},
		{"remove_total", u.gone_blobs}, {"remaining", u.blobs - u.gone_blobs});
	MEMBERS(&j, "bytes", {"used", s->bytes.used}, {"duplicate", s->bytes.duplicate},
		{"unused", s->bytes.unused}, {"unreferenced", s->bytes.unreferenced},
		{"uncompressed", s->bytes.uncompressed}, {"total", u.bytes},
		{"repack", s->bytes.repack}, {"repack_remove", s->bytes.repack_remove},
		{"remove", s->bytes.remove}, {"remove_total", u.gone},
		{"remaining", u.bytes - u.gone}, {"remaining_unused", u.left_unused});
	MEMBERS(&j, "packfiles", {"used", s->packs.used}, {"unused", s->packs.unused},
		{"partly_used", s->packs.partly_used}, {"unreferenced", s->packs.unreferenced},
		{"total", s->packs.used + s->packs.unused + s->packs.partly_used +
				  s->packs.unreferenced},
		{"keep", s->packs.keep}, {"repack", s->packs.repack}, {"remove", s->packs.remove},
		{"remove_total", s->packs.repack + s->packs.remove + s->packs.unreferenced});
	json_object_end(&j);
	out_line(p->s->cmd->out, &b);
	buf_release(&b);
}

static void on_planned(void *arg, const struct prune_stats *s)
{
	struct pruning *p = arg;

	progress_end(&p->progress);
	if (!out_json(p->s->cmd->out) && !p->brief)
		say_text(p, s);
}

static void say_freed(const struct pruning *p, const struct prune_stats *s)
{
	struct sums u = sums_of(s);

	out_say(p->s->cmd->out, 1, "%s %s", human_size(u.gone).s,
		p->dry_run ? "would be freed" : "are freed");
	if (u.left_unused)
		out_say(p->s->cmd->out, 1,
			"%s that no snapshot needs stay%s in packs with what is needed; a_backup "
			"prune --max-unused 0 frees them",
			human_size(u.left_unused).s, p->dry_run ? " then" : "");
}

static void report(const struct pruning *p, const struct prune_result *r)
{
	struct out *o = p->s->cmd->out;

	if (out_json(o)) {
		say_json(p, &r->stats);
		return;
	}
	if (p->brief && !r->packs_left)
		say_freed(p, &r->stats);
	if (p->dry_run)
		return;
	if (r->temps_removed)
		out_say(o, p->brief ? 2 : 1, "removed %llu temporary files of killed writers",
			(unsigned long long)r->temps_removed);
	if (r->packs_left && !p->brief)
		out_warn(o, "%llu packs could not be removed: the next prune tries again",
			(unsigned long long)r->packs_left);
	out_say(o, p->brief ? 2 : 1, "done");
}

/* Several ranks share the index; so does it fit where one is too small for it. */
#define SHARED 4
#define BESIDE ((uint64_t)200000000)

static int advise_on_memory(uint64_t need, struct err *err)
{
	uint64_t each = (need > BESIDE ? (need - BESIDE) / SHARED : 0) + BESIDE;
	struct err what = *err;

	return err_set(err, err->code,
		"%.600s; where there is room: sbatch --ntasks=%d --mem-per-cpu=%lluG --wrap 'srun "
		"a_backup prune', with the same repository and password",
		what.msg, SHARED, (unsigned long long)((each >> 30) + 1));
}

/* ---- the run ---- */

int prune_follow(struct session *s, struct prune_options *o, struct err *err)
{
	struct pruning p = {.s = s};
	struct prune_events ev = {.stopped = on_stopped, .arg = &p};
	struct prune_result r;
	int rc = complete(s, o, err);

	/* Rank 0 says the same. */
	return rc ? rc
		  : prune_run(s->router, s->agree, s->open.repo, &s->env, o, &ev,
			    stop_flag(s->cmd->stop), &r, err);
}

static int run(struct pruning *p, struct prune_options *o, struct prune_result *r, struct err *err)
{
	struct prune_events ev = {.stage = on_stage,
		.progress = on_progress,
		.error = on_error,
		.hint = on_hint,
		.planned = on_planned,
		.stopped = on_stopped,
		.arg = p};
	struct session *s = p->s;
	int rc;

	session_watch_token(s);
	progress_init(&p->progress, s);
	rc = prune_run(s->router, s->agree, s->open.repo, &s->env, o, &ev, stop_flag(s->cmd->stop),
		r, err);
	progress_end(&p->progress);
	rc = session_lost(s, rc, err);
	if (!rc)
		report(p, r);
	else if (r->too_large)
		advise_on_memory(r->too_large, err);
	return rc;
}

int prune_session(struct session *s, struct prune_options *o, const struct id *gone, size_t n_gone,
	struct err *err)
{
	struct pruning p = {.s = s, .dry_run = o->dry_run};
	struct prune_result r = {.too_large = 0};
	int rc = complete(s, o, err);

	o->gone = gone;
	o->n_gone = n_gone;
	return rc ? rc : run(&p, o, &r, err);
}

int prune_free(struct session *s, struct prune_options *o, const struct id *gone, size_t n_gone,
	struct err *err)
{
	struct pruning p = {.s = s, .dry_run = o->dry_run, .brief = true};
	struct prune_result r = {.too_large = 0};
	int rc = complete(s, o, err);

	o->gone = gone;
	o->n_gone = n_gone;
	if (!rc)
		rc = run(&p, o, &r, err);
	if (!rc && r.packs_left)
		rc = err_set(err, ERR_IO,
			"%llu packs could not be removed: the next prune tries again",
			(unsigned long long)r.packs_left);
	if (rc && r.too_large) {
		out_warn(s->cmd->out, "their space is not freed: %s", err->msg);
		err_clear(err);
		rc = 0;
	}
	if (rc)
		err_prefix(err, o->dry_run ? "what would be freed"
					   : "the snapshots are removed, their space is not freed");
	/* What was asked for above all is done. */
	if (rc && rc != ERR_CANCELLED && !o->dry_run)
		rc = err->code = CMD_INCOMPLETE;
	return rc;
}
