/*
 * walk: one directory looked at by a worker: listed, excluded, stat'ed and compared with the
 * parents' trees of the same directory.
 *
 * Pure of ranks and of the repository: it gets the parents' trees as bytes and leaves a list of
 * children, each of which is ready, or a directory, or a file to be read.  What another rank listed
 * and this one cannot find, or finds in an older state, is left to that rank.
 */
#ifndef ENGINE_WALK_H
#define ENGINE_WALK_H
#include "engine/gone.h"
#include "engine/nodemake.h"
#include "engine/parents.h"
#include "engine/sight.h"
#include "engine/tally.h"
#include "engine/target.h"
#include "engine/walk_note.h"
#include "fs/dir.h"
#include "repo/catalog.h"

enum walk_kind {
	WALK_READY,     /* its JSON is in the arena */
	WALK_UNCHANGED, /* likewise, if all of its content is still in the repository */
	WALK_FILE,      /* must be read */
	WALK_DIR,
	WALK_ABOVE /* a directory above targets */
};

struct walk_entry {
	enum walk_kind kind;
	const char *name;            /* of the node; borrowed from the list or the target */
	const struct target *target; /* in a directory above targets */
	size_t json, json_n;         /* READY, UNCHANGED: place in the arena */
	size_t ids, n_ids; /* UNCHANGED, FILE with again: a parent's content, in walk->ids */
	size_t dir;        /* DIR, ABOVE with had: place in walk->parents */
	uint64_t size;
	bool had;          /* a parent has one of this name and type */
	bool meta_same;    /* DIR, ABOVE, FILE with again */
	bool again;        /* FILE: nothing shows that it has changed, but it may have */
	struct id content; /* FILE with again: nodemake_content */
	struct sight seen; /* DIR, FILE */
};

struct walk_link { /* an entry, UNCHANGED or READY, that may share its inode number with others
		      (nodemake_link) */
	size_t entry;
	struct catalog_first ask;
};

struct walk_parent {
	bool has;
	struct buf tree;   /* its tree of the directory, plaintext */
	struct ts settled; /* a file that it has, with times after this, may have changed after it
			      was read, and its times not */
};

struct walk {
	/* in */
	const struct backup_options *opt;
	const struct nodemake *make;
	const char *path; /* of the directory; borrowed */
	const struct target
		*above; /* not NULL: the children are these, instead of what readdir says */
	struct walk_parent parent[PARENTS_MAX]; /* of struct parents */
	unsigned partials; /* so many of them, the first, are partial: what is only there is noted
			      (WALK_MISSING) */
	uint64_t device;   /* --one-file-system: the target's; not used above targets */
	struct tally *tally;
	bool named;               /* the user named it: it does not vanish without a word */
	bool foreign;             /* another rank listed its name, and saw it as `seen` */
	const struct sight *seen; /* NULL: nobody has */
	const char *by;           /* not NULL: they saw it as `other`; is it so? */
	const struct sight *other;
	struct witness_last owner;
	bool apart; /* in and out: inode numbers are not those of rank 0 */
	/* out */
	struct err err; /* the directory itself cannot be listed */
	bool vanished;  /* because it is gone */
	bool back; /* nothing of this counts: the rank that listed the directory must look; `meta`
		      is what was here if it is that */
	bool differs; /* … because owner or mode are others here */
	bool fatal;   /* err ends the run: ranks do not see the same */
	struct meta meta;
	struct xattr_list xattr;
	struct dir_list list;
	struct walk_entry *entry;
	size_t n;
	struct buf arena;
	struct id *ids;
	size_t n_ids, cap_ids;
	struct parents *parents;
	size_t n_parents;
	struct walk_link *link;
	size_t n_link;
	struct walk_note *note;
	size_t n_note;
};

void walk_run(struct walk *w); /* any thread */
void walk_release(struct walk *w);

#endif
