/*
 * chunker: restic's content-defined cuts, found by scanning for candidates independently of where
 * chunks begin (docs/format.md 9).
 *
 * Whether position p (bytes before the cut) is a candidate depends on the 64 bytes before p alone.
 * So segments of a file can be scanned by different threads or ranks, and one pass over the
 * candidates with the minimum and maximum rule gives exactly restic's chunks. Tables are immutable
 * and shared; everything else belongs to one thread.
 */
#ifndef KERN_CHUNKER_H
#define KERN_CHUNKER_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNKER_WINDOW 64
#define CHUNKER_MIN    ((size_t)512 * 1024)
#define CHUNKER_MAX    ((size_t)8 * 1024 * 1024)
#define CHUNKER_MASK   0xfffffu

struct chunker_tables;

/* chunker_tables_new(poly): poly of degree 53, checked by the caller (config_parse does).  Owned by
 * the caller. */
struct chunker_tables *chunker_tables_new(uint64_t poly);
void chunker_tables_free(struct chunker_tables *t);

/*
 * chunker_variant(): the name of the scan used on this CPU.  Variants are chosen once per process,
 * each only after it has found the same candidates as the plain one on a self-test; "plain" is
 * always there.
 */
const char *chunker_variant(void);

/*
 * Cutting a stream: the caller keeps the bytes since the last cut at `p`.
 * chunker_next(c, p, n, eof): length of the chunk that begins at p, or 0 when more bytes are needed
 * (never when eof and n > 0, or n >= CHUNKER_MAX). Bytes already looked at are not scanned again:
 * between two calls that return 0 the same chunk must be at p (which may have moved in memory).
 */
struct chunker {
	const struct chunker_tables *tables;
	size_t scanned; /* of the current chunk */
};
void chunker_init(struct chunker *c, const struct chunker_tables *t);
size_t chunker_next(struct chunker *c, const uint8_t *p, size_t n, bool eof);

/*
 * Candidates of a segment, as runs: `start + i * step` for i < count are candidates, and no others
 * near them.  Constant data makes every position one (step 1); data that repeats with a period of
 * up to CHUNKER_STEP_MAX bytes costs a run too, so that the list stays small beside what was
 * scanned.
 */
#define CHUNKER_STEP_MAX 4096
struct chunker_run {
	uint64_t start, count;
	uint64_t step; /* 1 when count == 1 */
};
struct chunker_runs {
	struct chunker_run *run;
	size_t n, cap;
};
void chunker_runs_release(struct chunker_runs *r);

/*
 * chunker_scan(t, p, back, n, at, runs): append the candidates among positions at+1 … at+n, where p
 * points at file offset `at` and `back`
 * (<= 64) bytes before p are readable too (fewer than 64 only when at < 64: the bytes before the
 * file count as zero and positions < 64 are never candidates).  Adjacent runs are joined, also with
 * the last one of `runs`.
 */
void chunker_scan(const struct chunker_tables *t, const uint8_t *p, size_t back, size_t n,
	uint64_t at, struct chunker_runs *runs);

/*
 * chunker_cut(runs, hint, start, size): the end of the chunk that begins at `start` in a file of
 * `size` bytes, given all candidates up to start + CHUNKER_MAX. `hint` (may be NULL, starts as 0)
 * keeps the place in the list between calls with growing `start`.
 */
uint64_t chunker_cut(const struct chunker_runs *runs, size_t *hint, uint64_t start, uint64_t size);

#endif
