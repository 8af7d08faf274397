/*
 * prune_plan: which packs a prune keeps, writes anew or removes (docs/format.md 14).  Pure: sums
 * in, a fate for each pack and restic's figures out.  The rules are restic 0.19's; where they leave
 * the order open (packs alike in all that counts) the pack's id decides, so that any number of
 * ranks plans the same.
 */
#ifndef ENGINE_PRUNE_PLAN_H
#define ENGINE_PRUNE_PLAN_H
#include "base/id.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum prune_fate {
	PRUNE_KEEP,
	PRUNE_REPACK, /* what is used of it is stored again, then it is removed */
	PRUNE_REMOVE, /* nothing of it is used; it may be missing already */
	/* Used, and not what the index says: nothing may be removed. */
	PRUNE_MISSING,   /* there is no such file */
	PRUNE_WRONG_SIZE /* the file has another size */
};

/* A pack that an index names. */
struct prune_pack {
	struct id id;
	uint64_t file;         /* bytes of its file */
	uint64_t used, unused; /* bytes, as the index has them; what is no blob counts as used */
	uint32_t used_blobs, unused_blobs;
	bool listed;     /* there is such a file */
	bool data, tree; /* blobs that it holds */
	bool raw;        /* a blob of it is not compressed */
	uint8_t fate;    /* out: enum prune_fate */
};

enum prune_unused { PRUNE_PERCENT, PRUNE_BYTES, PRUNE_UNLIMITED };
struct prune_rules {
	enum prune_unused unused; /* how much may stay unused: … */
	double percent;           /* … of what is there then, 0 … below 100 */
	uint64_t bytes;           /* … so much */
	uint64_t max_repack;      /* bytes of packs to write anew; UINT64_MAX: any number */
	uint64_t smaller_than;    /* bytes of a pack that is too small; 0: by the others' sizes */
	bool cacheable_only;      /* packs of data are not written anew */
	bool uncompressed;        /* all that is not compressed is written anew */
	unsigned version;         /* of the repository */
};

/* restic's figures.  Of blobs and bytes the first three are the caller's, and bytes and packs that
 * are in no index; the rest is prune_plan's. */
#define PRUNE_BLOBS(X) X(used) X(duplicate) X(unused) X(repack) X(repack_remove) X(remove)
#define PRUNE_PACKS(X) X(used) X(unused) X(partly_used) X(unreferenced) X(keep) X(repack) X(remove)
struct prune_stats {
#define PRUNE_STAT(name) uint64_t name;
	struct {
		PRUNE_BLOBS(PRUNE_STAT)
	} blobs;
	struct {
		PRUNE_BLOBS(PRUNE_STAT)
		PRUNE_STAT(unreferenced) PRUNE_STAT(uncompressed)
	} bytes;
	struct {
		PRUNE_PACKS(PRUNE_STAT)
	} packs;
#undef PRUNE_STAT
};

/*
 * prune_plan(r, p, n, s): a fate for each of n packs.  Returns how many are
 * missing or of a wrong size: then the figures are of no use.
 */
size_t prune_plan(const struct prune_rules *r, struct prune_pack *p, size_t n,
	struct prune_stats *s);

#endif
