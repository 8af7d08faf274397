#include "kern/chunker.h"
#include "base/mem.h"
#include "kern/chunker_scan.h"
#include <string.h>

/*
 * How many of the n bytes at p continue a window of one repeated byte.  Such data is common (holes,
 * padding) and its digest does not change: it needs no scan, and where it makes candidates of all
 * positions they are one run.
 */
static size_t constant_bytes(const uint8_t *p, size_t n)
{
	const size_t step = 4096;
	size_t i = 0;

	if (n == 0 || p[0] != p[-1] ||
		memcmp(p - CHUNKER_WINDOW, p - CHUNKER_WINDOW + 1, CHUNKER_WINDOW - 1) != 0)
		return 0;
	while (n - i >= step && memcmp(p + i - 1, p + i, step) == 0)
		i += step;
	while (i < n && p[i] == p[-1])
		i++;
	return i;
}

static void collect(struct chunker_marks *m, size_t n, uint64_t at, struct chunker_runs *runs)
{
	for (size_t w = 0; w * 64 < n; w++) {
		uint64_t v = m->word[w];

		while (v) {
			unsigned first = (unsigned)__builtin_ctzll(v), len = 64 - first;
			uint64_t rest = ~(v >> first);

			if (rest && (unsigned)__builtin_ctzll(rest) < len)
				len = (unsigned)__builtin_ctzll(rest);
			chunker_runs_add(runs, at + w * 64 + first + 1, len);
			v &= ~((len == 64 ? ~(uint64_t)0 : ((uint64_t)1 << len) - 1) << first);
		}
		m->word[w] = 0;
	}
	m->any = false;
}

/* Candidates at+1 … at+n; 64 bytes before p are readable.  With `first`, stops some way behind the
 * first one it has found. */
static void scan(const struct chunker_tables *t, const uint8_t *p, size_t n, uint64_t at,
	struct chunker_runs *runs, bool first)
{
	const struct chunker_variant *v = chunker_pick();
	struct chunker_marks m;

	memset(&m, 0, sizeof m);
	while (n > 0 && !(first && runs->n)) {
		size_t part = constant_bytes(p, n);

		if (part) {
			if ((chunker_digest(t, p - CHUNKER_WINDOW) & CHUNKER_MASK) == 0)
				chunker_runs_add(runs, at + 1, part);
		} else {
			part = n < v->block ? n : v->block;
			v->scan(t, p, part, &m);
			if (m.any)
				collect(&m, part, at, runs);
		}
		p += part;
		at += part;
		n -= part;
	}
}

void chunker_scan(const struct chunker_tables *t, const uint8_t *p, size_t back, size_t n,
	uint64_t at, struct chunker_runs *runs)
{
	if (back < CHUNKER_WINDOW) {
		/* The first position with a whole window before it has no byte to slide out: it is
		 * looked at by itself. */
		size_t skip = CHUNKER_WINDOW - back;

		if (n < skip)
			return;
		p += skip;
		at += skip;
		n -= skip;
		if ((chunker_digest(t, p - CHUNKER_WINDOW) & CHUNKER_MASK) == 0)
			chunker_runs_add(runs, at, 1);
	}
	scan(t, p, n, at, runs, false);
}

void chunker_init(struct chunker *c, const struct chunker_tables *t)
{
	c->tables = t;
	c->scanned = 0;
}

size_t chunker_next(struct chunker *c, const uint8_t *p, size_t n, bool eof)
{
	/* No position before the minimum can be a cut, so of a chunk's first 512 KiB only the last
	 * window is looked at. */
	size_t from = c->scanned > CHUNKER_MIN - 1 ? c->scanned : CHUNKER_MIN - 1;
	size_t to = n < CHUNKER_MAX ? n : CHUNKER_MAX, len = 0;

	if (from < to) {
		struct chunker_runs runs = {0};

		scan(c->tables, p + from, to - from, from, &runs, true);
		if (runs.n)
			len = (size_t)runs.run[0].start;
		chunker_runs_release(&runs);
	}
	if (len == 0 && (eof || n >= CHUNKER_MAX))
		len = to;
	c->scanned = len ? 0 : to;
	return len;
}
