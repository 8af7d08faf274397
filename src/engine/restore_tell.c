/* A note's number: of an item, its size; of a pattern, which it is. */
#include "engine/restore_priv.h"
#include <string.h>

enum note { ERROR, WARNING, COPY, ITEM, PATTERN, BROKEN };

static void on_error(void *arg, const char *item, const char *message)
{
	run_note(((struct restore *)arg)->run, ERROR, item, message, 0);
}

static void on_warn(void *arg, const char *item, const char *message)
{
	run_note(((struct restore *)arg)->run, WARNING, item, message, 0);
}

static void on_item(void *arg, const char *action, const char *item, uint64_t size)
{
	run_note(((struct restore *)arg)->run, ITEM, action, item, size);
}

/* Rank 0 tells it anew; what others have done it hears now and then. */
static void on_progress(void *arg, const struct restore_counts *c)
{
	struct restore *r = arg;

	(void)c;
	if (run_rank(r->run) || !r->ev->progress)
		return;
	restore_sum(r);
	r->ev->progress(r->ev->arg, r->counts);
}

void restore_tell(struct restore *r)
{
	r->tell = (struct restore_events){.progress = on_progress,
		.error = on_error,
		.warn = on_warn,
		.item = on_item,
		.arg = r};
}

void restore_tell_broken(struct restore *r)
{
	run_note(r->run, BROKEN, NULL, NULL, 0);
}

/* Each rank says it of its first. */
void restore_tell_copy(void *arg, const char *item, const char *message)
{
	run_note(((struct restore *)arg)->run, COPY, item, message, 0);
}

void restore_tell_pattern(void *arg, uint64_t n)
{
	struct restore *r = arg;

	if (run_rank(r->run))
		run_note(r->run, PATTERN, NULL, NULL, n);
}

void restore_heard(void *arg, unsigned kind, const char *a, const char *b, uint64_t n)
{
	struct restore *r = arg;

	switch (kind) {
	case ERROR:
		if (r->ev->error)
			r->ev->error(r->ev->arg, a, b);
		break;
	case WARNING:
		if (r->ev->warn)
			r->ev->warn(r->ev->arg, a, b);
		break;
	case ITEM:
		if (r->ev->item)
			r->ev->item(r->ev->arg, a, b, n);
		break;
	case COPY:
		if (r->ev->warn && !r->copies)
			r->ev->warn(r->ev->arg, a, b);
		r->copies = true;
		break;
	case PATTERN:
		restore_used_pattern(r->used, n);
		break;
	case BROKEN:
		r->broken = true;
		break;
	default:
		break;
	}
}

void restore_sum(struct restore *r)
{
	uint64_t v[sizeof(struct restore_counts) / sizeof(uint64_t)];

	run_sum_counts(r->run, v);
	memcpy(r->counts, v, sizeof(v));
}
