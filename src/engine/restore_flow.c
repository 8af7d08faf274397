#include "engine/restore_link.h"
#include "engine/restore_priv.h"

#define QUIET_NS ((int64_t)30 * 1000 * 1000)

/* A run can end before its first phase, and between two: there is nothing to go on with then. */
void restore_flow_on(struct restore *r)
{
	if (r->pumping || !r->fill)
		return;
	r->pumping = true;
	loop_post(r->sh.env->loop, &r->pump);
}

/* Windows end in any order and are closed in their own: a link's first file may be in an earlier
 * one. */
static void close_windows(struct restore *r)
{
	while (r->oldest && r->oldest->over) {
		struct restore_window *w = r->oldest;

		r->oldest = w->later;
		if (!r->oldest)
			r->newest = NULL;
		r->windows--;
		restore_window_settle(w);
		restore_links_make(w);
		restore_window_free(w);
		run_done(r->run);
	}
	r->tell.progress(r, &r->mine);
	restore_flow_on(r);
}

static void ended(struct restore_window *w)
{
	close_windows(w->arg);
}

static void start(struct restore *r)
{
	struct restore_window *w = r->fill;

	r->fill = restore_window_new(&r->sh);
	r->held = false;
	if (r->newest)
		r->newest->later = w;
	else
		r->oldest = w;
	r->newest = w;
	r->windows++;
	restore_window_start(w, ended, r);
}

struct restore_window *restore_flow_fill(struct restore *r)
{
	if (!r->held)
		run_hold(r->run);
	r->held = true;
	r->added++;
	return r->fill;
}

bool restore_flow_room(struct restore *r)
{
	if (r->windows > RESTORE_WINDOWS)
		return false;
	if (restore_window_full(r->fill) || r->fill->n_link >= RESTORE_WINDOW_FILES)
		start(r);
	return r->windows <= RESTORE_WINDOWS;
}

/* Nothing has come for a while: who sends may be waiting for what lies here. */
static void quiet(struct task *t)
{
	struct restore *r = task_of(t, struct restore, quiet);

	r->waiting = false;
	if (r->held && r->added == r->quiet_at && r->windows <= RESTORE_WINDOWS)
		start(r);
	restore_flow_on(r);
}

void restore_flow_rest(struct restore *r)
{
	if (!r->held || r->waiting || r->windows > RESTORE_WINDOWS)
		return;
	if (run_size(r->run) == 1 || restore_stopped(&r->sh)) {
		start(r);
		return;
	}
	r->waiting = true;
	r->quiet_at = r->added;
	loop_after(r->sh.env->loop, QUIET_NS, &r->quiet);
}

void restore_flow_begin(struct restore *r)
{
	r->links = linkset_new();
	r->fill = restore_window_new(&r->sh);
	r->quiet.done = quiet;
}

static bool idle(void *arg)
{
	return !((const struct restore *)arg)->pumping;
}

void restore_flow_end(struct restore *r)
{
	if (r->waiting)
		loop_cancel(r->sh.env->loop, &r->quiet);
	r->waiting = false;
	loop_until_fn(r->sh.env->loop, idle, r);
	restore_window_free(r->fill);
	linkset_free(r->links);
	r->fill = NULL;
	r->links = NULL;
}
