#include "engine/restore_delete.h"
#include "engine/restore_priv.h"
#include "engine/restore_proof.h"
#include "engine/restore_verify.h"
#include <string.h>
#include <sys/resource.h>

/* A share of the descriptors of a rank; whatever that is, one is enough to go on. */
static size_t part_of(size_t all, size_t part, size_t most)
{
	size_t n = all / part;

	return n < 1 ? 1 : n < most ? n : most;
}

/* How many descriptors there may be, shared out so that pinned directories, idle ones and files
 * together stay below 5/8 of the limit: the rest is for packs and what each rank has open. */
static void share_descriptors(struct restore_shared *sh, size_t ranks, size_t *idle)
{
	struct rlimit lim;
	size_t n = 256;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0)
		n = lim.rlim_cur > 8192 * ranks ? 8192 : (size_t)lim.rlim_cur / ranks;
	sh->dirs_max = part_of(n, 8, 256); /* times WINDOWS + 1 */
	sh->files_max = part_of(n, 8, 256);
	*idle = part_of(n, 16, 64);
}

static void unused_pattern(void *arg, const char *pattern)
{
	struct restore *r = arg;
	struct err e;

	err_set(&e, ERR_NOTFOUND,
		"the pattern matches nothing in the snapshot: nothing is deleted for it");
	restore_say(&r->dirs, pattern, NULL, &e);
}

/* ---- the run ---- */

static void ended(void *arg, const struct run_told *t)
{
	struct restore *r = arg;

	__atomic_store_n(&r->halted, (int)STOPPED_FAIL, __ATOMIC_RELAXED);
	if (t->stopped && r->ev->stopped)
		r->ev->stopped(r->ev->arg);
	restore_flow_on(r);
}

static void count(void *arg, uint64_t *v)
{
	struct restore *r = arg;

	if (r->dirs.owners)
		restore_owners_left(r->dirs.owners, r->mine.left);
	memcpy(v, &r->mine, sizeof(r->mine));
}

static void progress(void *arg)
{
	struct restore *r = arg;

	r->tell.progress(r, &r->mine);
}

static struct run *make_run(struct restore *r, const volatile int *stop)
{
	return run_new(r->in->router, r->in->agree,
		&(struct run_ops){.stop = stop,
			.ended = ended,
			.note = restore_heard,
			.n_counts = sizeof(struct restore_counts) / sizeof(uint64_t),
			.count = count,
			.progress = progress,
			.arg = r});
}

/* ---- the order ---- */

/* Collective: rank 0 says whether what was written is read again, and whether a tree was lost. */
static bool goes_on(struct restore *r, bool on)
{
	struct wire_in in;
	struct buf b;

	buf_init(&b, 2);
	wire_put_u8(&b, on);
	wire_put_u8(&b, r->broken);
	agree_bcast(r->in->agree, &b);
	wire_in_init(&in, b.p, b.len);
	on = wire_u8(&in);
	r->broken = wire_u8(&in);
	buf_release(&b);
	return on;
}

static int phases(struct restore *r, struct err *err)
{
	bool on = restore_walk_phase(r, "restore") == RUN_GOES_ON, leads = !run_rank(r->run);

	on = on && !restore_stopped(&r->sh);
	if (leads && on && r->opt->delete &&!r->broken) {
		restore_used_rest(r->used, unused_pattern, r);
		restore_delete(&r->sh, r->used, r->in->loader, r->root, err);
		on = !err->code && !restore_stopped(&r->sh);
	}
	if (r->sh.written && goes_on(r, on)) {
		r->dirs.existing = true;
		r->sh.verifying = true;
		restore_walk_phase(r, "verify");
	}
	if (leads)
		restore_sum(r);
	if (!err->code && restore_stopped(&r->sh))
		err_set(err, ERR_CANCELLED, "stopped by a signal");
	return run_meet(r->run, err);
}

/* Collective: the target, which rank 0 makes, on all of them. */
static int begin(struct restore *r, struct err *err)
{
	bool several = run_size(r->run) > 1;
	size_t idle;
	int rc = 0;

	share_descriptors(&r->sh, r->in->ranks_here ? r->in->ranks_here : 1, &idle);
	if (run_rank(r->run) == 0)
		rc = restore_dirs_open(&r->dirs, r->opt, true, &r->mine, &r->tell, idle, err);
	if (!several)
		return rc ? rc : restore_away_begin(r, err);
	rc = agree_all(r->in->agree, err);
	if (rc)
		return rc;
	if (run_rank(r->run))
		restore_dirs_open(&r->dirs, r->opt, false, &r->mine, &r->tell, idle, err);
	rc = restore_proof(&r->dirs, r->in->router, r->in->agree, err);
	return rc ? rc : restore_away_begin(r, err);
}

int restore_run(const struct restore_in *in, const struct id *root,
	const struct restore_options *opt, const struct restore_events *ev,
	const volatile int *stop, struct restore_counts *counts, struct err *err)
{
	struct restore r = {.in = in, .opt = opt, .root = root, .ev = ev, .counts = counts};
	int rc;

	memset(counts, 0, sizeof(*counts));
	err_clear(err);
	r.sh = (struct restore_shared){.repo = in->repo,
		.reader = in->reader,
		.cat = in->catalog,
		.env = in->env,
		.dirs = &r.dirs,
		.stop = &r.halted,
		.asked = stop,
		.written = opt->verify && !opt->dry_run ? restore_written_new() : NULL};
	r.used = restore_used_new(opt);
	r.run = make_run(&r, stop);
	restore_tell(&r);
	rc = begin(&r, err);
	if (rc == 0)
		rc = phases(&r, err);
	restore_away_end(&r);
	run_free(r.run);
	restore_written_free(r.sh.written);
	restore_used_free(r.used);
	restore_dirs_release(&r.dirs);
	return rc;
}
