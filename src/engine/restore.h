/*
 * restore: a snapshot's tree back to a directory, with many transfers in flight and bounded memory
 * (docs/format.md 13.6).
 *
 * Directories are the items of a run (ranks/run.h); their files are gathered in windows: cut into
 * wanted blobs, grouped by pack, fetched in coalesced ranges, decoded on env->cpu and written at
 * their offsets; then metadata; a directory's metadata when everything below it is done; then
 * --delete, and --verify last of all.  What grows with the tree: one entry per hard-linked inode
 * and, to verify, 40 bytes per directory and a bit per file.  Descriptors stay below the limit of
 * the process (RLIMIT_NOFILE), which its ranks share, down to about a hundred and 16 a rank.
 */
#ifndef ENGINE_RESTORE_H
#define ENGINE_RESTORE_H
#include "fs/match.h"
#include "fs/dest.h"
#include "ranks/agree.h"
#include "repo/loader.h"
#include "repo/reader.h"

enum restore_overwrite { RESTORE_ALWAYS, RESTORE_IF_CHANGED, RESTORE_IF_NEWER, RESTORE_NEVER };

struct restore_options {
	const char *target;
	const char *repository; /* a local one's directory, which nothing may remove; or NULL */
	const struct match *const *include; /* lists; at most one of include and exclude is given */
	size_t n_include;
	const struct match *const *exclude;
	size_t n_exclude;
	const struct match *include_xattr, *exclude_xattr; /* NULL: all */
	enum restore_overwrite overwrite;
	bool sparse, delete, dry_run, ownership_by_name, verify;
	bool verbose_items;
	uint64_t range; /* several ranks: a file of twice as many bytes is spread in ranges of about
			   so many; 0: RESTORE_RANGE */
};
#define RESTORE_RANGE ((uint64_t)256 << 20)

/*
 * As restic counts: all node types; skipped files (also those that were found to be right already)
 * are not part of the totals; directories above included files are restored without being part of
 * them.  A directory that was deleted counts once.  verified: files.
 */
struct restore_counts { /* numbers of 64 bits only: struct run_ops */
	uint64_t total_files, files_restored, files_skipped, files_deleted;
	uint64_t total_bytes, bytes_restored, bytes_skipped;
	uint64_t errors, verified;
	uint64_t copied;                /* files that should have become hard links */
	uint64_t left[DEST_LEFT_KINDS]; /* files and directories that lack something of their
					   metadata, without an error */
};

struct restore_events {
	void (*progress)(void *arg, const struct restore_counts *c);
	void (*error)(void *arg, const char *item, const char *message);
	/* no error, but to be known */
	void (*warn)(void *arg, const char *item, const char *message);
	/* "restored", "updated", "unchanged", "deleted" */
	void (*item)(void *arg, const char *action, const char *item, uint64_t size);
	/* the restore was stopped; now and then more than once */
	void (*stopped)(void *arg);
	void *arg;
};

/* What it works with; borrowed. */
struct restore_in {
	struct router *router;
	struct agree *agree;
	struct repo *repo;
	struct catalog *catalog;
	struct loader *loader;
	struct reader *reader;
	const struct env *env;
	size_t ranks_here; /* of this process, which share its descriptors; 0: one */
};

/*
 * restore_run: `root` is the tree selected.  0 although single items failed (counts->errors > 0
 * means exit code 1); other errors end it. When *stop (may be NULL) becomes non-zero it ends soon
 * with ERR_CANCELLED; what was restored so far stays, and a file whose content is not complete is
 * recognised by the next restore, whatever its mode of overwriting (fs/dest.h).  Nothing is deleted
 * after that, nor after a tree could not be read.
 */
int restore_run(const struct restore_in *in, const struct id *root,
	const struct restore_options *opt, const struct restore_events *ev,
	const volatile int *stop, struct restore_counts *counts, struct err *err);

#endif
