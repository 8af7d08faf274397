/*
 * place: what a path leads to, so that it can be looked at again later, and compared with what the
 * same path leads to on another node.
 *
 * A place is a handful of numbers and travels in a message.  Thread safe: no shared state.
 */
#ifndef FS_PLACE_H
#define FS_PLACE_H
#include "base/clock.h"
#include "base/wire.h"

struct place {
	int errnum;        /* 0, or why it cannot be looked at; the rest is 0 then */
	uint32_t type;     /* S_IFMT of its mode */
	uint64_t ino, dev; /* dev as stat(2) gives it, which only this node understands */
	struct ts mtime;
	uint64_t fs, fsid; /* statfs(2): f_type, f_fsid */
	uint64_t names; /* a directory where inode numbers are made up by each mount: the sum of the
			   names in it */
};

/*
 * place_look: fills *p, of what a link leads to; what is to be mounted by being touched (autofs,
 * NFS below NFS) is mounted, and what a network file system had in its cache is asked for anew.  A
 * descriptor (O_PATH) that keeps the place alive and mounted, or -1 when p->errnum says why.
 */
int place_look(const char *path, struct place *p);
/* place_again: only type, inode and device, of a path that was looked at before: one system call.
 * The rest of *p is 0. */
void place_again(const char *path, struct place *p);
/* place_above: likewise, so many levels above the directory that is open at fd: where it lies now,
 * whatever path led to it.  With what the node knows: the file server is not asked. */
void place_above(int fd, size_t levels, struct place *p);

/* place_numbered: false where each mount makes up inode numbers of its own (FUSE, SMB), so that
 * another node may have others. */
bool place_numbered(const struct place *p);

enum place_match {
	PLACE_SAME,  /* as far as one can tell */
	PLACE_MOVED, /* only times or names differ: somebody may just be changing it; look again */
	PLACE_OTHER
};
/* place_compare: what two nodes see under one path.  *why (borrowed, static): what differs,
 * "another inode". */
enum place_match place_compare(const struct place *here, const struct place *there,
	const char **why);

void place_put(struct buf *b, const struct place *p);
void place_get(struct wire_in *in, struct place *p);

#endif
