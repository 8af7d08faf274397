/*
 * sight: what a rank saw of a file when it listed it, carried to the rank that opens it and
 * compared there.
 *
 * Nodes see one file system in more than one way: they cache names and attributes, translate
 * owners, leave extended attributes out, and some number inodes by themselves.  What another node
 * is told must not enter the snapshot unnoticed.
 */
#ifndef ENGINE_SIGHT_H
#define ENGINE_SIGHT_H
#include "base/wire.h"
#include "fs/meta.h"

struct sight {
	uint32_t mode, uid, gid;
	uint64_t ino, dev, size; /* dev: rank 0's number */
	struct ts mtime, ctime;
};

enum sight_verdict {
	SIGHT_SAME,     /* it, as it was seen or as it has become since */
	SIGHT_NUMBERED, /* likewise, but its inode or device number is another one here */
	SIGHT_OLDER, /* what it was before it was seen, or another file: only who listed it can tell
			what there is */
	SIGHT_OTHER  /* as it was seen, but with another owner or mode */
};

void sight_of(struct sight *s, const struct meta *m);
/* sight_compare: `now` is what is there for who opens it.  Size counts for files; for directories
 * only where the numbers differ. */
enum sight_verdict sight_compare(const struct sight *seen, const struct meta *now);

/*
 * sight_agree: `by` saw path as `other`; here it is `now`.  0 when that is the same or has changed
 * since, else the error that ends the run.  by NULL: 0.
 */
int sight_agree(const struct sight *other, const char *by, const struct meta *now, const char *path,
	struct err *err);

void sight_put(struct buf *b, const struct sight *s);
void sight_get(struct wire_in *w, struct sight *s);

#endif
