/*
 * item: a piece of work that any rank can do: list one directory, or read some files of one.
 *
 * An item names the place where its results belong by a dirref: the return address of the directory
 * that waits for them, on whichever rank that is (ranks/pending.h).
 */
#ifndef ENGINE_ITEM_H
#define ENGINE_ITEM_H
#include "ranks/pending.h"
#include "ranks/workq.h"
#include "engine/parents.h"
#include "engine/sight.h"

enum item_kind { ITEM_DIR, ITEM_FILES };

struct item_file {
	char *name;     /* in the file system, below item->path */
	char *as;       /* the node's name if another one, else NULL */
	uint32_t child; /* of item->up.slot */
	bool had;       /* a parent snapshot has a file of this name */
	bool named;     /* by the user: it does not vanish without a word */
	bool again; /* it is unchanged if its content (nodemake_content) is this, and its metadata
		       as seen; meta_same: that was the same */
	bool meta_same;
	struct id content;
	struct sight seen;
};

struct item {
	struct workq_item q;
	enum item_kind kind;
	struct dirref up; /* ITEM_FILES: child is unused */
	char *path;       /* absolute: the directory itself, or the one that holds the files */
	bool doubt; /* the parent's tree of this directory, or of one above, could not be read: nor
		       perhaps can those that the index has of this one */
	bool apart; /* inode numbers here are not those that rank 0 sees: they tell nothing about
		       hard links */
	char *by;   /* it comes back: that rank, a word for people, sees the directory, or the only
		       file, otherwise; else NULL … */
	struct sight other; /* … namely so */
	/* ITEM_DIR */
	char *name; /* the node's */
	struct parents parents;
	bool meta_same;  /* the newest parent that has it had this metadata, when last seen */
	uint64_t device; /* --one-file-system: the target's st_dev */
	bool named;      /* by the user */
	uint32_t depth;  /* directories above it in the snapshot */
	struct sight seen;
	/* ITEM_FILES */
	bool follow; /* path is a directory above targets: it may be a link */
	struct item_file *file;
	size_t n;
};

struct item *item_new(enum item_kind kind, const struct dirref *up, const char *path);
void item_free(struct item *it);
/* item_add_file: a file with these, the rest is the caller's to fill in (valid until the next one).
 */
struct item_file *item_add_file(struct item *it, const char *name, const char *as, uint32_t child);
void item_pack(const struct item *it, struct buf *out);
struct item *item_unpack(struct wire_in *in); /* NULL: damaged */

#endif
