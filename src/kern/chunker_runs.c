/* chunker_runs: the list of candidates, and the cuts that follow from it. */
#include "base/mem.h"
#include "kern/chunker_scan.h"

void chunker_runs_release(struct chunker_runs *r)
{
	if (!r)
		return;
	mem_free(r->run);
	*r = (struct chunker_runs){0};
}

static uint64_t last_of(const struct chunker_run *r)
{
	return r->start + (r->count - 1) * r->step;
}

/* Whether start … start + count - 1 continue `r`; then they are added to it. */
static bool join(struct chunker_run *r, uint64_t start, uint64_t count)
{
	uint64_t gap = start - last_of(r);

	if (gap == r->step && (count == 1 || gap == 1)) {
		r->count += count;
		return true;
	}
	/* Two single ones: the next will show whether they were the beginning of something
	 * periodic. */
	if (r->count == 1 && count == 1 && gap <= CHUNKER_STEP_MAX) {
		r->step = gap;
		r->count = 2;
		return true;
	}
	return false;
}

void chunker_runs_add(struct chunker_runs *r, uint64_t start, uint64_t count)
{
	if (count == 0 || (r->n && join(&r->run[r->n - 1], start, count)))
		return;
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 8;
		r->run = mem_regrow(r->run, r->cap, sizeof *r->run);
	}
	r->run[r->n++] = (struct chunker_run){.start = start, .count = count, .step = 1};
}

/* Index of the first run from `i` on that has a candidate >= pos. */
static size_t find(const struct chunker_runs *r, size_t i, uint64_t pos)
{
	size_t end = r->n;

	while (i < end) {
		size_t mid = i + (end - i) / 2;

		if (last_of(&r->run[mid]) < pos)
			i = mid + 1;
		else
			end = mid;
	}
	return i;
}

uint64_t chunker_cut(const struct chunker_runs *runs, size_t *hint, uint64_t start, uint64_t size)
{
	uint64_t low = start + CHUNKER_MIN, end = start + CHUNKER_MAX;
	size_t i = hint && *hint <= runs->n ? *hint : 0;

	/* A hint that is ahead of `start` would be a wrong cut; it only ever saves time. */
	if (i && last_of(&runs->run[i - 1]) >= low)
		i = 0;
	i = find(runs, i, low);
	if (hint)
		*hint = i;
	if (i < runs->n) {
		const struct chunker_run *r = &runs->run[i];
		uint64_t p = r->start;

		if (p < low)
			p += (low - p + r->step - 1) / r->step * r->step;
		if (p < end)
			end = p;
	}
	return end < size ? end : size;
}
